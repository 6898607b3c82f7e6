//! One loop around a level-triggered `epoll`: as long as a descriptor *is* ready it is reported.
//!
//! The thread sleeps in `epoll_wait`, on the wait queue of the epoll descriptor alone. The sockets'
//! own wait queues hold a callback for as long as they are registered (`ep_poll_callback`), and it
//! puts a socket onto the ready list when something arrives.
//!
//! Cost: `epoll_ctl` once per connection, then `epoll_wait` costs by ready sockets, not by watched
//! ones. Level-triggered means that each reported socket goes back onto the ready list
//! (`ep_send_events`), and the next `epoll_wait` asks it again. So nothing is lost if one
//! report is answered with one accept or one read; what is left is simply reported again.

use std::collections::HashMap;
use std::convert::Infallible;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, SockFlag, send};
use nix::unistd::read;

use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options, Reply};

pub(crate) struct Connection {
    pub(crate) fd: OwnedFd,
    /// Bytes to send back for which the socket's send buffer had no room.
    pub(crate) unsent: Vec<u8>,
    /// What the interest list holds for it.
    pub(crate) interest: EpollFlags,
}

pub(crate) struct Server {
    options: Options,
    pub(crate) listener: Arc<Listener>,
    pub(crate) epoll: Epoll,
    /// By the number that comes back in `epoll_event.data`.
    pub(crate) connections: HashMap<u64, Connection>,
    pub(crate) buffer: Vec<u8>,
}

/// Serves all clients from one loop.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    Server::listen(options)?.run()
}

impl Server {
    pub(crate) fn listen(options: &Options) -> Result<Self, Error> {
        // Non-blocking, as a client that was reported can be gone again before accept.
        let listener = Arc::new(Listener::open(options, SockFlag::SOCK_NONBLOCK)?);
        let server = Self::on(Arc::clone(&listener), EpollFlags::EPOLLIN, options)?;
        listener.announce()?;
        Ok(server)
    }

    /// A server with its own epoll on a listener that others may have in theirs.
    pub(crate) fn on(listener: Arc<Listener>, interest: EpollFlags, options: &Options) -> Result<Self, Error> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::call("create", "an epoll"))?;
        epoll
            .add(&listener, EpollEvent::new(interest, number(&listener)))
            .map_err(Error::call("add to the interest list", "the listener"))?;
        Ok(Self {
            options: options.clone(),
            listener,
            epoll,
            connections: HashMap::new(),
            buffer: options.read_buffer(),
        })
    }

    pub(crate) fn run(mut self) -> Result<Infallible, Error> {
        let mut events = vec![EpollEvent::empty(); self.options.max_events()];
        loop {
            let ready = self.wait(&mut events)?;
            for event in &events[..ready] {
                if event.data() == number(&self.listener) {
                    self.accept()?;
                } else {
                    self.converse(event.data())?;
                }
            }
        }
    }

    /// One new connection, by its number; none if there is none. If there are more, the next `epoll_wait` reports the listener again.
    pub(crate) fn accept(&mut self) -> Result<Option<u64>, Error> {
        let fd = match self.listener.accept(SockFlag::SOCK_NONBLOCK) {
            Ok(fd) => fd,
            Err(Errno::EAGAIN) => return Ok(None),
            Err(errno) if concerns_one_client(errno) => return Ok(None),
            Err(errno) => return Err(self.listener.accept_failed(errno)),
        };
        let (data, interest) = (number(&fd), EpollFlags::EPOLLIN);
        self.epoll
            .add(&fd, EpollEvent::new(interest, data))
            .map_err(Error::call("add to the interest list", format!("descriptor {data}")))?;
        self.connections.insert(data, Connection::new(fd, interest));
        Ok(Some(data))
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
        if !connection.converse(&mut self.buffer, &self.options) {
            // close(2). It also takes the socket off the interest list, as nobody else has it open.
            self.connections.remove(&data);
            return Ok(());
        }
        // Who doesn't take our answers isn't asked for more: else `unsent` would grow without end. And
        // EPOLLOUT is asked for only now, as a socket is writable nearly always and would be reported
        // each time.
        let interest = if connection.unsent.is_empty() { EpollFlags::EPOLLIN } else { EpollFlags::EPOLLOUT };
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
    pub(crate) fn new(fd: OwnedFd, interest: EpollFlags) -> Self {
        Self { fd, unsent: Vec::new(), interest }
    }

    /// Sends what is unsent, then reads and sends in turn. False: the connection is over.
    pub(crate) fn converse(&mut self, buffer: &mut [u8], options: &Options) -> bool {
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

/// The descriptor number, which is what we put into `epoll_event.data`.
pub(crate) fn number(fd: &impl AsFd) -> u64 {
    fd.as_fd().as_raw_fd().cast_unsigned().into()
}
