//! Forks children and never waits for them.
//!
//! Each exited child stays as a zombie (`exit_notify`): no memory and no descriptors, but a task and a
//! process number, which count against `RLIMIT_NPROC` and pids.max until nobody can fork any more.

use std::convert::Infallible;

use crate::{Error, Options, fork};

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    // Mistake: nobody handles SIGCHLD, and nobody calls waitpid.
    fork::serve_with(options, drop)
}
