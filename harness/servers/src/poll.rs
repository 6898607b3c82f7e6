//! One loop around `poll`: as `select`, with an array in place of the bitmaps.
//!
//! The thread sleeps in `poll`, on the wait queues of all sockets in the array (`do_poll`,
//! `__pollwait`), and everything else is non-blocking.
//!
//! Cost: as with `select` each call copies the array in, asks every socket (once before it sleeps,
//! once after), and leaves it to the program to search the result. What is better: no descriptor is
//! too large, and the kernel writes only `revents`, so a C program can keep its array between calls.
//! Here it is rebuilt, as a `PollFd` borrows its descriptor: the compiler then knows that no entry
//! outlives its connection.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, SockFlag, send};
use nix::unistd::read;

use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options, Reply};

struct Connection {
    fd: OwnedFd,
    /// Bytes to send back for which the socket's send buffer had no room.
    unsent: Vec<u8>,
}

struct Server<'a> {
    options: &'a Options,
    listener: Listener,
    connections: BTreeMap<RawFd, Connection>,
    buffer: Vec<u8>,
}

/// Serves all clients from one loop.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    // Non-blocking, as a client that poll reported can be gone again before accept.
    let listener = Listener::open(options, SockFlag::SOCK_NONBLOCK)?;
    listener.announce()?;
    let mut server = Server { options, listener, connections: BTreeMap::new(), buffer: options.read_buffer() };
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

impl Server<'_> {
    /// One new connection. If there are more, the next poll reports the listener again.
    fn accept(&mut self) -> Result<(), Error> {
        match self.listener.accept(SockFlag::SOCK_NONBLOCK) {
            Ok(fd) => {
                self.connections.insert(fd.as_raw_fd(), Connection { fd, unsent: Vec::new() });
                Ok(())
            }
            Err(Errno::EAGAIN) => Ok(()),
            Err(errno) if concerns_one_client(errno) => Ok(()),
            Err(errno) => Err(self.listener.accept_failed(errno)),
        }
    }

    /// Sleeps until some descriptor is ready, and finds out which.
    fn wait(&self) -> Result<Vec<RawFd>, Error> {
        let mut fds = vec![PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        for connection in self.connections.values() {
            // Who doesn't take our answers isn't asked for more: else `unsent` would grow without end.
            // POLLHUP and POLLERR need no asking: the kernel always reports them.
            let wanted = if connection.unsent.is_empty() { PollFlags::POLLIN } else { PollFlags::POLLOUT };
            fds.push(PollFd::new(connection.fd.as_fd(), wanted));
        }
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Vec::new()),
            Err(errno) => {
                return Err(Error::call("poll", format!("{} descriptors", fds.len()))(errno));
            }
        }
        // poll says how many, not which: search. After POLLHUP and POLLERR it is read that tells the rest.
        let ready = fds.iter().filter(|fd| fd.any() != Some(false));
        Ok(ready.map(|fd| fd.as_fd().as_raw_fd()).collect())
    }

    /// Moves a connection on as far as it goes without sleeping.
    fn converse(&mut self, fd: RawFd) {
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
    fn converse(&mut self, buffer: &mut [u8], options: &Options) -> bool {
        let mut reads = options.reads();
        loop {
            while !self.unsent.is_empty() {
                match send(self.fd.as_raw_fd(), &self.unsent, MsgFlags::MSG_NOSIGNAL) {
                    Ok(sent) => drop(self.unsent.drain(..sent)),
                    Err(Errno::EINTR) => {}
                    Err(Errno::EAGAIN) => return true, // full: wait for POLLOUT
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
                Err(Errno::EAGAIN) => return true, // drained: wait for POLLIN
                Err(_) => return false,            // ECONNRESET, ETIMEDOUT
            }
        }
    }
}
