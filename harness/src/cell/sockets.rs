//! Sockets that a script makes for itself, and what it asks them.
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, connect as begin_connecting, getsockname,
    listen as set_backlog, socket,
};

use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use super::wire;
use crate::case::{Accept, Asked, Connect, Listen, NetworkPair, Over, Snmp};
use crate::recording::Named;

/// UDP sockets that are connected to each other.
pub fn make_udp_pairs(run: &mut Run, step: &NetworkPair) -> Result<(), Failure> {
    let [first, second] = &step.names;
    let bind = |address| UdpSocket::bind((address, 0));
    for _ in 0..step.times.0 {
        let pair = match step.over {
            Over::Loopback => udp_pair(bind(Ipv4Addr::LOCALHOST), bind(Ipv4Addr::LOCALHOST)),
            Over::Veth => {
                let far = run.wire()?.at_far_end(|| bind(wire::THERE)).and_then(|bound| bound);
                udp_pair(far, bind(wire::HERE))
            }
        };
        let (one, other) =
            pair.map_err(|error| Failure::Broken(format!("failed to connect a pair of UDP sockets: {error}")))?;
        run.add_descriptor(first, one.into());
        run.add_descriptor(second, other.into());
    }
    Ok(())
}

fn udp_pair(
    one: std::io::Result<UdpSocket>,
    other: std::io::Result<UdpSocket>,
) -> std::io::Result<(UdpSocket, UdpSocket)> {
    let (one, other) = (one?, other?);
    one.connect(other.local_addr()?)?;
    other.connect(one.local_addr()?)?;
    Ok((one, other))
}

/// A listening TCP socket.
pub fn listen(run: &mut Run, step: &Listen) -> Result<(), Failure> {
    let failed = |why: String| Failure::Broken(format!("failed to listen: {why}"));
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| failed(error.to_string()))?;
    let backlog = i32::try_from(step.backlog.0).ok().and_then(|backlog| Backlog::new(backlog).ok());
    let backlog = backlog.ok_or_else(|| failed(format!("a backlog of {} is not possible", step.backlog.0)))?;
    // The library has called listen(2) with a backlog of its own; the last call counts.
    set_backlog(&socket, backlog).map_err(|errno| failed(errno.to_string()))?;
    run.add_descriptor(&step.name, socket.into());
    Ok(())
}

/// Connects to a listener of the script.
pub fn connect(run: &mut Run, step: &Connect, listener: &str) -> Result<(), Failure> {
    let failed = |why: String| Failure::Broken(format!("failed to connect to {listener}: {why}"));
    let at = run.names.one(listener)?;
    // Where it listened, if it is closed by now: the descriptors of the script listen on loopback.
    let address = match (own_address(run.names.fd(at)), run.names.named(at)) {
        (Ok(address), _) => address,
        (Err(_), Named::Descriptor { local, .. }) => (Ipv4Addr::LOCALHOST, local).into(),
        (Err(errno), Named::Connection { .. }) => return Err(failed(errno.to_string())),
    };
    for _ in 0..step.times.0 {
        if step.nonblock {
            let near = begin(address).map_err(|errno| failed(errno.to_string()))?;
            let own = own_address(near.as_raw_fd()).map_err(|errno| failed(errno.to_string()))?;
            let place = run.add_descriptor(&step.name, near);
            run.names.tell_ports(place, own.port(), Some(address.port()));
            continue;
        }
        let near = TcpStream::connect(address);
        let errno = near.as_ref().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
        if let Some(result) = &step.result {
            Errno::set_raw(errno);
            let returned = Returned::take(if errno == 0 { 0 } else { -1 });
            run.record(&format!("connect to {listener}"), Some(result), returned, None)?;
            if errno != 0 {
                continue;
            }
        }
        let near = near.and_then(|near| near.set_nodelay(true).map(|()| near));
        run.add_descriptor(&step.name, near.map_err(|error| failed(error.to_string()))?.into());
    }
    Ok(())
}

/// A connection that is under way, or there already.
fn begin(to: SocketAddr) -> nix::Result<OwnedFd> {
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let near = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    match begin_connecting(near.as_raw_fd(), &SockaddrStorage::from(to)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(near),
        Err(errno) => Err(errno),
    }
}

