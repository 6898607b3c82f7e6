//! One loop around an `io_uring`: calls are submitted, and their results come later.
//!
//! The thread sleeps in `io_uring_enter` until a completion is in the ring. There is no readiness and
//! no second call to read: the accept, the recv of each connection and the sends are in the
//! kernel already, and a completion brings the connection or the bytes themselves. While there is
//! nothing, the kernel waits for the socket through its own poll (`io_arm_poll_handler`).
//!
//! Cost: one system call per round, however many calls it submits and collects; a buffer
//! for each connection even while it is idle, as the kernel needs to know where bytes will go.
//!
//! When the descriptor table is full, accept isn't submitted again before a connection has closed:
//! clients wait in the accept queue meanwhile.

use std::collections::HashMap;
use std::convert::Infallible;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use ::io_uring::{IoUring, cqueue, opcode, squeue, types};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::SockFlag;

use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options, Reply};

/// Room for calls that are submitted together. More than that takes a second `io_uring_enter`.
const ENTRIES: u32 = 256;

/// What a completion belongs to: the upper half of its `user_data`. The lower is the descriptor.
const ACCEPT: u64 = 0;
const RECV: u64 = 1;
const SEND: u64 = 2;

/// At any time exactly one call of a connection is in the kernel, and until it completes nobody
/// else touches the buffer.
struct Connection {
    /// Closed when it is dropped.
    _fd: OwnedFd,
    buffer: Vec<u8>,
    received: usize,
    sent: usize,
}

struct Server<'a> {
    options: &'a Options,
    listener: Listener,
    accepting: bool,
    /// Since accept was submitted: if it found the table full, there may be room by now.
    closed: bool,
    ring: IoUring,
    connections: HashMap<RawFd, Connection>,
}

/// Serves all clients from one loop.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let listener = Listener::open(options, SockFlag::empty())?;
    let ring = IoUring::new(ENTRIES).map_err(Error::io("create", "an io_uring"))?;
    let mut server = Server { options, listener, accepting: false, closed: false, ring, connections: HashMap::new() };
    server.submit_accept()?;
    server.listener.announce()?;
    let Err(error) = server.run();
    // The kernel may still write into these buffers: they must never be freed.
    std::mem::forget(server.connections);
    Err(error)
}

