//! Passes the set that the kernel has overwritten.
//!
//! After select the sets hold the result: who was not ready is gone. Passed again as they are, they
//! watch only those who were ready the last time. As soon as one client has sent something the
//! listener is no longer in the set, and nobody is accepted any more.

use std::convert::Infallible;
use std::os::fd::{AsRawFd as _, RawFd};

use nix::errno::Errno;

use super::bitmap::{Bitmap, FD_SET_WORDS, select};
use crate::select::Server;
use crate::{Error, Options};

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let mut server = Server::listen(options)?;
    let mut readable = Bitmap::with_words(FD_SET_WORDS);
    let mut writable = Bitmap::with_words(FD_SET_WORDS);
    readable.insert(server.listener.as_raw_fd());
    loop {
        let highest = server.highest();
        // Mistake: what select left of the sets the last time is what it is asked for now.
        match select(highest, &mut readable, &mut writable) {
            Ok(()) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(Error::call("select up to descriptor", highest)(errno)),
        }
        let ready: Vec<RawFd> = (0..=highest).filter(|fd| readable.contains(*fd) || writable.contains(*fd)).collect();
        for fd in ready {
            let changed = if fd == server.listener.as_raw_fd() {
                server.accept()?
            } else {
                server.converse(fd);
                readable.remove(fd);
                writable.remove(fd);
                Some(fd)
            };
            // A program that reuses its sets keeps them up to date: new ones in, closed ones out.
            if let Some(fd) = changed
                && let Some(connection) = server.connections.get(&fd)
            {
                let set = if connection.unsent.is_empty() { &mut readable } else { &mut writable };
                set.insert(fd);
            }
        }
    }
}
