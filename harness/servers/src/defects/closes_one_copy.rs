//! Closes one descriptor of a connection that has two.
//!
//! A registration belongs to the open file, not to the descriptor with which it was made: it goes when
//! the *last* copy is closed (`eventpoll_release`, called by `__fput`). Until then the end of the
//! connection is reported for ever, under a number that nobody has any more, and `EPOLL_CTL_DEL`
//! can't name it.

use std::convert::Infallible;

use nix::sys::epoll::EpollEvent;

use crate::epoll_lt::{Server, number};
use crate::{Error, Options};

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let mut server = Server::listen(options)?;
    let mut events = vec![EpollEvent::empty(); options.max_events()];
    let mut copies = Vec::new();
    loop {
        let ready = server.wait(&mut events)?;
        for event in &events[..ready] {
            if event.data() != number(&server.listener) {
                // Mistake: when the conversation is over this closes a copy, without EPOLL_CTL_DEL before.
                server.converse(event.data())?;
            } else if let Some(connection) = server.accept()?.and_then(|new| server.connections.get(&new)) {
                copies.push(connection.fd.try_clone().map_err(Error::io("copy", "a connection"))?);
            }
        }
    }
}
