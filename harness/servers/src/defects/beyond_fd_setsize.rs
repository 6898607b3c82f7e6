//! Sets bits for descriptors that an `fd_set` has no room for.
//!
//! `fd_set` has room for descriptors up to 1023, and C's `FD_SET` doesn't look: bit 1030 lands in
//! whatever lies behind the set. The kernel knows no such limit: told of 1031 descriptors it reads
//! and writes 1031 bits. So the program *seems* to work, while each call changes its neighbour.
//!
//! In C that is undefined behaviour. Here set and neighbour are one allocation, so that it is as
//! visible and yet harmless: the first 16 words are the `fd_set`, the rest are variables that this
//! program doesn't know it is writing to. Each new word that is hit is reported on standard error.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::os::fd::{AsRawFd as _, RawFd};

use nix::errno::Errno;
use nix::sys::socket::SockFlag;

use super::bitmap::{Bitmap, FD_SET_WORDS, PER_WORD, place, select};
use crate::listen::concerns_one_client;
use crate::select::{Connection, Server};
use crate::{Error, Options};

/// Words of a set and its neighbours.
const WORDS: usize = 64 * FD_SET_WORDS;

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let mut server = Server::listen(options)?;
    let mut overwritten = BTreeSet::new();
    loop {
        let mut readable = Bitmap::with_words(WORDS);
        let mut writable = Bitmap::with_words(WORDS);
        readable.insert(server.listener.as_raw_fd());
        for (fd, connection) in &server.connections {
            let set = if connection.unsent.is_empty() { &mut readable } else { &mut writable };
            // Mistake: no look at FD_SETSIZE.
            set.insert(*fd);
            let (word, bit) = place(*fd);
            if word >= FD_SET_WORDS && overwritten.insert(word) {
                eprintln!(
                    "FD_SET({fd}) wrote {bit:#x} into word {word}, but an fd_set ends with word {}",
                    FD_SET_WORDS - 1
                );
            }
        }
        let highest = server.highest();
        match select(highest, &mut readable, &mut writable) {
            Ok(()) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(Error::call("select up to descriptor", highest)(errno)),
        }
        let ready: Vec<RawFd> = (0..=highest).filter(|fd| readable.contains(*fd) || writable.contains(*fd)).collect();
        for fd in ready {
            if fd == server.listener.as_raw_fd() {
                accept(&mut server)?;
            } else {
                server.converse(fd);
            }
        }
    }
}

/// Accepts without the healthy server's refusal of descriptors from `FD_SETSIZE` on.
fn accept(server: &mut Server) -> Result<(), Error> {
    match server.listener.accept(SockFlag::SOCK_NONBLOCK) {
        Ok(fd) if place(fd.as_raw_fd()).0 >= WORDS => {
            eprintln!("refused a client: this demonstration ends with descriptor {}", WORDS * PER_WORD - 1);
            Ok(())
        }
        Ok(fd) => {
            server.connections.insert(fd.as_raw_fd(), Connection::new(fd));
            Ok(())
        }
        Err(Errno::EAGAIN) => Ok(()),
        Err(errno) if concerns_one_client(errno) => Ok(()),
        Err(errno) => Err(server.listener.accept_failed(errno)),
    }
}
