//! Limits of the server's processes alone: set in the child before it becomes the server.
use std::io;

use crate::case::{Limited, ServerLimit};

/// A limit that can be set between fork and exec.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    resource: libc::__rlimit_resource_t,
    to: u64,
    /// The user to become: root is exempt from `RLIMIT_NPROC` (kernel/fork.c: `copy_process`).
    user: Option<libc::uid_t>,
}

/// Numbers of users that no distribution gives away begin here.
const STRANGERS: u32 = 1_900_000_000;

/// Looks up everything that the child needs. Of all runs only one has this token, and so this user.
pub fn prepare(limit: &ServerLimit, token: u64) -> Prepared {
    let to = limit.to.0;
    match limit.of {
        Limited::Nofile => Prepared { resource: libc::RLIMIT_NOFILE, to, user: None },
        Limited::AsMb => Prepared { resource: libc::RLIMIT_AS, to: to.saturating_mul(1 << 20), user: None },
        Limited::Nproc => {
            let user = STRANGERS + u32::try_from(token % 90_000_000).unwrap_or(0);
            Prepared { resource: libc::RLIMIT_NPROC, to, user: Some(user) }
        }
    }
}

impl Prepared {
    /// Sets it for this process and its children. Async-signal-safe.
    pub fn set(&self) -> io::Result<()> {
        let limit = libc::rlimit { rlim_cur: self.to, rlim_max: self.to };
        // SAFETY: setrlimit reads one structure, which lives until it returns.
        succeeded(unsafe { libc::setrlimit(self.resource, &raw const limit) }.into())?;
        let Some(user) = self.user else { return Ok(()) };
        // The system calls themselves: the C library's functions would take locks to change all threads.
        // SAFETY: they take numbers; without groups the pointer is not read.
        unsafe {
            succeeded(libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()))?;
            succeeded(libc::syscall(libc::SYS_setgid, user))?;
            succeeded(libc::syscall(libc::SYS_setuid, user))
        }
    }
}

fn succeeded(ret: i64) -> io::Result<()> {
    if ret < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Number;

    #[test]
    fn only_the_number_of_processes_needs_another_user() {
        let of = |of| prepare(&ServerLimit { of, to: Number(7) }, u64::MAX);
        assert!(of(Limited::Nofile).user.is_none() && of(Limited::AsMb).user.is_none());
        assert!(of(Limited::Nproc).user.is_some_and(|user| (STRANGERS..u32::MAX).contains(&user)));
        assert_eq!(of(Limited::AsMb).to, 7 << 20);
    }
}
