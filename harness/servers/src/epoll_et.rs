//! One loop around an edge-triggered `epoll`: a descriptor is reported when something *happens* to it.
//!
//! Who sleeps where is as in `epoll-lt`: the thread in `epoll_wait`, a callback on the wait queue of
//! each socket. The difference is one line of `ep_send_events`: a reported socket does not go back
//! onto the ready list. It comes back when the next segment arrives, and not before.
//!
//! Cost: `epoll_wait` need not ask the reported sockets again; in exchange the program has to go on
//! until EAGAIN, one more system call per report. Two rules follow, and both are kept here:
//! - take everything: accept and read until EAGAIN, or what is left waits for the next arrival,
//!   which may never come as the client is waiting for its answer;
//! - so every descriptor is non-blocking: the call that finds nothing must not sleep.

use std::collections::HashMap;
use std::convert::Infallible;
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, SockFlag, send};
use nix::unistd::read;

use crate::epoll_lt::number;
use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options, Reply};

const READABLE: EpollFlags = EpollFlags::EPOLLIN.union(EpollFlags::EPOLLET);
const WRITABLE: EpollFlags = EpollFlags::EPOLLOUT.union(EpollFlags::EPOLLET);

struct Connection {
    fd: OwnedFd,
    /// Bytes to send back for which the socket's send buffer had no room.
    unsent: Vec<u8>,
    /// What the interest list holds for it.
    interest: EpollFlags,
}

pub(crate) struct Server<'a> {
    options: &'a Options,
    pub(crate) listener: Listener,
    epoll: Epoll,
    /// By the number that comes back in `epoll_event.data`.
    connections: HashMap<u64, Connection>,
    buffer: Vec<u8>,
}

/// Serves all clients from one loop.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let mut server = Server::listen(options)?;
    let mut events = vec![EpollEvent::empty(); options.max_events()];
    loop {
        let ready = server.wait(&mut events)?;
        for event in &events[..ready] {
            if event.data() == number(&server.listener) {
                // One edge may stand for many connections: accept until EAGAIN.
                while server.accept(SockFlag::SOCK_NONBLOCK)? {}
            } else {
                server.converse(event.data())?;
            }
        }
    }
}

impl<'a> Server<'a> {
    pub(crate) fn listen(options: &'a Options) -> Result<Self, Error> {
        // Non-blocking, as a client that was reported can be gone again before accept.
        let listener = Listener::open(options, SockFlag::SOCK_NONBLOCK)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::call("create", "an epoll"))?;
        epoll
            .add(&listener, EpollEvent::new(READABLE, number(&listener)))
            .map_err(Error::call("add to the interest list", "the listener"))?;
        listener.announce()?;
        Ok(Self { options, listener, epoll, connections: HashMap::new(), buffer: options.read_buffer() })
    }

    /// One new connection. False: the accept queue is empty.
    pub(crate) fn accept(&mut self, flags: SockFlag) -> Result<bool, Error> {
        let fd = match self.listener.accept(flags) {
            Ok(fd) => fd,
            Err(Errno::EAGAIN) => return Ok(false),
            Err(errno) if concerns_one_client(errno) => return Ok(true),
            Err(errno) => return Err(self.listener.accept_failed(errno)),
        };
        // If bytes are there already, adding reports them: no edge is lost between accept and epoll_ctl.
        let (data, interest) = (number(&fd), READABLE);
        self.epoll
            .add(&fd, EpollEvent::new(interest, data))
            .map_err(Error::call("add to the interest list", format!("descriptor {data}")))?;
        self.connections.insert(data, Connection { fd, unsent: Vec::new(), interest });
        Ok(true)
    }

    /// Sleeps until something is on the ready list. Returns the number of events.
    pub(crate) fn wait(&self, events: &mut [EpollEvent]) -> Result<usize, Error> {
        match self.epoll.wait(events, EpollTimeout::NONE) {
            Err(Errno::EINTR) => Ok(0),
            result => result.map_err(Error::call("wait for", "the epoll")),
        }
    }

    /// Moves a connection on as far as it goes without sleeping.
    pub(crate) fn converse(&mut self, data: u64) -> Result<(), Error> {
        let Some(connection) = self.connections.get_mut(&data) else {
            return Ok(());
        };
        if !connection.converse(&mut self.buffer, self.options) {
            // close(2). It also takes the socket off the interest list, as nobody else has it open.
            self.connections.remove(&data);
            return Ok(());
        }
        // EPOLLOUT is asked for only when it is needed: with it each arrival would be reported as
        // writable too. Changing the interest asks the socket anew, so no edge is lost here either.
        let interest = if connection.unsent.is_empty() { READABLE } else { WRITABLE };
        if interest != connection.interest {
            connection.interest = interest;
            self.epoll
                .modify(&connection.fd, &mut EpollEvent::new(interest, data))
                .map_err(Error::call("change the interest in", format!("descriptor {data}")))?;
        }
        Ok(())
    }
}

impl Connection {
    /// Goes on until EAGAIN: sends what is unsent, then reads and sends in turn. False: the connection is over.
    fn converse(&mut self, buffer: &mut [u8], options: &Options) -> bool {
        let mut reads = options.reads();
        loop {
            while !self.unsent.is_empty() {
                match send(self.fd.as_raw_fd(), &self.unsent, MsgFlags::MSG_NOSIGNAL) {
                    Ok(sent) => drop(self.unsent.drain(..sent)),
                    Err(Errno::EINTR) => {}
                    Err(Errno::EAGAIN) => return true, // full: wait for EPOLLOUT
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
                Err(Errno::EAGAIN) => return true, // drained: wait for EPOLLIN
                Err(_) => return false,            // ECONNRESET, ETIMEDOUT
            }
        }
    }
}
