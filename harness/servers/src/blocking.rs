//! Iterative blocking server: one client at a time.
//!
//! One thread, two places to sleep: in `accept` until a connection is in the accept queue
//! (`inet_csk_accept`), then in `read` until that one client has sent something
//! (`sk_wait_data`). While it sleeps for one client it is deaf to all others: their connections
//! are complete and their bytes arrive, but both stay in kernel queues until the first one hangs up.
//!
//! Cost: nothing but one thread, and everybody's time.

use std::convert::Infallible;
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockFlag, send};
use nix::unistd::read;

use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options, Reply};

/// Serves one client after the other.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let listener = Listener::open(options, SockFlag::empty())?;
    listener.announce()?;
    serve_on(&listener, options)
}

/// Serves one client after the other on a listener that other processes may have, too.
pub(crate) fn serve_on(listener: &Listener, options: &Options) -> Result<Infallible, Error> {
    loop {
        // Sleeps here while nobody is there …
        match listener.accept(SockFlag::empty()) {
            Ok(connection) => converse(&connection, options), // close(2) when it is dropped
            Err(errno) if concerns_one_client(errno) => {}
            Err(errno) => return Err(listener.accept_failed(errno)),
        }
    }
}

/// Echoes to one client until it sends end of file or is gone.
///
/// What a process, a thread or a worker of a pool does with its connection is this very function.
pub(crate) fn converse(connection: &OwnedFd, options: &Options) {
    let mut buffer = options.read_buffer();
    loop {
        // … and here while the client has nothing to say.
        let received = match read(connection, &mut buffer) {
            Ok(0) => return,
            Ok(received) => received,
            Err(Errno::EINTR) => continue,
            Err(_) => return, // ECONNRESET, ETIMEDOUT: this client is gone, the server is not
        };
        if options.reply == Reply::None {
            continue;
        }
        // A blocking send returns early only if a signal interrupts it: the rest is still to be sent.
        // It sleeps while the client doesn't read and both socket buffers are full.
        let mut unsent = &buffer[..received];
        while !unsent.is_empty() {
            match send(connection.as_raw_fd(), unsent, MsgFlags::MSG_NOSIGNAL) {
                Ok(sent) => unsent = &unsent[sent..],
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }
}
