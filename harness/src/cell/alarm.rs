//! A deadline for a system call that the cell makes itself and that may sleep without end.
//!
//! A timer sends a signal to this thread, again and again until it is disarmed, as a signal that comes before the call
//! interrupts nothing. The call then fails with EINTR.
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, sigaction};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use nix::unistd::gettid;

/// A timer of this thread.
pub struct Alarm(Timer);

extern "C" fn nothing(_: libc::c_int) {}

impl Alarm {
    /// A timer that is not armed.
    pub fn new() -> nix::Result<Self> {
        // Without SA_RESTART: the interrupted call is to return.
        let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(Signal::SIGALRM, &action) }?;
        let thread_id = gettid().as_raw();
        let notify = SigevNotify::SigevThreadId { signal: Signal::SIGALRM, thread_id, si_value: 0 };
        Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(notify)).map(Self)
    }

    /// Makes a call that is interrupted after so many milliseconds. The second value says whether it was.
    pub fn during<T>(&mut self, millis: u64, call: impl FnOnce() -> T) -> nix::Result<T> {
        let first = Duration::from_millis(millis.max(1)).into();
        let again = Duration::from_millis(10).into();
        self.0.set(Expiration::IntervalDelayed(first, again), TimerSetTimeFlags::empty())?;
        let result = call();
        self.disarm()?;
        Ok(result)
    }

    fn disarm(&mut self) -> Result<(), Errno> {
        self.0.set(Expiration::OneShot(Duration::ZERO.into()), TimerSetTimeFlags::empty())
    }
}
