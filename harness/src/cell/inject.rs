//! Datagrams and segments that no socket would send: the script writes the headers itself, through a raw socket.
//!
//! A raw socket that includes the header leaves the transport checksum to its user and marks the packet as not yet
//! verified (`CHECKSUM_NONE` in net/ipv4/raw.c: `raw_send_hdrinc`), so that the receiver verifies it as it would one that
//! came over a wire; what ordinary sockets send over loopback is not verified at all.
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd as _, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, getpeername, getsockname, sendto, socket,
};

use super::failure::Failure;
use super::run::Run;
use crate::case::{Checksum, Inject};

const UDP: u8 = 17;
const TCP: u8 = 6;

/// Sends it to the socket as from its peer.
pub fn inject(run: &Run, step: &Inject) -> Result<(), Failure> {
    if !run.own_network {
        let why = "packets are only injected into a network namespace of the case's own, and this machine gives none";
        return Err(Failure::Broken(why.to_owned()));
    }
    let fd = run.names.fd(run.names.one(&step.to)?);
    let failed = |what: &str| {
        let what = format!("{what} {}", step.to);
        move |errno| Failure::call(what, errno)
    };
    let to: SockaddrIn = getsockname(fd).map_err(failed("find the address of"))?;
    let from: SockaddrIn = getpeername(fd).map_err(failed("find the peer of"))?;
    let ends = Ends { from: SocketAddrV4::new(from.ip(), from.port()), to: SocketAddrV4::new(to.ip(), to.port()) };
    let payload = vec![b'.'; step.bytes.size()];
    let protocol = option(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL).map_err(failed("find the protocol of"))?;
    let packet = if protocol == libc::IPPROTO_TCP {
        let numbers = numbers(fd).map_err(failed("find the sequence numbers of"))?;
        ends.packet(TCP, tcp(&ends, numbers, &payload), 16, step.checksum)
    } else {
        ends.packet(UDP, udp(&ends, &payload), 6, step.checksum)
    };
    let raw = socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw)
        .map_err(failed("make a raw socket for"))?;
    sendto(raw.as_raw_fd(), &packet, &to, MsgFlags::empty()).map_err(failed("inject a packet to")).map(drop)
}

/// Where a packet comes from and goes to.
struct Ends {
    from: SocketAddrV4,
    to: SocketAddrV4,
}

impl Ends {
    /// The packet with an IP header, whose own length and checksum the kernel fills in. `at`: where the transport header
    /// has its checksum.
    fn packet(&self, protocol: u8, mut body: Vec<u8>, at: usize, checksum: Checksum) -> Vec<u8> {
        let right = self.checksum(protocol, &body);
        let chosen = match checksum {
            Checksum::Good => right,
            // 0 would mean "not computed" to UDP.
            Checksum::Bad => right.checked_add(1).unwrap_or(1),
        };
        body[at..at + 2].copy_from_slice(&chosen.to_be_bytes());
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
        packet.extend(self.from.ip().octets());
        packet.extend(self.to.ip().octets());
        packet.extend(body);
        packet
    }

    /// The Internet checksum (RFC 1071) of a body and its pseudo-header; never 0.
    fn checksum(&self, protocol: u8, body: &[u8]) -> u16 {
        let pseudo = [self.from.ip(), self.to.ip()].map(Ipv4Addr::octets).concat();
        let words = |bytes: &[u8]| -> u64 {
            bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum()
        };
        let mut sum = words(&pseudo) + u64::from(protocol) + body.len() as u64 + words(body);
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        match !u16::try_from(sum).unwrap_or(u16::MAX) {
            0 => u16::MAX,
            checksum => checksum,
        }
    }
}

fn udp(ends: &Ends, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap_or(u16::MAX);
    let mut body = [ends.from.port(), ends.to.port(), length, 0].map(u16::to_be_bytes).concat();
    body.extend(payload);
    body
}

/// What the receiver expects next, and what it has sent so far.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    expected: u32,
    sent: u32,
}

fn tcp(ends: &Ends, numbers: Numbers, payload: &[u8]) -> Vec<u8> {
    const LENGTH_IN_WORDS: u8 = 5;
    const PSH_ACK: u8 = 0x18;
    let mut body = [ends.from.port(), ends.to.port()].map(u16::to_be_bytes).concat();
    body.extend([numbers.expected, numbers.sent].map(u32::to_be_bytes).concat());
    body.extend([LENGTH_IN_WORDS << 4, PSH_ACK, 0xff, 0xff, 0, 0, 0, 0]);
    body.extend(payload);
    body
}

/// Reads a TCP socket's sequence numbers, in repair mode, which it leaves without sending anything (`-1`).
fn numbers(fd: RawFd) -> nix::Result<Numbers> {
    const ON: libc::c_int = 1;
    const OFF_SILENTLY: libc::c_int = -1;
    const RECEIVE_QUEUE: libc::c_int = 1;
    const SEND_QUEUE: libc::c_int = 2;
    set_option(fd, libc::TCP_REPAIR, ON)?;
    let number = |queue| {
        set_option(fd, libc::TCP_REPAIR_QUEUE, queue)?;
        option(fd, libc::IPPROTO_TCP, libc::TCP_QUEUE_SEQ).map(libc::c_int::cast_unsigned)
    };
    let numbers = number(RECEIVE_QUEUE).and_then(|expected| Ok(Numbers { expected, sent: number(SEND_QUEUE)? }));
    set_option(fd, libc::TCP_REPAIR, OFF_SILENTLY)?;
    numbers
}

fn set_option(fd: RawFd, name: libc::c_int, value: libc::c_int) -> nix::Result<()> {
    let size = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or(4);
    // SAFETY: the value is an int of that size.
    let done = unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, name, (&raw const value).cast(), size) };
    Errno::result(done).map(drop)
}

fn option(fd: RawFd, level: libc::c_int, name: libc::c_int) -> nix::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut size = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or(4);
    // SAFETY: the value is an int of that size.
    let done = unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut size) };
    Errno::result(done).map(|_| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        let end = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        Ends { from: end(1000), to: end(2000) }
    }

    /// Everything that is summed, the right checksum included, comes to nothing.
    #[test]
    fn a_good_checksum_makes_the_sum_vanish_and_a_bad_one_does_not() {
        for bytes in 0..300 {
            let payload = vec![b'.'; bytes];
            for (protocol, body, at) in
                [(UDP, udp(&ends(), &payload), 6), (TCP, tcp(&ends(), Numbers { expected: 7, sent: 9 }, &payload), 16)]
            {
                let sum =
                    |checksum| ends().checksum(protocol, &ends().packet(protocol, body.clone(), at, checksum)[20..]);
                assert_eq!(sum(Checksum::Good), u16::MAX, "{bytes} bytes by protocol {protocol}");
                assert_ne!(sum(Checksum::Bad), u16::MAX, "{bytes} bytes by protocol {protocol}");
            }
        }
    }

    #[test]
    fn the_numbers_are_those_of_a_fresh_connection() {
        use std::os::fd::AsRawFd as _;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        // EPERM: an ordinary user has no repair mode.
        if let (Ok(near), Ok(far)) = (numbers(near.as_raw_fd()), numbers(far.as_raw_fd())) {
            assert_eq!((near.expected, near.sent), (far.sent, far.expected));
        }
    }
}
