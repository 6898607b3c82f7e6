//! Several processes, made before any client comes, that all accept from one listener.
//!
//! Each child is the blocking server, and all sleep in `accept` on the same socket. They wait there
//! exclusively (`inet_csk_wait_for_connect`, `prepare_to_wait_exclusive`), so a connection wakes one
//! of them and there is no thundering herd.
//!
//! Cost: no fork per connection; but as with a pool each process is held by one client until that one
//! hangs up.

use std::convert::Infallible;

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::socket::SockFlag;
use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork, getpid, getppid};

use crate::blocking;
use crate::listen::Listener;
use crate::{Error, Options};

/// Serves clients with a fixed number of processes.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let listener = Listener::open(options, SockFlag::empty())?;
    for _ in 0..options.workers() {
        fork_child(&listener, options)?;
    }
    listener.announce()?;
    loop {
        // The parent serves nobody: it sleeps until a child dies, and replaces it.
        match wait() {
            Ok(status) => {
                eprintln!("a child has ended ({status:?}), here is another one");
                fork_child(&listener, options)?;
            }
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::call("wait for", "a child")(errno)),
        }
    }
}

fn fork_child(listener: &Listener, options: &Options) -> Result<(), Error> {
    let parent = getpid();
    // SAFETY: this process has one thread, so no lock can be left held in the child.
    match unsafe { fork() }.map_err(Error::call("fork", "a child"))? {
        ForkResult::Parent { .. } => Ok(()),
        ForkResult::Child => {
            // Children end with their parent, or they would keep the port. The signal comes only for
            // a death from here on; a parent that is dead already has been replaced by another.
            let ended = set_pdeathsig(Signal::SIGTERM)
                .and_then(|()| if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH) })
                .map_err(Error::call("ask for SIGTERM with the death of", "the parent"))
                .and_then(|()| blocking::serve_on(listener, options));
            let Err(error) = ended;
            eprintln!("a child ends: {error}");
            // SAFETY: it ends the process at once, without the parent's exit handlers.
            unsafe { libc::_exit(1) }
        }
    }
}
