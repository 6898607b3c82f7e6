//! Requests and replies of the protocol that the server speaks, whichever that is.
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};

use super::call::Returned;
use super::client::{send_bytes, wait_for};
use super::failure::{Failure, name};
use super::names::Place;
use super::run::Run;
use super::wait::Deadline;
use crate::case::{Reply, Request};

/// Sends requests, on each connection of the name.
pub fn request(run: &mut Run, step: &Request, deadline: &Deadline) -> Result<(), Failure> {
    let again = run.names.find(&step.on)?.into_iter().filter(|place| !run.asked.insert(*place)).count() > 0;
    if run.exchange.once && (again || step.times.0 > 1) {
        let why = "a connection of this protocol takes one request, and the case makes more";
        return Err(Failure::Broken(why.to_owned()));
    }
    let bytes = run.exchange.request.repeat(step.times.size());
    send_bytes(run, &step.on, &bytes, deadline)
}

/// What came of the replies.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    eof: bool,
    /// The error that ended the stream.
    errno: Option<Errno>,
}

impl Received {
    /// Takes what is there. Returns at the end of the stream, or when nothing is left.
    fn take(&mut self, fd: RawFd) {
        let mut buffer = [0; 16 * 1024];
        while !self.eof && self.errno.is_none() {
            match recv(fd, &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => self.eof = true,
                Ok(received) => self.bytes.extend_from_slice(&buffer[..received]),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(errno) => self.errno = Some(errno),
            }
        }
    }
}

/// Receives replies, on each connection of the name.
pub fn reply(run: &mut Run, step: &Reply, deadline: &Deadline) -> Result<(), Failure> {
    for place in run.names.find(&step.on)? {
        match &step.name {
            Some(result) => what_is_there(run, place, result)?,
            None => complete(run, place, step, deadline)?,
        }
    }
    Ok(())
}

/// A reset is an end, too: what came before it stays what it is.
fn what_is_there(run: &mut Run, place: Place, result: &str) -> Result<(), Failure> {
    let mut received = Received::default();
    received.take(run.names.fd(place));
    let mut returned = Returned::take(i64::try_from(received.bytes.len()).unwrap_or(i64::MAX));
    returned.result.errno = received.errno.map(|errno| format!("{errno:?}"));
    returned.result.eof = received.eof;
    returned.result.replies = run.exchange.replies(&received.bytes) as u64;
    run.record("reply", Some(result), returned, None)
}

fn complete(run: &mut Run, place: Place, step: &Reply, deadline: &Deadline) -> Result<(), Failure> {
    let (fd, label, wanted) = (run.names.fd(place), run.names.label(place), step.times.size());
    let mut received = Received::default();
    loop {
        received.take(fd);
        let had = run.exchange.replies(&received.bytes);
        if had >= wanted {
            return Ok(());
        }
        let so_far = format!("{had} of {wanted} replies on {label}, {} bytes", received.bytes.len());
        if let Some(errno) = received.errno {
            return Err(Failure::Broken(format!("{so_far}; then came {}", name(errno))).add(&run.doings()));
        }
        if received.eof {
            return Err(Failure::Broken(format!("{so_far}; then the stream ended")).add(&run.doings()));
        }
        wait_for(run, fd, libc::POLLIN, deadline, format!("{so_far} within {} ms", deadline.millis))?;
    }
}
