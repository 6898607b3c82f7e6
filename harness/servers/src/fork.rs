//! Process per connection: the parent only accepts, and each child serves one client.
//!
//! The parent sleeps in `accept`, each child in the `read` of its own connection, so a slow client
//! holds up nobody else. A child is the blocking server with a single client.
//!
//! Cost: a process for each connection, even an idle one (`copy_process`: task, kernel stack, page
//! tables; the pages themselves are shared until somebody writes to them).
//!
//! Two duties come with `fork`, which copies the descriptor table (`dup_fd`):
//! - each side closes what it doesn't need. A connection ends (FIN) when its *last* descriptor is
//!   closed, and that must not be the parent's forgotten copy;
//! - the parent collects its children, since an exited child stays as a zombie until it is waited for.

use std::convert::Infallible;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::socket::SockFlag;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::blocking::converse;
use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options};

/// Serves each client in a process of its own.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    reap_children()?;
    // What the parent does with its copy of the connection: close(2), as the child has its own.
    serve_with(options, drop)
}

/// The server without its two duties, which [`serve`] adds and the defects leave out.
pub(crate) fn serve_with(options: &Options, mut in_parent: impl FnMut(OwnedFd)) -> Result<Infallible, Error> {
    let listener = Listener::open(options, SockFlag::empty())?;
    listener.announce()?;
    loop {
        let connection = match listener.accept(SockFlag::empty()) {
            Ok(connection) => connection,
            Err(errno) if concerns_one_client(errno) => continue, // EINTR too: see `reap_children`
            Err(errno) => return Err(listener.accept_failed(errno)),
        };
        // SAFETY: this process has one thread, so no lock can be left held in the child.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                drop(listener); // else the port stays taken for as long as any child lives
                converse(&connection, options);
                // SAFETY: it ends the process at once, without the parent's exit handlers, and the
                // kernel closes the connection.
                unsafe { libc::_exit(0) }
            }
            Ok(ForkResult::Parent { .. }) => in_parent(connection),
            // EAGAIN or ENOMEM, no room for another process: the connection is dropped, so only
            // this client is refused.
            Err(errno) => eprintln!("refused a client: fork failed with {errno}"),
        }
    }
}

/// Has every child collected as soon as it exits.
///
/// SIGCHLD arrives while the parent sleeps in accept. With `SA_RESTART` the kernel runs the handler
/// and then resumes accept by itself. Without it accept returns EINTR, which the loop above must
/// take for "try again" anyway: `SA_RESTART` is void for a socket with `SO_RCVTIMEO` (signal(7)).
pub(crate) fn reap_children() -> Result<(), Error> {
    let flags = SaFlags::SA_RESTART | SaFlags::SA_NOCLDSTOP;
    let action = SigAction::new(SigHandler::Handler(on_child), flags, SigSet::empty());
    // SAFETY: the handler makes only the async-signal-safe call waitpid and restores errno.
    unsafe { sigaction(Signal::SIGCHLD, &action) }.map_err(Error::call("handle", "SIGCHLD"))?;
    Ok(())
}

/// Collects all children that have exited.
///
/// A loop, as signals don't count: ten children that exit at once may raise a single SIGCHLD.
extern "C" fn on_child(_: libc::c_int) {
    let errno = Errno::last_raw();
    while matches!(
        waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)),
        Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..))
    ) {}
    Errno::set_raw(errno);
}
