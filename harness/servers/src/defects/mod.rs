//! Servers with one deliberate mistake each.
//!
//! They use everything else of the healthy servers, so a file here shows the mistake and nothing
//! more; a comment that starts with `Mistake:` marks the line.

mod accept_once_per_edge;
mod beyond_fd_setsize;
mod bitmap;
mod blocking_descriptor;
mod closes_one_copy;
mod forgets_descriptor;
mod fork_failure_as_child;
mod ignores_hangup;
mod lists_anew;
mod never_reads;
mod not_drained;
mod not_reaped;
mod parent_keeps_connection;
mod partial_write_as_whole;
mod racy_queue;
mod reuses_set;

use std::convert::Infallible;

use crate::{Defect, Error, Options};

/// Serves clients with the given mistake.
pub(crate) fn serve(defect: Defect, options: &Options) -> Result<Infallible, Error> {
    match defect {
        Defect::NotDrained => not_drained::serve(options),
        Defect::BlockingDescriptor => blocking_descriptor::serve(options),
        Defect::AcceptOncePerEdge => accept_once_per_edge::serve(options),
        Defect::NeverReads => never_reads::serve(options),
        Defect::PartialWriteAsWhole => partial_write_as_whole::serve(options),
        Defect::IgnoresHangup => ignores_hangup::serve(options),
        Defect::ClosesOneCopy => closes_one_copy::serve(options),
        Defect::ListsAnew => lists_anew::serve(options),
        Defect::NotReaped => not_reaped::serve(options),
        Defect::ParentKeepsConnection => parent_keeps_connection::serve(options),
        Defect::ForkFailureAsChild => fork_failure_as_child::serve(options),
        Defect::RacyQueue => racy_queue::serve(options),
        Defect::ForgetsDescriptor => forgets_descriptor::serve(options),
        Defect::ReusesSet => reuses_set::serve(options),
        Defect::BeyondFdSetsize => beyond_fd_setsize::serve(options),
    }
}
