//! What belongs to the experiment: its processes, and sockets in its network namespaces.
use aya_ebpf::helpers::bpf_get_current_pid_tgid;

use crate::{
    kernel::{offset, read},
    state::{NETS, TRACKED},
};

/// Thread group of the running task.
#[inline(always)]
pub(crate) fn tgid() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// The running task.
#[inline(always)]
pub(crate) fn tid() -> u32 {
    bpf_get_current_pid_tgid() as u32
}

/// The role of a process, or 0 if it is none of ours.
#[inline(always)]
pub(crate) fn role(tgid: u32) -> u32 {
    // SAFETY: a plain value is copied out; a torn read of a `u32` does not happen.
    unsafe { TRACKED.get(tgid) }.copied().unwrap_or(0)
}

/// Whether this `struct net` is one of ours.
#[inline(always)]
pub(crate) fn net_inside(net: u64) -> bool {
    // SAFETY: as above.
    unsafe { NETS.get(net) }.is_some()
}

/// Whether a `sock` lives in one of our network namespaces.
#[inline(always)]
pub(crate) fn sock_inside(sock: u64) -> bool {
    read::<u64>(sock + offset!(sock_net)).is_some_and(net_inside)
}

/// Local and remote port of a `sock`, host byte order.
#[inline(always)]
pub(crate) fn ports(sock: u64) -> (u16, u16) {
    // AF_INET and AF_INET6: in other families these bytes are something else.
    match read::<u16>(sock + offset!(sock_family)) {
        Some(2 | 10) => (
            read::<u16>(sock + offset!(sock_num)).unwrap_or(0),
            u16::from_be(read::<u16>(sock + offset!(sock_dport)).unwrap_or(0)),
        ),
        _ => (0, 0),
    }
}
