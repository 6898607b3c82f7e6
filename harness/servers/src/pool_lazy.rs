//! Thread pool whose workers are made when they are needed, up to P.
//!
//! Who sleeps where is as in `pool`, and so are the queue and its lock. But there are no threads before
//! the first connection: while every worker that there is has a client, the main thread makes one more.
//! From then on it stays, and takes connections like the others.
//!
//! Cost: a thread that nobody needs is never made; the first P clients at once pay for theirs.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use nix::sys::socket::SockFlag;

use crate::blocking::converse;
use crate::listen::{Listener, concerns_one_client};
use crate::pool::Queue;
use crate::{Error, Options};

/// Serves clients with at most so many threads.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let queue = Arc::new(Queue::default());
    // Connections that are in the queue or with a worker.
    let unfinished = Arc::new(AtomicUsize::new(0));
    let mut workers = 0;
    let listener = Listener::open(options, SockFlag::empty())?;
    listener.announce()?;
    loop {
        match listener.accept(SockFlag::empty()) {
            Ok(connection) => {
                let unfinished_now = unfinished.fetch_add(1, Ordering::Relaxed) + 1;
                if unfinished_now > workers && workers < options.workers() {
                    match start(workers, Arc::clone(&queue), Arc::clone(&unfinished), options.clone()) {
                        Ok(()) => workers += 1,
                        Err(error) if workers == 0 => return Err(error),
                        Err(error) => eprintln!("goes on with {workers} workers: {error}"),
                    }
                }
                queue.put(connection);
            }
            Err(errno) if concerns_one_client(errno) => {}
            Err(errno) => return Err(listener.accept_failed(errno)),
        }
    }
}

fn start(number: usize, queue: Arc<Queue>, unfinished: Arc<AtomicUsize>, options: Options) -> Result<(), Error> {
    let work = move || {
        loop {
            converse(&queue.take(), &options); // close(2) when it is dropped
            unfinished.fetch_sub(1, Ordering::Relaxed);
        }
    };
    let started = Builder::new().name(format!("worker-{number}")).spawn(work);
    started.map(drop).map_err(Error::io("start", format!("worker {number}")))
}
