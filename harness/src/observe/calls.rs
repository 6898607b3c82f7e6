//! The system calls and ring operations that matter to an I/O model.
use serde::{Deserialize, Serialize};

/// What a system call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named after its calls")]
pub enum Class {
    Read,
    Write,
    Accept,
    EpollWait,
    EpollCtl,
    Poll,
    Select,
    Close,
    Reap,
    Exec,
    Duplicate,
    RingSetup,
    RingEnter,
}

const CALLS: &[(i64, &str, Class)] = &[
    (libc::SYS_read, "read", Class::Read),
    (libc::SYS_readv, "readv", Class::Read),
    (libc::SYS_recvfrom, "recvfrom", Class::Read),
    (libc::SYS_recvmsg, "recvmsg", Class::Read),
    (libc::SYS_recvmmsg, "recvmmsg", Class::Read),
    (libc::SYS_splice, "splice", Class::Read),
    (libc::SYS_write, "write", Class::Write),
    (libc::SYS_writev, "writev", Class::Write),
    (libc::SYS_sendto, "sendto", Class::Write),
    (libc::SYS_sendmsg, "sendmsg", Class::Write),
    (libc::SYS_sendmmsg, "sendmmsg", Class::Write),
    (libc::SYS_sendfile, "sendfile", Class::Write),
    (libc::SYS_accept, "accept", Class::Accept),
    (libc::SYS_accept4, "accept4", Class::Accept),
    (libc::SYS_epoll_wait, "epoll_wait", Class::EpollWait),
    (libc::SYS_epoll_pwait, "epoll_pwait", Class::EpollWait),
    (libc::SYS_epoll_pwait2, "epoll_pwait2", Class::EpollWait),
    (libc::SYS_epoll_ctl, "epoll_ctl", Class::EpollCtl),
    (libc::SYS_poll, "poll", Class::Poll),
    (libc::SYS_ppoll, "ppoll", Class::Poll),
    (libc::SYS_select, "select", Class::Select),
    (libc::SYS_pselect6, "pselect6", Class::Select),
    (libc::SYS_close, "close", Class::Close),
    (libc::SYS_wait4, "wait4", Class::Reap),
    (libc::SYS_waitid, "waitid", Class::Reap),
    (libc::SYS_execve, "execve", Class::Exec),
    (libc::SYS_execveat, "execveat", Class::Exec),
    (libc::SYS_dup, "dup", Class::Duplicate),
    (libc::SYS_dup2, "dup2", Class::Duplicate),
    (libc::SYS_dup3, "dup3", Class::Duplicate),
    (libc::SYS_io_uring_setup, "io_uring_setup", Class::RingSetup),
    (libc::SYS_io_uring_enter, "io_uring_enter", Class::RingEnter),
];

/// By number, as it is asked of every event.
const CLASSES: [Option<Class>; wakeproof_abi::CALLS] = {
    let mut classes = [None; wakeproof_abi::CALLS];
    let mut place = 0;
    while place < CALLS.len() {
        #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "numbers of calls are small")]
        let number = CALLS[place].0 as usize;
        classes[number] = Some(CALLS[place].2);
        place += 1;
    }
    classes
};

impl Class {
    /// What a system call is for, if it matters.
    pub fn of(call: u16) -> Option<Self> {
        CLASSES.get(usize::from(call)).copied().flatten()
    }

    /// Whether the call waits for several descriptors.
    pub fn waits(self) -> bool {
        matches!(self, Self::EpollWait | Self::Poll | Self::Select)
    }

    /// Whether a busy server makes the call for every request. All others say what its descriptors are, who waits for them
    /// and who was born: of those none may be missed.
    pub fn frequent(self) -> bool {
        self.waits() || matches!(self, Self::Read | Self::Write | Self::RingEnter)
    }
}

/// A system call's name, or its number.
pub fn name(call: u16) -> String {
    const OTHERS: &[(i64, &str)] = &[
        (libc::SYS_futex, "futex"),
        (libc::SYS_fcntl, "fcntl"),
        (libc::SYS_setsockopt, "setsockopt"),
        (libc::SYS_getsockopt, "getsockopt"),
        (libc::SYS_shutdown, "shutdown"),
        (libc::SYS_clone, "clone"),
        (libc::SYS_clone3, "clone3"),
        (libc::SYS_rt_sigprocmask, "rt_sigprocmask"),
        (libc::SYS_rt_sigsuspend, "rt_sigsuspend"),
        (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        (libc::SYS_pause, "pause"),
        (libc::SYS_restart_syscall, "restart_syscall"),
        (libc::SYS_getsockname, "getsockname"),
        (libc::SYS_getpeername, "getpeername"),
        (libc::SYS_mmap, "mmap"),
        (libc::SYS_munmap, "munmap"),
        (libc::SYS_madvise, "madvise"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_ioctl, "ioctl"),
        (libc::SYS_timerfd_settime, "timerfd_settime"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_semop, "semop"),
    ];
    let known = CALLS.iter().map(|(number, name, _)| (*number, *name)).chain(OTHERS.iter().copied());
    known
        .into_iter()
        .find(|(number, _)| *number == i64::from(call))
        .map_or_else(|| format!("call {call}"), |(_, name)| name.to_owned())
}

/// Operations of a ring (`enum io_uring_op`, `include/uapi/linux/io_uring.h`).
pub mod ring {
    /// `IORING_OP_POLL_ADD`: waits for readiness.
    pub const POLL_ADD: u16 = 6;
    /// `IORING_OP_ACCEPT`.
    pub const ACCEPT: u16 = 13;
    /// `IORING_OP_EPOLL_CTL`: an epoll registration made through a ring.
    pub const EPOLL_CTL: u16 = 29;

    /// Whether the operation takes bytes.
    pub fn reads(op: u16) -> bool {
        // READV, READ_FIXED, RECVMSG, READ, RECV, SPLICE, READ_MULTISHOT
        matches!(op, 1 | 4 | 10 | 22 | 27 | 30 | 49)
    }

    /// Whether it gives bytes.
    pub fn writes(op: u16) -> bool {
        // WRITEV, WRITE_FIXED, SENDMSG, WRITE, SEND, SEND_ZC, SENDMSG_ZC
        matches!(op, 2 | 5 | 9 | 23 | 26 | 47 | 48)
    }
}
