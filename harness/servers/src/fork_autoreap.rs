//! Process per connection with a parent that ignores SIGCHLD, so that the kernel collects its children.
//!
//! Who sleeps where is as in `fork`. The difference is one line before the first connection: a parent
//! that ignores SIGCHLD doesn't want to know how its children ended, so an exiting child is released at
//! once (`exit_notify`, `do_notify_parent`: `autoreap`). There are no zombies, no handler runs, no
//! accept is interrupted, and nobody calls wait.
//!
//! Cost: that of `fork`. The parent never learns how a child ended, and a library that waits for a child
//! of its own gets ECHILD.

use std::convert::Infallible;

use nix::sys::signal::{SigHandler, Signal, signal};

use crate::{Error, Options, fork};

/// Serves each client in a process of its own that nobody waits for.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.map_err(Error::call("ignore", "SIGCHLD"))?;
    fork::serve_with(options, drop)
}
