//! The other kinds of descriptors: what can be waited for is not sockets and pipes alone.
use std::ffi::CString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::pty::openpty;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::Mode;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::unistd::{mkfifo, unlink};

use super::failure::Failure;
use super::files::pairs;
use super::run::Run;
use crate::case::{Made, Timer, TwoEnds};

/// Named pipes: the reading end, then the writing end.
pub fn make_fifos(run: &mut Run, step: &TwoEnds) -> Result<(), Failure> {
    let mut number = 0;
    pairs(run, step, || {
        number += 1;
        let name = format!("wakeproof-{}-{number}", nix::unistd::gettid());
        fifo(&std::env::temp_dir().join(name)).map_err(|errno| Failure::call("make a named pipe", errno))
    })
}

/// The name is there only until both ends are open.
fn fifo(path: &std::path::Path) -> nix::Result<(OwnedFd, OwnedFd)> {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?;
    // The reader does not wait for a writer, and the writer finds a reader.
    let flags = OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let reader = open(path, OFlag::O_RDONLY | flags, Mode::empty());
    let writer = open(path, OFlag::O_WRONLY | flags, Mode::empty());
    unlink(path)?;
    Ok((reader?, writer?))
}

/// Pseudo-terminals: the master, then the terminal, which neither echoes nor waits for lines.
pub fn make_ptys(run: &mut Run, step: &TwoEnds) -> Result<(), Failure> {
    pairs(run, step, || {
        let raw = || {
            let pty = openpty(None, None)?;
            let mut settings = tcgetattr(pty.slave.as_fd())?;
            cfmakeraw(&mut settings);
            tcsetattr(pty.slave.as_fd(), SetArg::TCSANOW, &settings)?;
            Ok((pty.master, pty.slave))
        };
        raw().map_err(|errno| Failure::call("make a pseudo-terminal", errno))
    })
}

/// A counter.
pub fn make_eventfd(run: &mut Run, step: &Made) -> Result<(), Failure> {
    let made = EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
    let event = made.map_err(|errno| Failure::call("make an eventfd", errno))?;
    run.add_descriptor(&step.name, event.into());
    Ok(())
}

/// A timer.
pub fn make_timerfd(run: &mut Run, step: &Timer) -> Result<(), Failure> {
    let failed = |errno| Failure::call("make a timerfd", errno);
    let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).map_err(failed)?;
    if let Some(expires) = step.expires {
        // 0 would mean never.
        let after = Duration::from_nanos(expires.0.max(1));
        timer.set(Expiration::OneShot(after.into()), TimerSetTimeFlags::empty()).map_err(failed)?;
    }
    run.add_descriptor(&step.name, timer.into());
    Ok(())
}

/// A file of the memory's own filesystem.
pub fn make_regular_file(run: &mut Run, step: &Made) -> Result<(), Failure> {
    let name = CString::new(step.name.as_str()).unwrap_or_default();
    let file = memfd_create(name.as_c_str(), MFdFlags::MFD_CLOEXEC);
    run.add_descriptor(&step.name, file.map_err(|errno| Failure::call("make a file in memory", errno))?);
    Ok(())
}
