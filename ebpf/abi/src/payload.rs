//! What follows the header of some events.

/// The most (mask, data) pairs of one `epoll_wait` that are carried.
pub const MAX_PAIRS: usize = 16;
/// The most `pollfd` entries of one `poll` that are carried.
pub const MAX_POLLFDS: usize = 24;
/// How many bytes of a `select` result are carried: the read set of a libc `fd_set`.
pub const SET_BYTES: usize = 128;

/// One reported event of `epoll_wait`, as the kernel lays it out for user space on x86-64.
#[repr(C, packed)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Pair {
    /// `EPOLLIN` and so on.
    pub mask: u32,
    /// What `epoll_ctl` was given for it.
    pub data: u64,
}

/// One entry of `poll`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PollFd {
    /// The descriptor.
    pub fd: i32,
    /// What was asked for.
    pub events: i16,
    /// What was found.
    pub revents: i16,
}

/// What `epoll_ctl` was asked to do.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Ctl {
    /// `EPOLL_CTL_ADD`, `_DEL` or `_MOD`.
    pub op: u32,
    /// The target descriptor.
    pub fd: u32,
    /// The mask asked for.
    pub mask: u32,
    /// Port on this end of the target, or 0.
    pub local: u16,
    /// Port on its far end, or 0.
    pub remote: u16,
    /// The user's data.
    pub data: u64,
    /// The target's `sock`, or its file.
    pub target: u64,
}

/// One open descriptor found by the task-file iterator.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct WalkItem {
    /// The process that holds it.
    pub tgid: u32,
    /// The descriptor.
    pub fd: u32,
    /// `struct task_struct` of a task that has it in its table.
    pub task: u64,
    /// `struct file`.
    pub file: u64,
    /// `file->private_data`: a `struct socket` or a `struct eventpoll`, as `file->f_op` tells.
    pub private: u64,
    /// `file->f_op`.
    pub ops: u64,
    /// `struct sock` of a socket, else 0.
    pub sock: u64,
    /// Port on this end, or 0.
    pub local: u16,
    /// Port on the far end, or 0.
    pub remote: u16,
    /// The file's `st_mode`.
    pub mode: u16,
    /// `sk->sk_type` of a socket, else 0.
    pub sock_type: u16,
}

/// One task found by the task iterator.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskItem {
    /// Its process.
    pub tgid: u32,
    /// The task.
    pub tid: u32,
    /// `struct task_struct`.
    pub task: u64,
}

const _: () = assert!(size_of::<TaskItem>() == 16);
const _: () = assert!(size_of::<Pair>() == 12);
const _: () = assert!(size_of::<PollFd>() == 8);
const _: () = assert!(size_of::<Ctl>() == 32);
const _: () = assert!(size_of::<WalkItem>() == 56);