/// The address that a socket is bound to.
pub fn own_address(fd: RawFd) -> nix::Result<SocketAddr> {
    let address: SockaddrStorage = getsockname(fd)?;
    let v4 = address.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into()));
    let v6 = || address.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into()));
    v4.or_else(v6).ok_or(Errno::EAFNOSUPPORT)
}

/// Takes a connection from each listener. The new socket stays open until the cell ends.
pub fn accept(run: &Run, step: &Accept) -> Result<Vec<Call>, Failure> {
    let step = Asked { on: step.on.clone(), name: step.name.clone() };
    ask(run, &step, "accept on", libc::SYS_accept4, |fd| {
        // SAFETY: no address is asked for; a number that is no descriptor gives EBADF.
        let fd = unsafe { libc::accept4(fd, std::ptr::null_mut(), std::ptr::null_mut(), libc::SOCK_CLOEXEC) };
        Returned::take(fd)
    })
}

/// How many bytes can be read from each.
pub fn unread(run: &Run, step: &Asked) -> Result<Vec<Call>, Failure> {
    ask(run, step, "ioctl(FIONREAD) on", libc::SYS_ioctl, |fd| {
        let mut bytes: libc::c_int = 0;
        // SAFETY: FIONREAD writes one int.
        let mut returned = Returned::take(unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut bytes) });
        if returned.result.ret == 0 {
            returned.result.ret = bytes.into();
        }
        returned
    })
}

fn ask(run: &Run, step: &Asked, verb: &str, number: i64, ask: fn(RawFd) -> Returned) -> Result<Vec<Call>, Failure> {
    let call = |place| {
        let fd = run.names.fd(place);
        Call {
            what: format!("{verb} {}", run.names.label(place)),
            number,
            result: step.name.clone(),
            sleeps: true,
            make: Box::new(move || ask(fd)),
        }
    };
    Ok(run.names.find(&step.on)?.into_iter().map(call).collect())
}

/// Sets `O_NONBLOCK`.
pub fn nonblock(run: &Run, name: &str) -> Result<(), Failure> {
    for place in run.names.find(name)? {
        let failed = |errno| Failure::call(format!("set O_NONBLOCK on {}", run.names.label(place)), errno);
        let fd = run.names.fd(place);
        // SAFETY: fcntl with F_GETFL and F_SETFL takes numbers.
        let flags = Errno::result(unsafe { libc::fcntl(fd, libc::F_GETFL) }).map_err(failed)?;
        // SAFETY: as above.
        Errno::result(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) }).map_err(failed)?;
    }
    Ok(())
}

/// Reads a counter of the network namespace.
pub fn snmp(step: &Snmp) -> Call {
    let counter = step.counter.clone();
    Call {
        what: format!("read {} in /proc/net/snmp", step.counter),
        number: libc::SYS_read,
        result: Some(step.name.clone()),
        sleeps: false,
        make: Box::new(move || {
            let read =
                |file: &str| std::fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap_or_default();
            match ["snmp", "netstat"].iter().find_map(|file| find(&read(file), &counter)) {
                Some(count) => Returned::take(count),
                None => Returned::refused(format!("neither /proc/net/snmp nor /proc/net/netstat has {counter}")),
            }
        }),
    }
}

/// Finds `Udp.InErrors` in pairs of lines: the names, then their values.
fn find(text: &str, counter: &str) -> Option<i64> {
    let (protocol, wanted) = counter.split_once('.')?;
    let mut lines = text.lines().filter_map(|line| line.split_once(": ")).filter(|line| line.0 == protocol);
    let (names, values) = (lines.next()?.1, lines.next()?.1);
    names.split(' ').zip(values.split(' ')).find(|(name, _)| *name == wanted)?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_protocol_and_name() {
        let text = "Tcp: InSegs InCsumErrors\nTcp: 12 1\nUdp: InDatagrams InCsumErrors\nUdp: 7 2\nUdpLite: InCsumErrors\nUdpLite: 9\n";
        assert_eq!(find(text, "Udp.InCsumErrors"), Some(2));
        assert_eq!(find(text, "Tcp.InCsumErrors"), Some(1));
        assert_eq!(find(text, "Tcp.Nothing"), None);
    }

    #[test]
    fn two_udp_sockets_reach_each_other() {
        let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
        let (one, other) = udp_pair(bind(), bind()).unwrap();
        one.send(b"ab").unwrap();
        let mut buffer = [0; 4];
        assert_eq!(other.recv(&mut buffer).unwrap(), 2);
    }
}
