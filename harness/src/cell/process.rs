//! What concerns whole processes: their ends, their parents, their limits.
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::{tasks, wait};

/// Has the kernel kill this process when the thread that forked it ends. Async-signal-safe.
pub fn die_with_parent() -> nix::Result<()> {
    set_pdeathsig(Signal::SIGKILL)
}

/// A descriptor for a process: readable once the process has ended.
pub struct Handle(OwnedFd);

impl Handle {
    /// Of the process with this number.
    pub fn open(pid: i32) -> nix::Result<Self> {
        // SAFETY: pidfd_open takes two numbers.
        let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
        // SAFETY: the kernel has just made this descriptor, close-on-exec, and nobody else knows its number.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).unwrap_or(-1)) }))
    }

    /// Whether the process has ended.
    pub fn ended(&self) -> nix::Result<bool> {
        wait::any(&[self.0.as_raw_fd()], libc::POLLIN, Some(std::time::Duration::ZERO))
    }

    /// The descriptor's number.
    pub fn fd(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Kills the process, if it is not gone.
    pub fn kill(&self) {
        let nothing = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: without a siginfo the kernel fills in the one of kill(2); the others are numbers.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.fd(), libc::SIGKILL, nothing, 0) };
    }
}

/// Splits this process. `None` in the child.
pub fn split() -> nix::Result<Option<Pid>> {
    // SAFETY: the cell has one thread until its first actor, and it is split only before.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Process 1. The cell is that only in a process namespace of its own, in which there is nothing but what it started.
const INIT: Pid = Pid::from_raw(1);

/// Kills everything else in the process namespace and collects it, however much it is: orphans become its children.
fn kill_everything_else() {
    // What sleeps uninterruptibly in the kernel cannot be killed: it would be waited for without end.
    let deadline = wait::Deadline::after(10_000);
    while !deadline.passed() {
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        loop {
            match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break,
                Ok(_) => {}
                Err(_) => return,
            }
        }
        wait::between_looks();
    }
}

/// Kills everything that descends from this process, and collects it.
pub fn kill_descendants() {
    if Pid::this() == INIT {
        return kill_everything_else();
    }
    kill_living_descendants();
    while matches!(
        waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)),
        Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..))
    ) {}
}

/// Kills everything that descends from this process: again and again, as one can fork while another is being killed.
pub fn kill_living_descendants() {
    let me = Pid::this().as_raw();
    // What sleeps uninterruptibly in the kernel cannot be killed: it would be waited for without end.
    let deadline = wait::Deadline::after(10_000);
    while !deadline.passed() {
        let found = tasks::descendants(me);
        if found.is_empty() {
            return;
        }
        let handles: Vec<_> = found.iter().filter_map(|&pid| Some((pid, Handle::open(pid).ok()?))).collect();
        // A number can have been given to a stranger before its handle was opened, never after.
        let still = tasks::descendants(me);
        for (_, handle) in handles.iter().filter(|(pid, _)| still.contains(pid)) {
            handle.kill();
        }
        wait::between_looks();
    }
}

/// Raises the soft limit of descriptors to the hard one.
pub fn raise_descriptor_limit() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
}
