//! The parent keeps its copy of each connection.
//!
//! The child's close is then not the last one (`__fput` doesn't run), so no FIN is sent: the client
//! reads its answer and then waits for an end that never comes. The parent loses a descriptor per
//! client until its table is full.

use std::convert::Infallible;

use crate::{Error, Options, fork};

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    fork::reap_children()?;
    let mut kept = Vec::new();
    // Mistake: keeps what it should close.
    fork::serve_with(options, |connection| kept.push(connection))
}
