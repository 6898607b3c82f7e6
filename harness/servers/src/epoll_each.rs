//! Several threads with an epoll descriptor each, all of which watch one listener.
//!
//! Each thread is the `epoll-lt` server and serves the connections that it accepted itself. But the
//! listener's wait queue now holds one callback per epoll descriptor, and a new connection runs all
//! of them: every sleeping thread wakes, one accepts, the others get EAGAIN. That is the thundering
//! herd. With `EPOLLEXCLUSIVE` (Linux 4.5) the callbacks are exclusive, and the kernel stops at the
//! first that wakes somebody.
//!
//! Cost: a thread per CPU instead of per client, and a herd per connection or an uneven load.

use std::convert::Infallible;
use std::sync::Arc;

use nix::sys::epoll::EpollFlags;
use nix::sys::socket::SockFlag;

use crate::epoll_lt::Server;
use crate::listen::Listener;
use crate::{Error, Options, workers};

/// Serves all clients from several loops that share the listener.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let listener = Arc::new(Listener::open(options, SockFlag::SOCK_NONBLOCK)?);
    let mut interest = EpollFlags::EPOLLIN;
    interest.set(EpollFlags::EPOLLEXCLUSIVE, options.exclusive);
    let servers: Vec<Server> = (0..options.workers())
        .map(|_| Server::on(Arc::clone(&listener), interest, options))
        .collect::<Result<_, _>>()?;
    listener.announce()?;
    workers::run(servers.into_iter().map(|server| || server.run()))
}
