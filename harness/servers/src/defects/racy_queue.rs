//! A pool whose workers look at the queue and take from it in two steps.
//!
//! A worker looks who is first in the queue, waits until that client has said something, so that nobody
//! is held by a silent one, and then moves the head on. Between the two steps another worker sees the same
//! client in front. So both go to that one, and what it says is read now by one, now by the other; the
//! client behind it had a worker coming, too, and is never served.
//!
//! Each step is safe by itself, and with one client at a time all is well. What is missing is that nobody
//! may come in between.

use std::convert::Infallible;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{MsgFlags, SockFlag, recv};

use crate::blocking::converse;
use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options};

/// More connections than a demonstration has.
const PLACES: usize = 65_536;

type Place = Mutex<Option<Arc<OwnedFd>>>;

struct Queue {
    places: Box<[Place]>,
    head: AtomicUsize,
    /// How many connections no worker has come for.
    unclaimed: EventFd,
}

impl Queue {
    fn new() -> Result<Self, Error> {
        let unclaimed = EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_SEMAPHORE)
            .map_err(Error::call("create an eventfd for", "the queue"))?;
        let places = (0..PLACES).map(|_| Place::default()).collect();
        Ok(Self { places, head: AtomicUsize::new(0), unclaimed })
    }

    fn take(&self) -> nix::Result<Option<Arc<OwnedFd>>> {
        self.unclaimed.read()?;
        let first = self.head.load(Ordering::Relaxed);
        let connection = open(&self.places[first]).clone();
        if let Some(connection) = &connection {
            // Sleeps until there is something to read, and leaves it there.
            let _ = recv(connection.as_raw_fd(), &mut [0], MsgFlags::MSG_PEEK);
        }
        // Mistake: no lock is held since the load, and no compare-and-swap asks whether it still holds.
        self.head.store(first + 1, Ordering::Relaxed);
        *open(&self.places[first]) = None;
        Ok(connection)
    }
}

fn open(place: &Place) -> impl std::ops::DerefMut<Target = Option<Arc<OwnedFd>>> + '_ {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let queue = Arc::new(Queue::new()?);
    for number in 0..options.workers() {
        let (queue, options) = (Arc::clone(&queue), options.clone());
        let work = move || {
            while let Ok(connection) = queue.take() {
                if let Some(connection) = connection {
                    converse(&connection, &options);
                }
            }
        };
        Builder::new()
            .name(format!("worker-{number}"))
            .spawn(work)
            .map_err(Error::io("start", format!("worker {number}")))?;
    }
    let listener = Listener::open(options, SockFlag::empty())?;
    listener.announce()?;
    let mut places = queue.places.iter();
    loop {
        let connection = match listener.accept(SockFlag::empty()) {
            Ok(connection) => connection,
            Err(errno) if concerns_one_client(errno) => continue,
            Err(errno) => return Err(listener.accept_failed(errno)),
        };
        let full = Error::call("put another connection into", "the queue");
        *open(places.next().ok_or_else(|| full(Errno::ENOSPC))?) = Some(Arc::new(connection));
        queue.unclaimed.write(1).map_err(Error::call("count a connection in", "the queue"))?;
    }
}
