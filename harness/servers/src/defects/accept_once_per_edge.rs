//! Edge-triggered listener with one accept per report.
//!
//! Connections that complete before the server gets to `epoll_wait` share one report. One of them is
//! accepted; the others stay in the accept queue until somebody else connects, and then the queue
//! moves on by one.

use std::convert::Infallible;

use nix::sys::epoll::EpollEvent;
use nix::sys::socket::SockFlag;

use crate::epoll_et::Server;
use crate::epoll_lt::number;
use crate::{Error, Options};

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let mut server = Server::listen(options)?;
    let mut events = vec![EpollEvent::empty(); options.max_events()];
    loop {
        let ready = server.wait(&mut events)?;
        for event in &events[..ready] {
            if event.data() == number(&server.listener) {
                // Mistake: no loop until EAGAIN.
                server.accept(SockFlag::SOCK_NONBLOCK)?;
            } else {
                server.converse(event.data())?;
            }
        }
    }
}
