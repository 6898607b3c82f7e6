//! Makes its interest list anew for each wait, with room for two events.
//!
//! `epoll_wait` serves the ready list in turns: what was reported goes behind what was not
//! (`ep_send_events`). A new list begins with the descriptors in the order in which they are added, so
//! the first two that are ready are reported each time. As long as they have something to read, nobody
//! behind them is heard. `select` has taught this habit, but `select` reports all of them at once.

use std::convert::Infallible;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use crate::epoll_lt::{Server, number};
use crate::{Error, Options, Read};

const ROOM: usize = 2;

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let once = Options { read: Some(Read::Once), ..options.clone() };
    let mut server = Server::listen(&once)?;
    let mut events = vec![EpollEvent::empty(); options.max_events().min(ROOM)];
    loop {
        // Mistake: it begins in front each time.
        server.epoll = list(&server)?;
        let ready = server.wait(&mut events)?;
        for event in &events[..ready] {
            if event.data() == number(&server.listener) {
                server.accept()?;
            } else {
                server.converse(event.data())?;
            }
        }
    }
}

/// A new epoll with the listener and all connections, by their numbers.
fn list(server: &Server) -> Result<Epoll, Error> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::call("create", "an epoll"))?;
    let failed = |what: &str| Error::call("add to the interest list", what.to_owned());
    epoll
        .add(&server.listener, EpollEvent::new(EpollFlags::EPOLLIN, number(&server.listener)))
        .map_err(failed("the listener"))?;
    let mut connections: Vec<_> = server.connections.iter().collect();
    connections.sort_by_key(|(data, _)| **data);
    for (data, connection) in connections {
        let event = EpollEvent::new(connection.interest, *data);
        epoll.add(&connection.fd, event).map_err(failed("a connection"))?;
    }
    Ok(epoll)
}
