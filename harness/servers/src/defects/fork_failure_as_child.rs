//! Takes the −1 of a failed fork for the number of a child.
//!
//! The parent keeps each connection for as long as the child that serves it lives, and closes it when that
//! child has been collected. No child is ever numbered −1: when there is no room for another process, the
//! client is served by nobody, and its connection stays open for as long as the server lives.

use std::collections::HashMap;
use std::convert::Infallible;
use std::os::fd::{AsFd as _, OwnedFd};

use nix::errno::Errno;
use nix::libc::{self, pid_t};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::socket::SockFlag;
use nix::sys::wait::{WaitPidFlag, waitpid};

use crate::blocking::converse;
use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options};

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let children = hold_sigchld()?;
    let listener = Listener::open(options, SockFlag::SOCK_NONBLOCK)?;
    listener.announce()?;
    let mut serving: HashMap<pid_t, OwnedFd> = HashMap::new();
    loop {
        while let Some(child) = waitpid(None, Some(WaitPidFlag::WNOHANG)).ok().and_then(|status| status.pid()) {
            serving.remove(&child.as_raw()); // close(2)
        }
        // SIGCHLD comes in here and nowhere else, so no child ends unnoticed between waitpid and sleep.
        let mut readable = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut readable, None, Some(SigSet::empty())) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(Error::call("wait for", "the listener")(errno)),
        }
        let connection = match listener.accept(SockFlag::empty()) {
            Ok(connection) => connection,
            Err(errno) if errno == Errno::EAGAIN || concerns_one_client(errno) => continue,
            Err(errno) => return Err(listener.accept_failed(errno)),
        };
        // SAFETY: this process has one thread, so no lock can be left held in the child.
        match unsafe { libc::fork() } {
            0 => {
                let _ = sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&children), None);
                drop(listener);
                converse(&connection, options);
                // SAFETY: it ends the process at once, without the parent's exit handlers.
                unsafe { libc::_exit(0) }
            }
            // Mistake: any other number is the parent's side, so it thinks.
            child => drop(serving.insert(child, connection)),
        }
    }
}

/// Has SIGCHLD interrupt whoever asks for it, and wait until then.
fn hold_sigchld() -> Result<SigSet, Error> {
    extern "C" fn nothing(_: libc::c_int) {}
    let children = SigSet::from(Signal::SIGCHLD);
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_NOCLDSTOP, SigSet::empty());
    // SAFETY: the handler does nothing.
    unsafe { sigaction(Signal::SIGCHLD, &action) }.map_err(Error::call("handle", "SIGCHLD"))?;
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&children), None).map_err(Error::call("block", "SIGCHLD"))?;
    Ok(children)
}
