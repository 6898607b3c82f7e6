//! Thread pool with a queue that has no lock.
//!
//! The main thread accepts into a lock-free queue, and P workers take from it: a connection goes to the one
//! whose atomic compare-and-swap of the head succeeds, and no thread ever holds what another one waits for.
//! That queue says nothing of when there is something in it, so an idle worker sleeps in the `read` of an
//! eventfd that counts connections (`EFD_SEMAPHORE`); a busy one sleeps in the `read` of its connection.
//!
//! Cost: P tasks, two system calls for each connection, and memory that is given back late. What a client
//! sees is the same as with `pool`: client P+1 waits.

use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::Builder;

use crossbeam_queue::SegQueue;
use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::SockFlag;

use crate::blocking::converse;
use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options};

/// Accepted connections that no worker has taken yet.
struct Queue {
    connections: SegQueue<OwnedFd>,
    /// How many of them no worker has been promised yet.
    unclaimed: EventFd,
}

impl Queue {
    fn new() -> Result<Self, Error> {
        let unclaimed = EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_SEMAPHORE)
            .map_err(Error::call("create an eventfd for", "the queue"))?;
        Ok(Self { connections: SegQueue::new(), unclaimed })
    }

    /// First the connection, then the promise of it.
    fn put(&self, connection: OwnedFd) -> Result<(), Error> {
        self.connections.push(connection);
        self.unclaimed.write(1).map(drop).map_err(Error::call("count a connection in", "the queue"))
    }

    /// Sleeps until a connection is promised to this worker.
    fn take(&self) -> Result<OwnedFd, Error> {
        loop {
            match self.unclaimed.read() {
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Error::call("wait for a connection in", "the queue")(errno)),
            }
        }
        // There are at least as many connections as promises, so this one is there or about to be.
        loop {
            match self.connections.pop() {
                Some(connection) => return Ok(connection),
                None => std::hint::spin_loop(),
            }
        }
    }
}

/// Serves clients with a fixed number of threads that share a queue and no lock.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let queue = Arc::new(Queue::new()?);
    for number in 0..options.workers() {
        let (queue, options) = (Arc::clone(&queue), options.clone());
        Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || {
                loop {
                    match queue.take() {
                        Ok(connection) => converse(&connection, &options), // close(2) when it is dropped
                        Err(error) => return eprintln!("a worker ends: {error}"),
                    }
                }
            })
            .map_err(Error::io("start", format!("worker {number}")))?;
    }
    let listener = Listener::open(options, SockFlag::empty())?;
    listener.announce()?;
    loop {
        match listener.accept(SockFlag::empty()) {
            Ok(connection) => queue.put(connection)?,
            Err(errno) if concerns_one_client(errno) => {}
            Err(errno) => return Err(listener.accept_failed(errno)),
        }
    }
}
