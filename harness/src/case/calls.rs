//! Which system calls an event stands for, by number and name.
use super::EventName;

/// A system call: its number on this machine and its name.
pub type Call = (i64, &'static str);

const EPOLL_WAIT: &[Call] = &[
    (libc::SYS_epoll_wait, "epoll_wait"),
    (libc::SYS_epoll_pwait, "epoll_pwait"),
    (libc::SYS_epoll_pwait2, "epoll_pwait2"),
];
const SELECT: &[Call] = &[(libc::SYS_select, "select"), (libc::SYS_pselect6, "pselect6")];
const POLL: &[Call] = &[(libc::SYS_poll, "poll"), (libc::SYS_ppoll, "ppoll")];
const ACCEPT: &[Call] = &[(libc::SYS_accept, "accept"), (libc::SYS_accept4, "accept4")];
const READ: &[Call] = &[
    (libc::SYS_read, "read"),
    (libc::SYS_recvfrom, "recvfrom"),
    (libc::SYS_readv, "readv"),
    (libc::SYS_recvmsg, "recvmsg"),
];
const WRITE: &[Call] = &[
    (libc::SYS_write, "write"),
    (libc::SYS_sendto, "sendto"),
    (libc::SYS_writev, "writev"),
    (libc::SYS_sendmsg, "sendmsg"),
];
const EPOLL_CTL: &[Call] = &[(libc::SYS_epoll_ctl, "epoll_ctl")];
const CLOSE: &[Call] = &[(libc::SYS_close, "close")];
const WAIT4: &[Call] = &[(libc::SYS_wait4, "wait4"), (libc::SYS_waitid, "waitid")];
const CLONE: &[Call] =
    &[(libc::SYS_clone, "clone"), (libc::SYS_clone3, "clone3"), (libc::SYS_fork, "fork"), (libc::SYS_vfork, "vfork")];
const MMAP: &[Call] = &[(libc::SYS_mmap, "mmap")];
const FUTEX: &[Call] = &[(libc::SYS_futex, "futex")];
const ALL: &[&[Call]] = &[EPOLL_WAIT, SELECT, POLL, ACCEPT, READ, WRITE, EPOLL_CTL, CLOSE, WAIT4, CLONE, MMAP, FUTEX];

/// When an event of a system call is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// On the way in.
    Enter,
    /// On the way out.
    Exit,
}

impl EventName {
    /// The system calls whose entry or return this event is; none if it is something else.
    pub fn calls(self) -> Option<(Side, &'static [Call])> {
        Some(match self {
            Self::EpollWait => (Side::Exit, EPOLL_WAIT),
            Self::Select => (Side::Exit, SELECT),
            Self::Poll => (Side::Exit, POLL),
            Self::Accept => (Side::Exit, ACCEPT),
            Self::Read => (Side::Exit, READ),
            Self::Write => (Side::Exit, WRITE),
            Self::EpollCtl => (Side::Exit, EPOLL_CTL),
            Self::Close => (Side::Exit, CLOSE),
            Self::Wait4 => (Side::Exit, WAIT4),
            Self::Clone => (Side::Exit, CLONE),
            Self::Mmap => (Side::Exit, MMAP),
            Self::SysEnterFutex => (Side::Enter, FUTEX),
            Self::SysEnterEpollWait => (Side::Enter, EPOLL_WAIT),
            Self::SysEnterSelect => (Side::Enter, SELECT),
            Self::SysEnterPoll => (Side::Enter, POLL),
            Self::SysEnterAccept => (Side::Enter, ACCEPT),
            Self::SysEnterRead => (Side::Enter, READ),
            Self::TcpV4Rcv
            | Self::EpPollCallback
            | Self::SkDataReady
            | Self::Fork
            | Self::Exit
            | Self::SchedWaking
            | Self::SchedWakeup
            | Self::SchedSwitch
            | Self::TlbFlush
            | Self::PageFaultKernel
            | Self::NetifRx
            | Self::NetifReceiveSkb
            | Self::TcpProbe
            | Self::SkbCopyDatagramIovec
            | Self::SoftirqRaise
            | Self::SoftirqEntry
            | Self::SoftirqExit
            | Self::IrqHandlerEntry
            | Self::LocalTimerEntry
            | Self::IpQueueXmit
            | Self::NetDevQueue
            | Self::NetDevStartXmit
            | Self::IpRcv
            | Self::Watch
            | Self::InetSockSetState => return None,
        })
    }
}

/// The name of a system call that some event stands for.
pub fn call_name(number: i64) -> Option<&'static str> {
    ALL.iter().copied().flatten().find(|call| call.0 == number).map(|call| call.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_name() {
        let mut numbers: Vec<_> = ALL.iter().copied().flatten().collect();
        let before = numbers.len();
        numbers.sort_unstable();
        numbers.dedup_by_key(|call| call.0);
        assert_eq!(numbers.len(), before);
        assert_eq!(call_name(libc::SYS_epoll_pwait2), Some("epoll_pwait2"));
        assert_eq!(call_name(-1), None);
    }
}
