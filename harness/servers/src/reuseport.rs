//! Several threads with an epoll descriptor and a listener each, all of them on one port.
//!
//! With `SO_REUSEPORT` the kernel has several listening sockets for one address, each with an accept
//! queue of its own. It chooses one of them for a new connection by a hash of the client's and the
//! server's address and port (`reuseport_select_sock`), so only the thread that sleeps on that one wakes.
//!
//! Cost: nothing is shared and no herd runs, but nobody helps out either: what was put into the queue
//! of a busy thread waits for that thread.

use std::convert::Infallible;
use std::sync::Arc;

use nix::sys::epoll::EpollFlags;
use nix::sys::socket::SockFlag;

use crate::epoll_lt::Server;
use crate::listen::Listener;
use crate::{Error, Options, workers};

/// Serves all clients from several loops that share nothing but the port.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let mut options = options.clone();
    let first = Listener::open_sharing_port(&options, SockFlag::SOCK_NONBLOCK)?;
    options.port = first.port(); // with 0 the kernel has chosen: the others want the same
    let mut listeners = vec![Arc::new(first)];
    while listeners.len() < options.workers() {
        let next = Listener::open_sharing_port(&options, SockFlag::SOCK_NONBLOCK)?;
        listeners.push(Arc::new(next));
    }
    let servers: Vec<Server> = listeners
        .iter()
        .map(|listener| Server::on(Arc::clone(listener), EpollFlags::EPOLLIN, &options))
        .collect::<Result<_, _>>()?;
    listeners[0].announce()?;
    workers::run(servers.into_iter().map(|server| || server.run()))
}
