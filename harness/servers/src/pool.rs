//! Thread pool: the main thread accepts into one locked queue, and P workers take from it.
//!
//! The main thread sleeps in `accept`; an idle worker sleeps on the condition variable (a futex), a
//! busy one in the `read` of its connection. No task is made for a connection, but each worker is
//! held by one client until that one hangs up: client P+1 waits, however idle the others are.
//!
//! Cost: P tasks, and a lock that the main thread and all workers take for each connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;

use nix::sys::socket::SockFlag;

use crate::blocking::converse;
use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options};

/// Accepted connections that no worker has taken yet.
#[derive(Default)]
pub(crate) struct Queue {
    connections: Mutex<VecDeque<OwnedFd>>,
    not_empty: Condvar,
}

impl Queue {
    pub(crate) fn put(&self, connection: OwnedFd) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push_back(connection);
        self.not_empty.notify_one();
    }

    /// Sleeps until there is a connection. The loop is there as a wake-up is only a hint: another
    /// worker may have been quicker.
    pub(crate) fn take(&self) -> OwnedFd {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = connections.pop_front() {
                return connection;
            }
            connections = self.not_empty.wait(connections).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Serves clients with a fixed number of threads.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let queue = Arc::new(Queue::default());
    for number in 0..options.workers() {
        let (queue, options) = (Arc::clone(&queue), options.clone());
        Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || {
                loop {
                    converse(&queue.take(), &options); // close(2) when it is dropped
                }
            })
            .map_err(Error::io("start", format!("worker {number}")))?;
    }
    let listener = Listener::open(options, SockFlag::empty())?;
    listener.announce()?;
    loop {
        match listener.accept(SockFlag::empty()) {
            Ok(connection) => queue.put(connection),
            Err(errno) if concerns_one_client(errno) => {}
            Err(errno) => return Err(listener.accept_failed(errno)),
        }
    }
}
