//! Stopping the server and letting it go on, so that several things happen before it looks.
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::failure::Failure;
use super::tasks;
use super::wait::{self, Deadline};

/// Stops every process of the server, and returns when all of their tasks are stopped.
pub fn stop(deadline: &Deadline) -> Result<(), Failure> {
    let me = Pid::this().as_raw();
    loop {
        let running: Vec<_> =
            tasks::below(me).into_iter().filter(|task| !matches!(task.stat.state, 'T' | 't')).collect();
        if running.is_empty() {
            return Ok(());
        }
        if deadline.passed() {
            let who = tasks::describe(&running);
            return Err(Failure::Timeout(format!("waited {} ms for the server to stop: {who}", deadline.millis)));
        }
        // Again and again, as one can have forked before it was stopped.
        signal(Signal::SIGSTOP)?;
        wait::between_looks();
    }
}

/// Lets every process of the server go on.
pub fn go_on() -> Result<(), Failure> {
    signal(Signal::SIGCONT)
}

fn signal(signal: Signal) -> Result<(), Failure> {
    for pid in tasks::descendants(Pid::this().as_raw()) {
        match kill(Pid::from_raw(pid), signal) {
            // it has ended meanwhile
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(Failure::call(format!("send {signal} to the server"), errno)),
        }
    }
    Ok(())
}
