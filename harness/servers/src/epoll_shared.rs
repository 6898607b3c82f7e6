//! Several threads that wait on one level-triggered epoll descriptor.
//!
//! All threads sleep in `epoll_wait` on the wait queue of that one descriptor, exclusively
//! (`ep_poll`). Any of them may be woken for any connection. Level-triggered means that a reported
//! socket goes back onto the ready list at once and wakes the *next* thread, which finds
//! that somebody is serving this connection already.
//!
//! Cost: one arrival can wake several threads, and each connection needs a lock, as two threads may
//! have a report of it. `epoll-oneshot` avoids both.

use std::collections::HashMap;
use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::SockFlag;

use crate::epoll_lt::{Connection, number};
use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options, workers};

struct Server {
    options: Options,
    listener: Listener,
    epoll: Epoll,
    /// By the number that comes back in `epoll_event.data`.
    connections: Mutex<HashMap<u64, Arc<Mutex<Connection>>>>,
    /// `EPOLLONESHOT` or nothing.
    mode: EpollFlags,
}

/// Serves all clients from several threads.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    serve_with(options, EpollFlags::empty())
}

pub(crate) fn serve_with(options: &Options, mode: EpollFlags) -> Result<Infallible, Error> {
    let listener = Listener::open(options, SockFlag::SOCK_NONBLOCK)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::call("create", "an epoll"))?;
    epoll
        .add(&listener, EpollEvent::new(EpollFlags::EPOLLIN | mode, number(&listener)))
        .map_err(Error::call("add to the interest list", "the listener"))?;
    listener.announce()?;
    let server = Server { options: options.clone(), listener, epoll, connections: Mutex::default(), mode };
    let server = Arc::new(server);
    workers::run((0..options.workers()).map(|_| {
        let server = Arc::clone(&server);
        move || server.run()
    }))
}

impl Server {
    fn run(&self) -> Result<Infallible, Error> {
        let mut events = vec![EpollEvent::empty(); self.options.max_events()];
        let mut buffer = self.options.read_buffer();
        loop {
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Err(Errno::EINTR) => 0,
                result => result.map_err(Error::call("wait for", "the epoll"))?,
            };
            for event in &events[..ready] {
                if event.data() == number(&self.listener) {
                    self.accept()?;
                } else {
                    self.converse(event.data(), &mut buffer)?;
                }
            }
        }
    }

    fn accept(&self) -> Result<(), Error> {
        match self.listener.accept(SockFlag::SOCK_NONBLOCK) {
            Ok(fd) => self.add(fd)?,
            Err(Errno::EAGAIN) => {} // another thread was quicker
            Err(errno) if concerns_one_client(errno) => {}
            Err(errno) => return Err(self.listener.accept_failed(errno)),
        }
        if self.mode.contains(EpollFlags::EPOLLONESHOT) {
            let mut event = EpollEvent::new(EpollFlags::EPOLLIN | self.mode, number(&self.listener));
            self.epoll
                .modify(&self.listener, &mut event)
                .map_err(Error::call("arm again in the epoll", "the listener"))?;
        }
        Ok(())
    }

    fn add(&self, fd: OwnedFd) -> Result<(), Error> {
        let (data, interest) = (number(&fd), EpollFlags::EPOLLIN | self.mode);
        let connection = Arc::new(Mutex::new(Connection::new(fd, interest)));
        // Into the map first: another thread may have its report before epoll_ctl is back here.
        lock(&self.connections).insert(data, Arc::clone(&connection));
        self.epoll
            .add(&lock(&connection).fd, EpollEvent::new(interest, data))
            .map_err(Error::call("add to the interest list", format!("descriptor {data}")))
    }

    /// Moves a connection on as far as it goes without sleeping.
    fn converse(&self, data: u64, buffer: &mut [u8]) -> Result<(), Error> {
        // A report can be stale: the connection closed by another thread, its number perhaps taken by a
        // new one. Then there is nobody here, or somebody who has nothing to say: EAGAIN.
        let Some(shared) = lock(&self.connections).get(&data).cloned() else {
            return Ok(());
        };
        let mut connection = lock(&shared);
        if !connection.converse(buffer, &self.options) {
            // close(2) as the last thread that holds it lets go. Off the interest list at once, or it
            // would be reported until then. ENOENT: another thread has been here before.
            let _ = self.epoll.delete(&connection.fd);
            lock(&self.connections).remove(&data);
            return Ok(());
        }
        let wanted = if connection.unsent.is_empty() { EpollFlags::EPOLLIN } else { EpollFlags::EPOLLOUT };
        let interest = wanted | self.mode;
        if interest != connection.interest || self.mode.contains(EpollFlags::EPOLLONESHOT) {
            connection.interest = interest;
            self.epoll
                .modify(&connection.fd, &mut EpollEvent::new(interest, data))
                .map_err(Error::call("arm again in the epoll", format!("descriptor {data}")))?;
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
