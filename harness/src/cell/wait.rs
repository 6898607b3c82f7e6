//! Waiting: for descriptors, up to a deadline. Nothing here lets time pass for its own sake.
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds, the clock of the events.
pub fn now() -> u64 {
    let Ok(time) = clock_gettime(ClockId::CLOCK_MONOTONIC) else { return 0 };
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(time.tv_sec()) * 1_000_000_000 + part(time.tv_nsec())
}

/// The time by which something must have happened.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    /// How long that was, in milliseconds.
    pub millis: u64,
}

impl Deadline {
    /// So many milliseconds from now.
    pub fn after(millis: u64) -> Self {
        // An hour stands for "too far away to matter", and cannot overflow the clock.
        Self { at: Instant::now() + Duration::from_millis(millis.min(3_600_000)), millis }
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn passed(&self) -> bool {
        self.left().is_zero()
    }
}

/// Waits until one of the descriptors has one of these `poll` events, or reports an error or hang-up. False: the time
/// ran out.
pub fn any(fds: &[RawFd], events: i16, left: Option<Duration>) -> nix::Result<bool> {
    ready(fds, events, left).map(|ready| !ready.is_empty())
}

/// Waits likewise, for those that have: none if the time ran out.
pub fn ready(fds: &[RawFd], events: i16, left: Option<Duration>) -> nix::Result<Vec<RawFd>> {
    let mut entries: Vec<_> = fds.iter().map(|&fd| libc::pollfd { fd, events, revents: 0 }).collect();
    let limit = left.map(|left| libc::timespec {
        tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: left.subsec_nanos().into(),
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: both pointers are to values that live until the call returns, the number is that of the entries, and
    // a null mask leaves the signals as they are.
    let found = unsafe { libc::ppoll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, limit, std::ptr::null()) };
    match Errno::result(found) {
        Ok(_) => Ok(entries.iter().filter(|entry| entry.revents != 0).map(|entry| entry.fd).collect()),
        Err(Errno::EINTR) => Ok(Vec::new()),
        Err(errno) => Err(errno),
    }
}

/// Waits for one descriptor until a deadline. False: it passed.
pub fn until(fd: RawFd, events: i16, deadline: &Deadline) -> nix::Result<bool> {
    loop {
        if any(&[fd], events, Some(deadline.left()))? {
            return Ok(true);
        }
        if deadline.passed() {
            return Ok(false);
        }
    }
}

/// The interval between two looks at `/proc`, whose changes cannot be waited for. It is no call that a case may count.
pub fn between_looks() {
    std::thread::park_timeout(Duration::from_micros(500));
}
