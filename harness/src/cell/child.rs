//! A call made by a process of its own.
use std::fs::File;
use std::io::{Read as _, Write as _};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, pipe2};

use super::call::{Call, Returned};
use super::fence;
use crate::recording::CallResult;

/// Forks, makes the call in the child, and brings its result back. `born` is told the child's number.
pub fn make(call: Call, number: usize, token: u64, born: impl FnOnce(i32)) -> Returned {
    let failed = |what: &str, errno: Errno| Returned::refused(format!("failed to {what}: {}", errno.desc()));
    let (reader, writer) = match pipe2(OFlag::O_CLOEXEC) {
        Ok(ends) => ends,
        Err(errno) => return failed("make a pipe to a process", errno),
    };
    // SAFETY: the child makes one system call and leaves; it takes no lock that another thread could hold but the
    // allocator's, which the C library makes usable in a child.
    match unsafe { fork() } {
        Err(errno) => failed("make a process", errno),
        Ok(ForkResult::Child) => {
            drop(reader);
            let _ = set_pdeathsig(Signal::SIGKILL);
            fence::actor(number, token);
            let returned = (call.make)();
            let line = serde_json::to_vec(&(&returned.result, returned.interrupted, &returned.trouble));
            let _ = File::from(writer).write_all(&line.unwrap_or_default());
            // SAFETY: leaves without running anything of the parent's.
            unsafe { libc::_exit(0) }
        }
        Ok(ForkResult::Parent { child }) => {
            born(child.as_raw());
            drop(writer);
            let mut line = Vec::new();
            let read = File::from(reader).read_to_end(&mut line);
            let _ = waitpid(child, None);
            let said: Result<(CallResult, bool, Option<String>), _> = serde_json::from_slice(&line);
            match (read, said) {
                (Ok(_), Ok((result, interrupted, trouble))) => Returned { result, interrupted, trouble },
                _ => Returned::refused("the process ended without a result".into()),
            }
        }
    }
}
