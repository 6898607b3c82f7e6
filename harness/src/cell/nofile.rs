//! What this process may have: `setrlimit`, and what comes of it.
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use crate::case::{Capability, Dup2, DupUntilRefused, Limit};

/// Sets the limit of descriptors of this process, and of every thread in it. What is open stays open.
pub fn set(step: &Limit) -> Call {
    let (soft, hard) = (step.nofile.0, step.hard.map(|hard| hard.0));
    Call {
        what: format!("set RLIMIT_NOFILE to {soft}"),
        number: libc::SYS_prlimit64,
        result: step.name.clone(),
        sleeps: false,
        make: Box::new(move || {
            let now = getrlimit(Resource::RLIMIT_NOFILE).map_or(soft, |(_, hard)| hard);
            let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard.unwrap_or(now) };
            // SAFETY: reads one rlimit.
            Returned::take(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })
        }),
    }
}

/// Duplicates until the kernel refuses.
pub fn exhaust(run: &Run, step: &DupUntilRefused) -> Result<Call, Failure> {
    let fd = run.names.fd(run.names.one(&step.of)?);
    Ok(Call {
        what: format!("duplicate {} until the kernel refuses", step.of),
        number: libc::SYS_fcntl,
        result: Some(step.name.clone()),
        sleeps: false,
        make: Box::new(move || all_duplicates(fd)),
    })
}

fn all_duplicates(of: RawFd) -> Returned {
    let mut given = Vec::new();
    let refused = loop {
        // SAFETY: fcntl with F_DUPFD_CLOEXEC takes numbers.
        match Errno::result(unsafe { libc::fcntl(of, libc::F_DUPFD_CLOEXEC, 0) }) {
            Ok(fd) => given.push(fd),
            Err(errno) => break errno,
        }
    };
    for &fd in &given {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows its number.
        unsafe { libc::close(fd) };
    }
    let mut returned = Returned::take(given.into_iter().max().unwrap_or(-1));
    returned.result.errno = Some(format!("{refused:?}"));
    returned
}

/// Duplicates to a number, and closes the duplicate.
pub fn dup2(run: &Run, step: &Dup2) -> Result<Call, Failure> {
    let (of, number) = (run.names.fd(run.names.one(&step.of)?), RawFd::try_from(step.number.0).unwrap_or(RawFd::MAX));
    // SAFETY: fcntl with F_GETFD takes numbers.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } != -1 {
        return Err(Failure::Broken(format!("descriptor {number} is in use")));
    }
    Ok(Call {
        what: format!("dup2 {} to {number}", step.of),
        number: libc::SYS_dup2,
        result: Some(step.name.clone()),
        sleeps: false,
        make: Box::new(move || {
            // SAFETY: dup2 takes numbers; nobody had this one.
            let returned = Returned::take(unsafe { libc::dup2(of, number) });
            if returned.trouble.is_none() {
                // SAFETY: the duplicate that has just been made.
                unsafe { libc::close(number) };
            }
            returned
        }),
    })
}

/// Gives a capability away: it is neither effective nor permitted any more, and cannot come back.
pub fn drop_capability(capability: Capability) -> Result<(), Failure> {
    let number = match capability {
        Capability::SysResource => 24,
    };
    without(number).map_err(|errno| Failure::call(format!("give {capability:?} away"), errno))
}

/// `struct __user_cap_header_struct` (include/uapi/linux/capability.h).
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`, of which there are two for 64 capabilities.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`.
const VERSION: u32 = 0x2008_0522;

fn without(capability: usize) -> nix::Result<()> {
    let mut header = Header { version: VERSION, pid: 0 };
    let mut data = [Data::default(); 2];
    let (head, all) = (&raw mut header, &raw mut data);
    // SAFETY: version 3 has a header like this and two sets like these.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, head, all) })?;
    let (set, bit) = (&mut data[capability / 32], !(1 << (capability % 32)));
    set.effective &= bit;
    set.permitted &= bit;
    set.inheritable &= bit;
    let all = &raw const data;
    // SAFETY: as above.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, head, all) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_given_the_capability_away_cannot_raise_the_hard_limit() {
        // Capabilities belong to the thread, which ends with the test's; the limit is not changed, as the change fails.
        let errno = std::thread::spawn(|| {
            without(24).unwrap();
            let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
            nix::sys::resource::setrlimit(Resource::RLIMIT_NOFILE, soft, hard + 1)
        });
        assert_eq!(errno.join().unwrap(), Err(Errno::EPERM));
    }
}
