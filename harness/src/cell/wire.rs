//! A wire: a pair of virtual Ethernet devices, one in the experiment's network namespace, the other in a second one. What is
//! sent at one end arrives at the other as a packet from a device does: from a queue, in a soft interrupt.
use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd as _;

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::failure::Failure;
use super::isolate::{bring_up, interface};

/// The end in the experiment's namespace. The addresses are for documents and tests (RFC 5737) and lead nowhere.
pub const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The end in the second namespace.
pub const THERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";
const DEVICE_HERE: &str = "here";
const DEVICE_THERE: &str = "there";

/// Both ends, up and with their addresses. It goes with the namespaces.
#[derive(Debug)]
pub struct Wire {
    here: File,
    there: File,
}

impl Wire {
    /// Lays a wire from the calling thread's network namespace to a new one.
    pub fn lay() -> Result<Self, Failure> {
        Self::try_lay().map_err(|error| {
            Failure::Broken(format!(
                "failed to make a pair of virtual Ethernet devices: {error}; it needs a network namespace of its own, and \
                 a kernel with CONFIG_VETH"
            ))
        })
    }

    /// Why none can be laid on this machine, found out by laying one; none if one can. To be asked as root.
    pub fn refusal() -> Option<String> {
        // A thread of its own: its new namespace, and the wire with it, end when it does.
        let trial = std::thread::spawn(|| match unshare(CloneFlags::CLONE_NEWNET) {
            Ok(()) => Self::try_lay()
                .err()
                .map(|error| format!("{error}: CONFIG_VETH is neither built in nor loaded as a module")),
            Err(errno) => Some(format!("no network namespace can be made: {errno}")),
        });
        trial.join().unwrap_or_else(|_| Some("the trial has panicked".to_owned()))
    }

    fn try_lay() -> io::Result<Self> {
        let here = File::open(OWN_NAMESPACE)?;
        unshare(CloneFlags::CLONE_NEWNET)?;
        let there = File::open(OWN_NAMESPACE);
        setns(&here, CloneFlags::CLONE_NEWNET)?;
        let wire = Self { here, there: there? };
        quieten();
        wire.at_far_end(quieten)?;
        make_pair(&wire.there)?;
        set_up(DEVICE_HERE, HERE)?;
        wire.at_far_end(|| set_up(DEVICE_THERE, THERE))??;
        Ok(wire)
    }

    /// Does something in the second namespace: sockets made there stay there.
    pub fn at_far_end<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        setns(&self.there, CloneFlags::CLONE_NEWNET)?;
        let done = work();
        setns(&self.here, CloneFlags::CLONE_NEWNET)?;
        Ok(done)
    }
}

/// Devices made from now on say nothing of themselves by IPv6. Without IPv6 there is nothing to say.
fn quieten() {
    let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/// Asks for the pair: `RTM_NEWLINK` as in rtnetlink(7), whose other end is described inside of it
/// (drivers/net/veth.c: `veth_newlink`).
fn make_pair(there: &File) -> io::Result<()> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    let message = request(there.as_raw_fd());
    send(socket.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut answer = [0; 1024];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    // struct nlmsghdr, then the negative errno of struct nlmsgerr; 0 says that it is done.
    let error =
        answer[..length].get(16..20).and_then(|bytes| bytes.try_into().ok()).map_or(-libc::EPROTO, i32::from_ne_bytes);
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-error)) }
}

fn request(there: i32) -> Vec<u8> {
    /// `VETH_INFO_PEER` (include/uapi/linux/veth.h).
    const VETH_INFO_PEER: u16 = 1;
    const IFINFOMSG: [u8; 16] = [0; 16];
    let named = |device: &str| attribute(libc::IFLA_IFNAME, &[device.as_bytes(), b"\0"].concat());
    let namespace = attribute(libc::IFLA_NET_NS_FD, &there.to_ne_bytes());
    let peer = attribute(VETH_INFO_PEER, &[&IFINFOMSG[..], &named(DEVICE_THERE), &namespace].concat());
    let kind = attribute(libc::IFLA_INFO_KIND, b"veth\0");
    let data = attribute(libc::IFLA_INFO_DATA, &peer);
    let info = attribute(libc::IFLA_LINKINFO, &[kind, data].concat());
    let body = [&IFINFOMSG[..], &named(DEVICE_HERE), &info].concat();
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
    let header = [
        &u32::try_from(16 + body.len()).unwrap_or(0).to_ne_bytes()[..],
        &libc::RTM_NEWLINK.to_ne_bytes(),
        &u16::try_from(flags).unwrap_or(0).to_ne_bytes(),
        &1_u32.to_ne_bytes(),
        &0_u32.to_ne_bytes(),
    ]
    .concat();
    [header, body].concat()
}

/// `struct rtattr`: length, kind, value, and up to the next multiple of four.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(0);
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

nix::ioctl_write_ptr_bad!(set_address, libc::SIOCSIFADDR, libc::ifreq);
nix::ioctl_write_ptr_bad!(set_mask, libc::SIOCSIFNETMASK, libc::ifreq);

/// Gives a device of the calling thread's namespace its address, and brings it up.
fn set_up(device: &str, address: Ipv4Addr) -> io::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: SIOCSIFADDR reads an ifreq with a name that ends in a zero, and an address.
    unsafe { set_address(socket.as_raw_fd(), &with_address(device, address)) }?;
    bring_up(device)?;
    Ok(())
}

/// Gives a device of the calling thread's namespace one more address, and no more than that: an alias (`lo:more`, see
/// netdevice(7)) with a mask that leaves no network.
pub fn add_address(device: &str, address: Ipv4Addr) -> io::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let alias = format!("{device}:more");
    // SAFETY: SIOCSIFADDR reads an ifreq with a name that ends in a zero, and an address.
    unsafe { set_address(socket.as_raw_fd(), &with_address(&alias, address)) }?;
    // SAFETY: SIOCSIFNETMASK reads the same, with a mask for the address.
    unsafe { set_mask(socket.as_raw_fd(), &with_address(&alias, Ipv4Addr::BROADCAST)) }?;
    Ok(())
}

/// A request about a device that says an address.
fn with_address(device: &str, address: Ipv4Addr) -> libc::ifreq {
    let mut wanted = interface(device);
    let address = libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap_or(2),
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from(address).to_be() },
        sin_zero: [0; 8],
    };
    // SAFETY: both are socket addresses of 16 bytes, the special form and the general one.
    wanted.ifr_ifru.ifru_addr = unsafe { std::mem::transmute::<libc::sockaddr_in, libc::sockaddr>(address) };
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_as_long_as_they_say_and_aligned() {
        assert_eq!(attribute(3, b"ab\0"), [[7, 0, 3, 0].as_slice(), b"ab\0\0"].concat());
        assert_eq!(attribute(1, &[]), [4, 0, 1, 0]);
        let message = request(7);
        assert_eq!(message.len() % 4, 0);
        assert_eq!(message[..4], u32::try_from(message.len()).unwrap().to_ne_bytes());
    }
}
