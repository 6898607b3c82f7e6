//! Takes a partial write for a whole one.
//!
//! A non-blocking send takes what fits into the send buffer. With small answers and quick clients
//! that is everything, so this mistake survives every test but that of a client that reads late: it
//! misses bytes in the middle of its answer.

use std::convert::Infallible;

use nix::sys::epoll::EpollEvent;

use crate::epoll_lt::{Server, number};
use crate::{Error, Options};

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let mut server = Server::listen(options)?;
    let mut events = vec![EpollEvent::empty(); options.max_events()];
    loop {
        let ready = server.wait(&mut events)?;
        for event in &events[..ready] {
            if event.data() == number(&server.listener) {
                server.accept()?;
            } else if let Some(connection) = server.connections.get_mut(&event.data()) {
                let open = connection.converse(&mut server.buffer, options);
                // Mistake: forgets what the socket had no room for.
                connection.unsent.clear();
                if !open {
                    server.connections.remove(&event.data());
                }
            }
        }
    }
}
