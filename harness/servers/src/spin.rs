//! One loop over non-blocking sockets, without any wait.
//!
//! Nobody sleeps anywhere: the thread asks the listener and every connection in turn, and nearly
//! every answer is EAGAIN. It serves many clients with one thread, so it isn't waiting in *one* call
//! for *many* descriptors that makes that possible; it is what makes it affordable.
//!
//! Cost: a whole CPU, all the time, and a system call per connection per round.

use std::convert::Infallible;

use nix::errno::Errno;
use nix::sys::socket::SockFlag;

use crate::listen::{Listener, concerns_one_client};
use crate::select::Connection;
use crate::{Error, Options};

/// Serves all clients from one loop that never sleeps.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let listener = Listener::open(options, SockFlag::SOCK_NONBLOCK)?;
    listener.announce()?;
    let mut connections: Vec<Connection> = Vec::new();
    let mut buffer = options.read_buffer();
    loop {
        match listener.accept(SockFlag::SOCK_NONBLOCK) {
            Ok(fd) => connections.push(Connection::new(fd)),
            Err(Errno::EAGAIN) => {}
            Err(errno) if concerns_one_client(errno) => {}
            Err(errno) => return Err(listener.accept_failed(errno)),
        }
        // What a connection does when it is ready is the same as in `select`; here it is simply tried.
        connections.retain_mut(|connection| connection.converse(&mut buffer, options));
    }
}
