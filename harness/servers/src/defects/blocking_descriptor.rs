//! Edge-triggered with blocking connections.
//!
//! The drain loop ends with the read that finds nothing, and on a blocking socket that read sleeps
//! (`sk_wait_data`). The first client that has been answered holds the whole loop until it sends
//! again; all others are deaf to the server although their bytes have arrived.

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
                // Mistake: SOCK_NONBLOCK is missing. A connection doesn't inherit it from the listener.
                while server.accept(SockFlag::empty())? {}
            } else {
                server.converse(event.data())?;
            }
        }
    }
}
