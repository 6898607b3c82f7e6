//! Reading kernel memory. Offsets come from the running kernel's BTF, resolved by name on the user side.
use core::ffi::c_void;

use aya_ebpf::helpers::{bpf_get_current_task, bpf_probe_read_kernel, bpf_probe_read_user};
use wakeproof_abi::Offsets;

/// Frozen before the program is loaded: the verifier sees constants.
#[unsafe(no_mangle)]
pub(crate) static OFFSETS: Offsets = Offsets {
    task_pid: 0,
    task_tgid: 0,
    task_files: 0,
    task_nsproxy: 0,
    task_state: 0,
    task_mm: 0,
    nsproxy_net_ns: 0,
    files_fdt: 0,
    fdtable_max_fds: 0,
    fdtable_fd: 0,
    file_private_data: 0,
    file_f_op: 0,
    file_f_inode: 0,
    inode_i_mode: 0,
    socket_sk: 0,
    sock_net: 0,
    sock_num: 0,
    sock_dport: 0,
    sock_family: 0,
    sock_type: 0,
    skb_head: 0,
    skb_data: 0,
    skb_len: 0,
    skb_dev: 0,
    skb_sk: 0,
    skb_protocol: 0,
    dev_net: 0,
    dev_ifindex: 0,
    epitem_rdllink: 0,
    epitem_ffd_file: 0,
    epitem_ffd_fd: 0,
    epitem_ep: 0,
    eppoll_wait: 0,
    eppoll_base: 0,
    eventpoll_rdllist: 0,
    file_f_flags: 0,
    sock_state: 0,
    sock_ack_backlog: 0,
    tcp_rcv_nxt: 0,
    tcp_copied_seq: 0,
    ring_opcode: 0,
    ring_flags: 0,
    ring_fd: 0,
};

/// The offset of one member, in bytes.
macro_rules! offset {
    ($member:ident) => {
        // SAFETY: a valid static; volatile because the loader replaces it and the compiler must not fold the zeroes.
        u64::from(unsafe { core::ptr::read_volatile(&raw const crate::kernel::OFFSETS.$member) })
    };
}
pub(crate) use offset;

/// Reads kernel memory; `None` if there is nothing at that address.
#[inline(always)]
pub(crate) fn read<T: Copy>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address and fails instead of faulting.
    unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
}

/// A member of what an argument of a typed probe points to (a BTF tracepoint's, a trampoline's): one instruction, where a
/// helper takes several calls. The verifier holds it against the type: it must be a whole member at a known offset.
#[inline(always)]
pub(crate) fn member<T: Copy>(argument: *const c_void, offset: u64) -> T {
    // SAFETY: the verifier accepts nothing else; where the object is gone, the kernel reads zeroes.
    unsafe { argument.cast::<u8>().add(offset as usize).cast::<T>().read_volatile() }
}

/// Reads user memory of the running task; `None` if it is not there.
#[inline(always)]
pub(crate) fn read_user<T: Copy>(address: u64) -> Option<T> {
    // SAFETY: as for `read`.
    unsafe { bpf_probe_read_user(address as *const T) }.ok()
}

/// The running task's `task_struct`.
#[inline(always)]
pub(crate) fn current() -> u64 {
    // SAFETY: no arguments, always there.
    unsafe { bpf_get_current_task() }
}

/// The registers of a system call, as the entry code saved them (`struct pt_regs` on x86-64, ABI since 2.6).
pub(crate) mod regs {
    pub(crate) const R10: u64 = 56;
    pub(crate) const R9: u64 = 64;
    pub(crate) const R8: u64 = 72;
    pub(crate) const CX: u64 = 88;
    pub(crate) const DX: u64 = 96;
    pub(crate) const SI: u64 = 104;
    pub(crate) const DI: u64 = 112;
    pub(crate) const ORIG_AX: u64 = 120;
    pub(crate) const IP: u64 = 128;
    pub(crate) const SP: u64 = 152;
}