impl Server<'_> {
    fn run(&mut self) -> Result<Infallible, Error> {
        loop {
            // Submits what was pushed and sleeps until something has completed.
            match self.ring.submit_and_wait(1) {
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                Err(error) => return Err(Error::io("enter", "the io_uring")(error)),
            }
            let completed: Vec<cqueue::Entry> = self.ring.completion().collect();
            for completion in completed {
                // A completion holds −errno, where a system call would return −1 and set errno.
                let result = usize::try_from(completion.result()).map_err(|_| Errno::from_raw(-completion.result()));
                let (call, fd) = parts(completion.user_data());
                match call {
                    ACCEPT => self.accepted(completion.result(), result.err())?,
                    RECV => self.received(fd, result)?,
                    _ => self.sent(fd, result)?,
                }
            }
        }
    }

    fn submit_accept(&mut self) -> Result<(), Error> {
        let listener = types::Fd(self.listener.as_raw_fd());
        let accept =
            opcode::Accept::new(listener, std::ptr::null_mut(), std::ptr::null_mut()).flags(libc::SOCK_CLOEXEC).build();
        (self.accepting, self.closed) = (true, false);
        // SAFETY: it refers to no memory of ours.
        unsafe { push(&mut self.ring, &accept.user_data(user_data(ACCEPT, 0))) }
    }

    /// One new connection: the result is its descriptor.
    fn accepted(&mut self, fd: RawFd, errno: Option<Errno>) -> Result<(), Error> {
        match errno {
            None => {
                // SAFETY: the kernel has just made this descriptor for us and nobody else knows its number.
                let fd = unsafe { OwnedFd::from_raw_fd(fd) };
                let number = fd.as_raw_fd();
                let connection = Connection { _fd: fd, buffer: self.options.read_buffer(), received: 0, sent: 0 };
                self.connections.insert(number, connection);
                self.submit_recv(number)?;
            }
            Some(Errno::EMFILE | Errno::ENFILE) if !self.connections.is_empty() && !self.closed => {
                self.accepting = false;
                return Ok(());
            }
            Some(Errno::EMFILE | Errno::ENFILE) if self.closed => {}
            Some(errno) if concerns_one_client(errno) => {}
            Some(errno) => return Err(self.listener.accept_failed(errno)),
        }
        self.submit_accept()
    }

    fn submit_recv(&mut self, fd: RawFd) -> Result<(), Error> {
        let Some(connection) = self.connections.get_mut(&fd) else {
            return Ok(());
        };
        let recv = opcode::Recv::new(types::Fd(fd), connection.buffer.as_mut_ptr(), length(&connection.buffer));
        // SAFETY: the buffer stays where it is and is not used until the completion is here.
        unsafe { push(&mut self.ring, &recv.build().user_data(user_data(RECV, fd))) }
    }

    /// Bytes are here: send them back, or ask for more.
    fn received(&mut self, fd: RawFd, result: nix::Result<usize>) -> Result<(), Error> {
        let Some(connection) = self.connections.get_mut(&fd) else {
            return Ok(());
        };
        match result {
            Ok(0) => self.close(fd),
            Ok(received) if self.options.reply == Reply::Echo => {
                (connection.received, connection.sent) = (received, 0);
                self.submit_send(fd)
            }
            Ok(_) | Err(Errno::EINTR | Errno::EAGAIN) => self.submit_recv(fd),
            Err(_) => self.close(fd), // ECONNRESET, ETIMEDOUT
        }
    }

    fn submit_send(&mut self, fd: RawFd) -> Result<(), Error> {
        let Some(connection) = self.connections.get_mut(&fd) else {
            return Ok(());
        };
        let unsent = &connection.buffer[connection.sent..connection.received];
        let send = opcode::Send::new(types::Fd(fd), unsent.as_ptr(), length(unsent)).flags(libc::MSG_NOSIGNAL);
        // SAFETY: the buffer stays where it is and is not changed until the completion is here.
        unsafe { push(&mut self.ring, &send.build().user_data(user_data(SEND, fd))) }
    }

    /// Bytes are in the send buffer: go on with the rest, or ask for more.
    fn sent(&mut self, fd: RawFd, result: nix::Result<usize>) -> Result<(), Error> {
        let Some(connection) = self.connections.get_mut(&fd) else {
            return Ok(());
        };
        match result {
            Ok(sent) => connection.sent += sent,
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => return self.close(fd),
        }
        if connection.sent < connection.received { self.submit_send(fd) } else { self.submit_recv(fd) }
    }

    fn close(&mut self, fd: RawFd) -> Result<(), Error> {
        // close(2). None of its calls is in the kernel: the last one has just completed.
        self.connections.remove(&fd);
        self.closed = true;
        if self.accepting { Ok(()) } else { self.submit_accept() }
    }
}

/// Puts a call into the submission ring; the next `io_uring_enter` takes it from there.
///
/// # Safety
/// Whatever memory the call refers to must stay valid and unused until it has completed.
unsafe fn push(ring: &mut IoUring, call: &squeue::Entry) -> Result<(), Error> {
    // SAFETY: promised by the caller.
    while unsafe { ring.submission().push(call) }.is_err() {
        ring.submit().map_err(Error::io("submit calls to", "the io_uring"))?;
    }
    Ok(())
}

fn user_data(call: u64, fd: RawFd) -> u64 {
    call << 32 | u64::from(fd.cast_unsigned())
}

fn parts(user_data: u64) -> (u64, RawFd) {
    let fd = u32::try_from(user_data & u64::from(u32::MAX)).expect("half of it fits");
    (user_data >> 32, fd.cast_signed())
}

/// A length for the kernel, which takes at most 4 GiB at once.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
