//! Several threads that wait on one epoll descriptor, where each report is delivered once.
//!
//! As `epoll-shared`, but with `EPOLLONESHOT`: a report disarms its descriptor (`ep_send_events` clears
//! all of its events but the private ones), so a connection is in the hands of one thread until
//! that thread has finished and arms it again with `epoll_ctl`.
//!
//! Cost: one more `epoll_ctl` for each report; in exchange no thread is woken for a connection that
//! another one is serving.

use std::convert::Infallible;

use nix::sys::epoll::EpollFlags;

use crate::{Error, Options, epoll_shared};

/// Serves all clients from several threads, each report going to one of them.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    epoll_shared::serve_with(options, EpollFlags::EPOLLONESHOT)
}
