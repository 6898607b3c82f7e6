//! The listening socket, which all models share: socket, bind, listen, announce, accept.
//!
//! A full descriptor table is the one accept error that needs a plan. `accept4` then fails with
//! EMFILE *before* it looks at the queue (net/socket.c: `__sys_accept4_file` takes the descriptor
//! number first), so the client stays queued, a level-triggered wait reports the listener for
//! ever, and a blocking loop spins. The plan is the well-known spare descriptor: close it, accept
//! into its place, and close that connection if the table is still full. The client sees the
//! connection end at once and nobody spins.

use std::io::Write as _;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::libc;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrStorage, accept4, bind, getsockname,
    setsockopt, socket,
    sockopt::{ReuseAddr, ReusePort},
};

use crate::{Error, Options};

/// A listening TCP socket.
pub(crate) struct Listener {
    fd: OwnedFd,
    address: SockaddrStorage,
    /// Holds a place in the descriptor table, for the day on which the table is full.
    spare: Mutex<Option<EventFd>>,
}

impl Listener {
    /// Opens a listening socket. `SOCK_NONBLOCK` makes accept on it return EAGAIN instead of sleeping.
    pub(crate) fn open(options: &Options, flags: SockFlag) -> Result<Self, Error> {
        Self::open_with(options, flags, false)
    }

    /// As `open`, on a port that other sockets of this user may listen on, too (`SO_REUSEPORT`).
    pub(crate) fn open_sharing_port(options: &Options, flags: SockFlag) -> Result<Self, Error> {
        Self::open_with(options, flags, true)
    }

    fn open_with(options: &Options, flags: SockFlag, share_port: bool) -> Result<Self, Error> {
        let wanted = SockaddrStorage::from(options.socket_address());
        let family = if options.address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let fd = socket(family, SockType::Stream, flags | SockFlag::SOCK_CLOEXEC, None)
            .map_err(Error::call("create a socket for", wanted))?;
        // Without it a server cannot listen again on a port whose old connections are in TIME_WAIT.
        setsockopt(&fd, ReuseAddr, &true).map_err(Error::call("set SO_REUSEADDR for", wanted))?;
        if share_port {
            setsockopt(&fd, ReusePort, &true).map_err(Error::call("set SO_REUSEPORT for", wanted))?;
        }
        bind(fd.as_raw_fd(), &wanted).map_err(Error::call("bind", wanted))?;
        // SAFETY: listen takes a descriptor and a number. nix's own would refuse more than libc's
        // SOMAXCONN, which is 128 in musl and says nothing about the running kernel.
        let listening = unsafe { libc::listen(fd.as_raw_fd(), options.backlog.into()) };
        Errno::result(listening).map_err(Error::call("listen on", wanted))?;
        let address = getsockname(fd.as_raw_fd()).map_err(Error::call("get the name of the socket for", wanted))?;
        let spare = open_spare().map_err(Error::call("reserve a descriptor for", wanted))?;
        Ok(Self { fd, address, spare: Mutex::new(Some(spare)) })
    }

    /// Tells whoever started the server where it listens: `listening on 127.0.0.1:43210`.
    pub(crate) fn announce(&self) -> Result<(), Error> {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "listening on {}", self.address).and_then(|()| stdout.flush()).map_err(Error::Announce)
    }

    /// The port it listens on, which the kernel may have chosen.
    pub(crate) fn port(&self) -> u16 {
        let v4 = self.address.as_sockaddr_in().map(SockaddrIn::port);
        v4.or_else(|| self.address.as_sockaddr_in6().map(SockaddrIn6::port)).unwrap_or_default()
    }

    /// accept4(2), and the plan for a full descriptor table.
    ///
    /// `ECONNABORTED` can also mean that a client was refused because the table is full.
    pub(crate) fn accept(&self, flags: SockFlag) -> nix::Result<OwnedFd> {
        match accept_owned(self.fd.as_fd(), flags) {
            Err(Errno::EMFILE | Errno::ENFILE) => self.accept_in_place_of_spare(flags),
            Ok(connection) => self.unless_spare_is_lost(connection),
            result => result,
        }
    }

    fn accept_in_place_of_spare(&self, flags: SockFlag) -> nix::Result<OwnedFd> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        *spare = None;
        match accept_owned(self.fd.as_fd(), flags) {
            Ok(connection) => self.unless_full(connection, &mut spare),
            Err(errno) => {
                *spare = open_spare().ok();
                // Somebody else was quicker to take the place. Try again; this spins until a descriptor is free.
                let full = matches!(errno, Errno::EMFILE | Errno::ENFILE);
                Err(if full { Errno::ECONNABORTED } else { errno })
            }
        }
    }

    /// Whoever else took the place of the spare descriptor may have kept it: another thread, or what it called (malloc reads
    /// the number of processors from a file). Then the next connection must not take the last place, or none could be
    /// refused any more.
    fn unless_spare_is_lost(&self, connection: OwnedFd) -> nix::Result<OwnedFd> {
        // Who holds it may sleep in accept, and puts the spare descriptor back itself.
        match self.spare.try_lock() {
            Ok(mut spare) if spare.is_none() => self.unless_full(connection, &mut spare),
            _ => Ok(connection),
        }
    }

    /// The connection, if there is room for it and the spare descriptor.
    fn unless_full(&self, connection: OwnedFd, spare: &mut Option<EventFd>) -> nix::Result<OwnedFd> {
        *spare = open_spare().ok();
        if spare.is_some() {
            return Ok(connection);
        }
        drop(connection);
        *spare = open_spare().ok();
        eprintln!("{}: refused a client, the descriptor table is full", self.address);
        Err(Errno::ECONNABORTED)
    }

    /// The error that ends a server whose accept failed.
    pub(crate) fn accept_failed(&self, errno: Errno) -> Error {
        Error::call("accept a connection on", self.address)(errno)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Whether accept failed because of one client, so that the next call can succeed.
///
/// accept(2) passes on errors that are pending on the new connection; its manual page asks to
/// treat them like EAGAIN. EINTR: a signal handler ran while accept slept.
pub(crate) fn concerns_one_client(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EINTR
            | Errno::ECONNABORTED
            | Errno::EPROTO
            | Errno::ENOPROTOOPT
            | Errno::ENETDOWN
            | Errno::ENETUNREACH
            | Errno::EHOSTDOWN
            | Errno::EHOSTUNREACH
            | Errno::EOPNOTSUPP
            | Errno::ENONET
            | Errno::EPERM
    )
}

fn accept_owned(listener: BorrowedFd<'_>, flags: SockFlag) -> nix::Result<OwnedFd> {
    let fd = accept4(listener.as_raw_fd(), flags | SockFlag::SOCK_CLOEXEC)?;
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Any descriptor would do; an eventfd needs no file system.
fn open_spare() -> nix::Result<EventFd> {
    EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn a_lost_spare_descriptor_comes_back_with_the_next_client() {
        let listener = Listener::open(&Options::default(), SockFlag::empty()).unwrap();
        *listener.spare.lock().unwrap() = None;
        let _client = TcpStream::connect((Ipv4Addr::LOCALHOST, listener.port())).unwrap();
        listener.accept(SockFlag::empty()).unwrap();
        assert!(listener.spare.lock().unwrap().is_some());
    }
}
