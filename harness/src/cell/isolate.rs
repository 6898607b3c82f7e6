//! Namespaces: shutting the cell off from the rest of the machine, as far as the machine allows.
use std::fs;
use std::os::fd::AsRawFd as _;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::{getgid, getuid};

use super::protocol::Isolation;

/// One way to be shut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    flags: CloneFlags,
}

const ALL: CloneFlags = CloneFlags::CLONE_NEWNET
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWNS)
    .union(CloneFlags::CLONE_NEWIPC);

/// A network of one's own, and nothing else.
pub const NETWORK: Way = Way { flags: CloneFlags::CLONE_NEWNET };

/// The ways, the best first. Those without a process namespace are for containers that hide parts of /proc: the kernel
/// then lets nobody mount another one (fs/namespace.c: `mount_too_revealing`). The last is none at all.
pub const WAYS: [Way; 5] = [
    Way { flags: ALL },
    Way { flags: ALL.union(CloneFlags::CLONE_NEWUSER) },
    NETWORK,
    Way { flags: CloneFlags::CLONE_NEWNET.union(CloneFlags::CLONE_NEWUSER) },
    Way { flags: CloneFlags::empty() },
];

impl Way {
    /// How far it goes.
    pub fn isolation(self) -> Isolation {
        Isolation {
            network: self.flags.contains(CloneFlags::CLONE_NEWNET),
            processes: self.flags.contains(CloneFlags::CLONE_NEWPID),
        }
    }

    /// Leaves the namespaces of the parent. A process namespace begins with the next child.
    pub fn leave(self) -> anyhow::Result<()> {
        let (uid, gid) = (getuid(), getgid());
        unshare(self.flags)?;
        if self.flags.contains(CloneFlags::CLONE_NEWUSER) {
            // Each user stays who it is. A group map is refused to an ordinary user who could still drop groups by
            // setgroups(2), see user_namespaces(7).
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
            fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
        }
        Ok(())
    }

    /// Furnishes the new namespaces, from inside: a /proc that shows the new processes, a loopback that is up.
    pub fn furnish(self) -> anyhow::Result<()> {
        if self.flags.contains(CloneFlags::CLONE_NEWPID) {
            let nothing: Option<&str> = None;
            mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            mount(Some("proc"), "/proc", Some("proc"), flags, nothing)?;
        }
        if self.flags.contains(CloneFlags::CLONE_NEWNET) {
            bring_up("lo")?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.flags.is_empty() {
            return f.write_str("no namespaces");
        }
        f.write_str("namespaces")?;
        self.flags.iter_names().try_for_each(|(name, _)| write!(f, " {}", name.trim_start_matches("CLONE_")))
    }
}

nix::ioctl_write_ptr_bad!(set_interface_flags, libc::SIOCSIFFLAGS, libc::ifreq);

/// Brings up a network device of the calling thread's namespace.
pub fn bring_up(device: &str) -> nix::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut request = interface(device);
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or(1);
    // SAFETY: SIOCSIFFLAGS reads an ifreq with a name that ends in a zero, and flags.
    unsafe { set_interface_flags(socket.as_raw_fd(), &raw const request) }.map(drop)
}

/// A request about a network device, without its question. The name may have 15 bytes.
pub fn interface(device: &str) -> libc::ifreq {
    // SAFETY: an ifreq is plain numbers and a union of such; all zeros is one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(device.as_bytes()) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request
}
