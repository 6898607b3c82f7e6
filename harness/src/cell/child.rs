//! A call made by a process of its own.
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, pipe2};

use super::call::{Call, Returned};
use super::fence;
use crate::recording::CallResult;

/// Held from the making of a pipe until only the child has its writing end: a process that another thread forks meanwhile
/// would get a copy of that, and as long as it lives nobody would see the pipe's end.
static FORKING: Mutex<()> = Mutex::new(());

/// Forks, makes the call in the child, and brings its result back. `born` is told the child's number.
pub fn make(call: Call, number: usize, token: u64, born: impl FnOnce(i32)) -> Returned {
    let failed = |what: &str, errno: Errno| Returned::refused(format!("failed to {what}: {}", errno.desc()));
    let forking = FORKING.lock().unwrap_or_else(PoisonError::into_inner);
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
            drop(writer);
            drop(forking);
            born(child.as_raw());
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn call(make: impl FnOnce() -> Returned + Send + 'static) -> Call {
        Call { what: "nothing".to_owned(), number: 0, result: None, sleeps: true, make: Box::new(make) }
    }

    #[test]
    fn a_process_that_sleeps_keeps_nobody_elses_result_back() {
        for _ in 0..50 {
            let (hold, release) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
            let sleeper = call(move || Returned::take(File::from(hold).read(&mut [0]).map_or(-1, |_| 0)));
            let slow = thread::spawn(|| make(sleeper, 0, 0, |_| ()));
            let (done, came) = mpsc::channel();
            thread::spawn(move || done.send(make(call(|| Returned::take(7)), 1, 0, |_| ()).result.ret));
            let came = came.recv_timeout(Duration::from_secs(10));
            File::from(release).write_all(b"x").expect("released");
            assert_eq!(came.expect("the result of a process that has ended"), 7);
            assert_eq!(slow.join().expect("it ends").result.ret, 0);
        }
    }
}
