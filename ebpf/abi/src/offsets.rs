//! Where the members lie in this kernel's structures, in bytes.

/// Offsets resolved by name from the running kernel's BTF at start and frozen before the program is loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is named after the structure and member it locates")]
pub struct Offsets {
    pub task_pid: u32,
    pub task_tgid: u32,
    pub task_files: u32,
    pub task_nsproxy: u32,
    pub task_state: u32,
    pub task_mm: u32,
    pub nsproxy_net_ns: u32,
    pub files_fdt: u32,
    pub fdtable_max_fds: u32,
    pub fdtable_fd: u32,
    pub file_private_data: u32,
    pub file_f_op: u32,
    pub file_f_inode: u32,
    pub inode_i_mode: u32,
    pub socket_sk: u32,
    pub sock_net: u32,
    pub sock_num: u32,
    pub sock_dport: u32,
    pub sock_family: u32,
    pub sock_type: u32,
    pub skb_data: u32,
    pub skb_len: u32,
    pub skb_dev: u32,
    pub skb_sk: u32,
    pub skb_protocol: u32,
    pub dev_net: u32,
    pub dev_ifindex: u32,
    pub epitem_rdllink: u32,
    pub epitem_ffd_file: u32,
    pub epitem_ffd_fd: u32,
    pub epitem_ep: u32,
    pub eppoll_wait: u32,
    pub eppoll_base: u32,
    pub eventpoll_rdllist: u32,
}
