//! The calls on sockets one by one: `socket`, `bind`, `listen`, `connect`, `accept` with a name for what it gives.
use std::net::SocketAddr;
use std::os::fd::{FromRawFd as _, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrLike as _, SockaddrStorage, socket};

use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use super::sockets::{accept, own_address};
use crate::case::{Accept, Bind, ConnectOn, Family, ListenOn, MakeSocket, Over, SocketType, Step};

/// Makes a socket.
pub fn make(run: &mut Run, step: &MakeSocket) -> Result<(), Failure> {
    let failed = |errno| Failure::call(format!("make the socket {}", step.name), errno);
    for _ in 0..step.times.0 {
        let made = match step.over {
            Over::Veth => run
                .wire()?
                .at_far_end(|| one(step))
                .map_err(|error| Failure::Broken(format!("failed to enter the second network namespace: {error}")))?,
            Over::Loopback if step.elsewhere => run.elsewhere.make(|| one(step)),
            Over::Loopback => one(step),
        };
        run.add_descriptor(&step.name, made.map_err(failed)?);
    }
    Ok(())
}

fn one(step: &MakeSocket) -> nix::Result<OwnedFd> {
    let family = match step.family {
        Family::Inet => AddressFamily::Inet,
        Family::Inet6 => AddressFamily::Inet6,
    };
    let kind = match step.kind {
        SocketType::Stream => SockType::Stream,
        SocketType::Dgram => SockType::Datagram,
    };
    socket(family, kind, SockFlag::SOCK_CLOEXEC, None)
}

/// Gives a socket its address.
pub fn bind(run: &Run, step: &Bind) -> Result<Vec<Call>, Failure> {
    let port = match &step.port_of {
        Some(of) => address(run, of)?.port(),
        None => 0,
    };
    let to = SockaddrStorage::from(SocketAddr::new(step.address, port));
    each(run, &step.on, "bind", libc::SYS_bind, step.name.as_deref(), move |fd| {
        // SAFETY: the address is as long as it says; a number that is no descriptor gives EBADF.
        unsafe { libc::bind(fd, to.as_ptr(), to.len()) }
    })
}

/// Has a socket listen.
pub fn listen(run: &Run, step: &ListenOn) -> Result<Vec<Call>, Failure> {
    let backlog = i32::try_from(step.backlog.0).unwrap_or(i32::MAX);
    each(run, &step.on, "listen on", libc::SYS_listen, step.name.as_deref(), move |fd| {
        // SAFETY: listen takes numbers.
        unsafe { libc::listen(fd, backlog) }
    })
}

/// Connects a socket.
pub fn connect(run: &Run, step: &ConnectOn) -> Result<Vec<Call>, Failure> {
    let mut to = address(run, &step.to)?;
    if let Some(address) = step.address {
        to.set_ip(address);
    }
    let to = SockaddrStorage::from(to);
    let length = match step.length {
        // What the address does not have cannot be read behind it.
        Some(length) if length.0 > to.len().into() => {
            return Err(Failure::Broken(format!("the address has {} bytes, not {}", to.len(), length.0)));
        }
        Some(length) => libc::socklen_t::try_from(length.0).unwrap_or(to.len()),
        None => to.len(),
    };
    each(run, &step.on, "connect", libc::SYS_connect, step.name.as_deref(), move |fd| {
        // SAFETY: the address is at least so long; a number that is no descriptor gives EBADF.
        unsafe { libc::connect(fd, to.as_ptr(), length) }
    })
}

/// The call on each socket of a name.
fn each(
    run: &Run,
    on: &str,
    verb: &str,
    number: i64,
    result: Option<&str>,
    make: impl FnOnce(i32) -> i32 + Clone + Send + 'static,
) -> Result<Vec<Call>, Failure> {
    let call = |place| {
        let (fd, make) = (run.names.fd(place), make.clone());
        Call {
            what: format!("{verb} {}", run.names.label(place)),
            number,
            result: result.map(str::to_owned),
            sleeps: true,
            make: Box::new(move || Returned::take(make(fd))),
        }
    };
    Ok(run.names.find(on)?.into_iter().map(call).collect())
}

/// The address that a socket of the script is bound to.
fn address(run: &Run, name: &str) -> Result<SocketAddr, Failure> {
    let fd = run.names.fd(run.names.one(name)?);
    own_address(fd).map_err(|errno| Failure::call(format!("find the address of {name}"), errno))
}

/// After a call that gives a socket its ports, its name knows them.
pub fn told(run: &mut Run, step: &Step) -> Result<(), Failure> {
    let (on, to) = match step {
        Step::Bind(step) => (&step.on, None),
        Step::ListenOn(step) => (&step.on, None),
        Step::ConnectOn(step) => (&step.on, Some(address(run, &step.to)?.port())),
        _ => return Ok(()),
    };
    for place in run.names.find(on)? {
        // One that has no address (the call failed) has no ports.
        if let Ok(own) = own_address(run.names.fd(place)) {
            run.names.tell_ports(place, own.port(), to.filter(|_| own.port() != 0));
        }
    }
    Ok(())
}

/// Takes a connection from each listener, and gives it a name.
pub fn accept_into(run: &mut Run, on: &str, into: &str, result: Option<&str>) -> Result<(), Failure> {
    for call in accept(run, &Accept { on: on.to_owned(), into: None, name: None })? {
        let what = call.what.clone();
        let returned = run.within_deadline(call)?;
        if let Ok(fd) = i32::try_from(returned.result.ret)
            && returned.trouble.is_none()
        {
            // SAFETY: the kernel has just made this descriptor, and nobody else knows its number.
            run.add_descriptor(into, unsafe { OwnedFd::from_raw_fd(fd) });
        }
        run.record(&what, result, returned, None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn an_address_is_read_back_as_it_was_bound() {
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        let to = SockaddrStorage::from(SocketAddr::from(([127, 0, 0, 2], 0)));
        // SAFETY: the address is as long as it says.
        assert_eq!(unsafe { libc::bind(socket.as_raw_fd(), to.as_ptr(), to.len()) }, 0);
        let own = own_address(socket.as_raw_fd()).unwrap();
        assert_eq!(own.ip().to_string(), "127.0.0.2");
        assert_ne!(own.port(), 0);
    }
}
