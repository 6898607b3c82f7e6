//! Thread pool with a queue for each worker.
//!
//! The main thread sleeps in `accept` and gives the connections to the workers in turn. An idle worker
//! sleeps on the condition variable of its own queue (a futex that no other worker knows), a busy one in
//! the `read` of its connection.
//!
//! Cost: P tasks, and locks that only two threads share. But nobody helps out: what lies in the queue of a
//! busy worker waits for that one, however idle the others are.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread::Builder;

use nix::sys::socket::SockFlag;

use crate::blocking::converse;
use crate::listen::{Listener, concerns_one_client};
use crate::pool::Queue;
use crate::{Error, Options};

/// Serves clients with a fixed number of threads, each of which has its own share of them.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let queues: Vec<_> = (0..options.workers()).map(|_| Arc::new(Queue::default())).collect();
    for (number, queue) in queues.iter().enumerate() {
        let (queue, options) = (Arc::clone(queue), options.clone());
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
    let mut turns = queues.iter().cycle();
    loop {
        match listener.accept(SockFlag::empty()) {
            Ok(connection) => turns.next().expect("there is at least one worker").put(connection),
            Err(errno) if concerns_one_client(errno) => {}
            Err(errno) => return Err(listener.accept_failed(errno)),
        }
    }
}
