//! What belongs to the experiment: its processes, and sockets in its network namespaces.
use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::map, maps::PerCpuArray};

use crate::{
    kernel::{offset, read},
    state::{NETS, TRACKED, config},
};

/// The namespace that was last found to be ours on this processor, mixed with the token of the run: what a former run has
/// left here is nobody's. Most experiments have one, and it is asked for with every packet.
#[map]
static LAST_NET: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// Thread group and thread of the running task.
#[inline(always)]
pub(crate) fn ids() -> (u32, u32) {
    let ids = bpf_get_current_pid_tgid();
    ((ids >> 32) as u32, ids as u32)
}

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
    let (Some(config), Some(last)) = (config(), LAST_NET.get_ptr_mut(0)) else { return false };
    // Read before the namespaces are: with the token of a run, only what belongs to that run is noted.
    // SAFETY: a plain value that the user side writes; volatile keeps the order.
    let token = unsafe { (&raw const config.token).read_volatile() };
    // SAFETY: a live slot of this CPU; a program that interrupts us notes what is as true.
    if token != 0 && unsafe { last.read_volatile() } ^ token == net {
        return true;
    }
    // SAFETY: as above.
    let Some(net) = unsafe { NETS.get(net) }.copied() else { return false };
    // The same number, but for the verifier: it lets nobody calculate with what may be a pointer.
    // SAFETY: as above.
    unsafe { last.write_volatile(net ^ token) };
    true
}

/// Whether a `sock` lives in one of our network namespaces.
#[inline(always)]
pub(crate) fn sock_inside(sock: u64) -> bool {
    read::<u64>(sock + offset!(sock_net)).is_some_and(net_inside)
}

/// Local and remote port of a `sock`, host byte order.
#[inline(always)]
pub(crate) fn ports(sock: u64) -> (u16, u16) {
    let (local, remote, _) = ends(sock);
    (local, remote)
}

/// Local and remote port of a `sock`, and its family.
#[inline(always)]
pub(crate) fn ends(sock: u64) -> (u16, u16, u16) {
    let (dport, num, family) = (offset!(sock_dport), offset!(sock_num), offset!(sock_family));
    // They are neighbours (include/net/sock.h: `struct sock_common`, 5.10 to 7.3): to the verifier this is decided.
    let [dport, num, family] = if num == dport + 2 && family == dport + 4 {
        read::<[u16; 3]>(sock + dport).unwrap_or_default()
    } else {
        [dport, num, family].map(|member| read(sock + member).unwrap_or(0))
    };
    let (local, remote) = ends_of(family, num, dport);
    (local, remote, family)
}

/// Local and remote port by what the members hold.
#[inline(always)]
pub(crate) fn ends_of(family: u16, num: u16, dport: u16) -> (u16, u16) {
    match family {
        AF_INET | AF_INET6 => (num, u16::from_be(dport)),
        // In other families the bytes of the ports are something else.
        _ => (0, 0),
    }
}

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
