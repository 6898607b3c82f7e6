//! Compares the reported events for equality.
//!
//! A reset connection is reported as EPOLLIN together with EPOLLHUP and EPOLLERR, which nobody has to
//! ask for. A server that looks for EPOLLIN alone passes over it. Level-triggered, it is then
//! reported for ever: the server burns a CPU and never closes the descriptor.

use std::convert::Infallible;

use nix::sys::epoll::{EpollEvent, EpollFlags};

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
            // Mistake: `==` where the events are a set of flags.
            } else if event.events() == EpollFlags::EPOLLIN || event.events() == EpollFlags::EPOLLOUT {
                server.converse(event.data())?;
            }
        }
    }
}
