//! Making descriptors, and reading, writing and closing them.
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::pipe2;

use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use super::wire;
use crate::case::{Descriptor, NetworkPair, Over, Reopen, Transfer, TwoEnds};

/// Two connected sockets of the UNIX domain.
pub fn make_socketpairs(run: &mut Run, step: &TwoEnds) -> Result<(), Failure> {
    pairs(run, step, || {
        socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)
            .map_err(|errno| Failure::call("make a socketpair", errno))
    })
}

/// A pipe: the reading end, then the writing end.
pub fn make_pipes(run: &mut Run, step: &TwoEnds) -> Result<(), Failure> {
    pairs(run, step, || pipe2(OFlag::O_CLOEXEC).map_err(|errno| Failure::call("make a pipe", errno)))
}

/// Connected TCP sockets: the connecting end, then the accepted end.
pub fn make_tcp_pairs(run: &mut Run, step: &NetworkPair) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Broken(format!("failed to connect a pair of TCP sockets: {error}"));
    for _ in 0..step.times.0 {
        let (near, far) = match step.over {
            Over::Loopback => tcp_pair(Ipv4Addr::LOCALHOST, TcpStream::connect),
            Over::Veth => {
                let wire = run.wire()?;
                tcp_pair(wire::HERE, |address| wire.at_far_end(|| TcpStream::connect(address))?)
            }
        }
        .map_err(failed)?;
        run.add_descriptor(&step.names[0], near);
        run.add_descriptor(&step.names[1], far);
    }
    Ok(())
}

fn tcp_pair(
    at: Ipv4Addr,
    connect: impl FnOnce(SocketAddr) -> std::io::Result<TcpStream>,
) -> std::io::Result<(OwnedFd, OwnedFd)> {
    let listener = TcpListener::bind((at, 0))?;
    let near = connect(listener.local_addr()?)?;
    let wanted = near.local_addr()?;
    loop {
        let (far, peer) = listener.accept()?;
        // Without a network namespace a stranger can be first.
        if peer == wanted {
            near.set_nodelay(true)?;
            far.set_nodelay(true)?;
            return Ok((near.into(), far.into()));
        }
    }
}

pub(super) fn pairs(
    run: &mut Run,
    step: &TwoEnds,
    mut make: impl FnMut() -> Result<(OwnedFd, OwnedFd), Failure>,
) -> Result<(), Failure> {
    let [first, second] = &step.names;
    for _ in 0..step.times.0 {
        let (one, other) = make()?;
        run.add_descriptor(first, one);
        run.add_descriptor(second, other);
    }
    Ok(())
}

/// A second descriptor for the same file; of each, if the name stands for several.
pub fn duplicate(run: &mut Run, step: &Descriptor) -> Result<(), Failure> {
    let of = match step.number {
        Some(_) => vec![run.names.one(&step.of)?],
        None => run.names.find(&step.of)?,
    };
    of.into_iter().try_for_each(|place| duplicate_one(run, step, run.names.fd(place)))
}

fn duplicate_one(run: &mut Run, step: &Descriptor, of: RawFd) -> Result<(), Failure> {
    let Some(number) = step.number else {
        // SAFETY: fcntl with F_DUPFD_CLOEXEC takes numbers.
        let fd = Errno::result(unsafe { libc::fcntl(of, libc::F_DUPFD_CLOEXEC, 0) });
        return keep(run, step, fd);
    };
    let number = RawFd::try_from(number.0).map_err(|_| Failure::Broken(format!("{} is no descriptor", number.0)))?;
    // SAFETY: fcntl with F_GETFD takes numbers.
    let taken = unsafe { libc::fcntl(number, libc::F_GETFD) } != -1;
    if taken && !run.names.is_open(number) {
        return Err(Failure::Broken(format!("descriptor {number} is in use by the harness itself")));
    }
    // SAFETY: dup3 takes numbers; what it closes belongs to the case, whose names are told next.
    let fd = Errno::result(unsafe { libc::dup3(of, number, libc::O_CLOEXEC) });
    if fd.is_ok() {
        run.names.replaced(number);
    }
    keep(run, step, fd)
}

