//! One loop around `select`: one thread, all descriptors, three bitmaps.
//!
//! The thread sleeps in `select`, on the wait queues of all watched sockets at once
//! (`do_select`, `__pollwait`), and everything else is non-blocking.
//!
//! Cost: each call copies the bitmaps in and out, asks every watched socket whether it is ready
//! (once before it sleeps, once after), and leaves it to the program to search the result.
//! The kernel *overwrites* the bitmaps with the result, so they are rebuilt for each call. They
//! hold descriptors up to `FD_SETSIZE` − 1 = 1023; that limit is the C library's type, not the
//! kernel's, and a larger descriptor would be written behind its end: here it is refused.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::select::{FD_SETSIZE, FdSet, select};
use nix::sys::socket::{MsgFlags, SockFlag, send};
use nix::unistd::read;

use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options, Reply};

pub(crate) struct Connection {
    pub(crate) fd: OwnedFd,
    /// Bytes to send back for which the socket's send buffer had no room.
    pub(crate) unsent: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { fd, unsent: Vec::new() }
    }
}

pub(crate) struct Server<'a> {
    options: &'a Options,
    pub(crate) listener: Listener,
    pub(crate) connections: BTreeMap<RawFd, Connection>,
    buffer: Vec<u8>,
}

/// Serves all clients from one loop.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let mut server = Server::listen(options)?;
    loop {
        for fd in server.wait()? {
            if fd == server.listener.as_raw_fd() {
                server.accept()?;
            } else {
                server.converse(fd);
            }
        }
    }
}

impl<'a> Server<'a> {
    pub(crate) fn listen(options: &'a Options) -> Result<Self, Error> {
        // Non-blocking, as a client that select reported can be gone again before accept.
        let listener = Listener::open(options, SockFlag::SOCK_NONBLOCK)?;
        listener.announce()?;
        Ok(Self { options, listener, connections: BTreeMap::new(), buffer: options.read_buffer() })
    }

    /// One new connection. If there are more, the next select reports the listener again.
    pub(crate) fn accept(&mut self) -> Result<Option<RawFd>, Error> {
        match self.listener.accept(SockFlag::SOCK_NONBLOCK) {
            Ok(fd) => {
                let number = fd.as_raw_fd();
                if usize::try_from(number).is_ok_and(|number| number >= FD_SETSIZE) {
                    eprintln!("refused a client: its descriptor {number} does not fit into an fd_set of {FD_SETSIZE}");
                    return Ok(None); // close(2) as it is dropped
                }
                self.connections.insert(number, Connection::new(fd));
                Ok(Some(number))
            }
            Err(Errno::EAGAIN) => Ok(None),
            Err(errno) if concerns_one_client(errno) => Ok(None),
            Err(errno) => Err(self.listener.accept_failed(errno)),
        }
    }

    /// Sleeps until some descriptor is ready, and finds out which.
    pub(crate) fn wait(&self) -> Result<Vec<RawFd>, Error> {
        let mut readable = FdSet::new();
        let mut writable = FdSet::new();
        readable.insert(self.listener.as_fd());
        for connection in self.connections.values() {
            // Who doesn't take our answers isn't asked for more: else `unsent` would grow without end.
            let set = if connection.unsent.is_empty() { &mut readable } else { &mut writable };
            set.insert(connection.fd.as_fd());
        }
        match select(None, Some(&mut readable), Some(&mut writable), None, None) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Vec::new()), // the sets are undefined now
            Err(errno) => return Err(Error::call("select among", self.connections.len())(errno)),
        }
        // select says how many, not which: search.
        let mut ready = Vec::new();
        if readable.contains(self.listener.as_fd()) {
            ready.push(self.listener.as_raw_fd());
        }
        for (number, connection) in &self.connections {
            if readable.contains(connection.fd.as_fd()) || writable.contains(connection.fd.as_fd()) {
                ready.push(*number);
            }
        }
        Ok(ready)
    }

    /// The largest descriptor in use.
    pub(crate) fn highest(&self) -> RawFd {
        let connection = self.connections.keys().next_back().copied();
        connection.map_or(self.listener.as_raw_fd(), |fd| fd.max(self.listener.as_raw_fd()))
    }

    /// Moves a connection on as far as it goes without sleeping.
    pub(crate) fn converse(&mut self, fd: RawFd) {
        let Some(connection) = self.connections.get_mut(&fd) else {
            return;
        };
        if !connection.converse(&mut self.buffer, self.options) {
            self.connections.remove(&fd); // close(2)
        }
    }
}

impl Connection {
    /// Sends what is unsent, then reads and sends in turn. False: the connection is over.
    pub(crate) fn converse(&mut self, buffer: &mut [u8], options: &Options) -> bool {
        let mut reads = options.reads();
        loop {
            while !self.unsent.is_empty() {
                match send(self.fd.as_raw_fd(), &self.unsent, MsgFlags::MSG_NOSIGNAL) {
                    Ok(sent) => drop(self.unsent.drain(..sent)),
                    Err(Errno::EINTR) => {}
                    Err(Errno::EAGAIN) => return true, // full: wait for writability
                    Err(_) => return false,
                }
            }
            if reads == 0 {
                return true;
            }
            reads -= 1;
            match read(&self.fd, buffer) {
                Ok(0) => return false,
                Ok(received) if options.reply == Reply::Echo => {
                    self.unsent.extend_from_slice(&buffer[..received]);
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return true, // drained: wait for readability
                Err(_) => return false,            // ECONNRESET, ETIMEDOUT
            }
        }
    }
}
