//! The members that the eBPF program reads, by the kernel's names.
use wakeproof_abi::Offsets;

use super::{Btf, BtfError};

/// Resolves every offset the program needs; the first that is missing is the error.
pub fn resolve(btf: &Btf) -> Result<Offsets, BtfError> {
    let at = |structure, member| btf.offset(structure, member);
    Ok(Offsets {
        task_pid: at("task_struct", "pid")?,
        task_tgid: at("task_struct", "tgid")?,
        task_files: at("task_struct", "files")?,
        task_nsproxy: at("task_struct", "nsproxy")?,
        // Renamed in 5.14 (2f064a59a11f).
        task_state: at("task_struct", "__state").or_else(|_| at("task_struct", "state"))?,
        task_mm: at("task_struct", "mm")?,
        nsproxy_net_ns: at("nsproxy", "net_ns")?,
        files_fdt: at("files_struct", "fdt")?,
        fdtable_max_fds: at("fdtable", "max_fds")?,
        fdtable_fd: at("fdtable", "fd")?,
        file_private_data: at("file", "private_data")?,
        file_f_op: at("file", "f_op")?,
        file_f_inode: at("file", "f_inode")?,
        inode_i_mode: at("inode", "i_mode")?,
        socket_sk: at("socket", "sk")?,
        sock_net: at("sock", "__sk_common.skc_net.net")?,
        sock_num: at("sock", "__sk_common.skc_num")?,
        sock_dport: at("sock", "__sk_common.skc_dport")?,
        sock_family: at("sock", "__sk_common.skc_family")?,
        sock_type: at("sock", "sk_type")?,
        skb_head: at("sk_buff", "head")?,
        skb_data: at("sk_buff", "data")?,
        skb_len: at("sk_buff", "len")?,
        skb_dev: at("sk_buff", "dev")?,
        skb_sk: at("sk_buff", "sk")?,
        skb_protocol: at("sk_buff", "protocol")?,
        dev_net: at("net_device", "nd_net.net")?,
        dev_ifindex: at("net_device", "ifindex")?,
        epitem_rdllink: at("epitem", "rdllink")?,
        epitem_ffd_file: at("epitem", "ffd.file")?,
        epitem_ffd_fd: at("epitem", "ffd.fd")?,
        epitem_ep: at("epitem", "ep")?,
        eppoll_wait: at("eppoll_entry", "wait")?,
        eppoll_base: at("eppoll_entry", "base")?,
        eventpoll_rdllist: at("eventpoll", "rdllist")?,
        file_f_flags: at("file", "f_flags")?,
        sock_state: at("sock", "__sk_common.skc_state")?,
        sock_ack_backlog: at("sock", "sk_ack_backlog")?,
        tcp_rcv_nxt: at("tcp_sock", "rcv_nxt")?,
        tcp_copied_seq: at("tcp_sock", "copied_seq")?,
        // What rings do is seen only from 6.3 on, where the tracepoint hands over the request itself (ad711c5d113d).
        ring_opcode: at("io_kiocb", "opcode").unwrap_or(0),
        ring_flags: at("io_kiocb", "flags").unwrap_or(0),
        ring_fd: at("io_kiocb", "cqe.fd").unwrap_or(0),
    })
}