fn keep(run: &mut Run, step: &Descriptor, fd: nix::Result<RawFd>) -> Result<(), Failure> {
    let fd = fd.map_err(|errno| Failure::call(format!("duplicate {}", step.of), errno))?;
    // SAFETY: the kernel has just made this descriptor, and whoever had its number before has been told.
    run.add_descriptor(&step.name, unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(())
}

/// Opens the file of a descriptor once more.
pub fn reopen(run: &mut Run, step: &Reopen) -> Result<(), Failure> {
    let path = format!("/proc/self/fd/{}", run.names.fd(run.names.one(&step.of)?));
    let file = std::fs::File::open(&path)
        .map_err(|error| Failure::Broken(format!("failed to open {} once more: {error}", step.of)))?;
    run.add_descriptor(&step.name, file.into());
    Ok(())
}

/// Reads from each.
pub fn read(run: &Run, step: &Transfer) -> Result<Vec<Call>, Failure> {
    transfers(run, step, "read from", libc::SYS_read, |fd, mut bytes| {
        // SAFETY: the memory is writable and so long; a number that is no descriptor gives EBADF.
        let mut returned = Returned::take(unsafe { libc::read(fd, bytes.as_mut_ptr().cast(), bytes.len()) } as i64);
        returned.result.eof = returned.result.ret == 0 && !bytes.is_empty();
        returned
    })
}

/// Writes to each.
pub fn write(run: &Run, step: &Transfer) -> Result<Vec<Call>, Failure> {
    transfers(run, step, "write to", libc::SYS_write, |fd, bytes| {
        // SAFETY: the memory is readable and so long; a number that is no descriptor gives EBADF.
        let mut returned = Returned::take(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) } as i64);
        if returned.result.ret >= 0 && returned.reported() != bytes.len() {
            returned.trouble = Some(format!("only {} of {} bytes were taken", returned.reported(), bytes.len()));
        }
        returned
    })
}

fn transfers(
    run: &Run,
    step: &Transfer,
    verb: &str,
    number: i64,
    transfer: fn(RawFd, Vec<u8>) -> Returned,
) -> Result<Vec<Call>, Failure> {
    let call = |place| {
        let (fd, bytes) = (run.names.fd(place), vec![b'.'; step.bytes.size()]);
        Call {
            what: format!("{verb} {}", run.names.label(place)),
            number,
            result: step.name.clone(),
            sleeps: true,
            make: Box::new(move || transfer(fd, bytes)),
        }
    };
    Ok(run.names.find(&step.on)?.into_iter().map(call).collect())
}

/// Closes each: descriptors of the script and connections alike.
pub fn close(run: &mut Run, name: &str) -> Result<Vec<Call>, Failure> {
    let mut calls = Vec::new();
    for place in run.names.find(name)? {
        let what = format!("close {}", run.names.label(place));
        let object = run.names.at(place);
        // Closed before: the number is closed again, and the kernel says EBADF if it is nobody's.
        let fd = object.open.take().map_or(object.fd, OwnedFd::into_raw_fd);
        calls.push(Call {
            what,
            number: libc::SYS_close,
            result: None,
            sleeps: false,
            // SAFETY: the object has given up its ownership.
            make: Box::new(move || Returned::take(unsafe { libc::close(fd) })),
        });
    }
    Ok(calls)
}

/// The ports of both ends of a TCP socket; 0 for what is none.
pub fn ports(fd: &OwnedFd) -> (u16, u16) {
    use nix::sys::socket::{SockaddrStorage, getpeername, getsockname};
    let port = |address: nix::Result<SockaddrStorage>| {
        let address = address.ok()?;
        address
            .as_sockaddr_in()
            .map(nix::sys::socket::SockaddrIn::port)
            .or(address.as_sockaddr_in6().map(nix::sys::socket::SockaddrIn6::port))
    };
    let fd = fd.as_raw_fd();
    (port(getsockname(fd)).unwrap_or(0), port(getpeername(fd)).unwrap_or(0))
}
