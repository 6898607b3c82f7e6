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

/// What [`Called::flags`] says.
pub mod called {
    /// The descriptor is a socket.
    pub const SOCKET: u32 = 1;
    /// Its file has `O_NONBLOCK`.
    pub const NONBLOCK: u32 = 2;
    /// The socket listens.
    pub const LISTEN: u32 = 4;
    /// The entry was seen too, so that `entered` and `slept` are known.
    pub const ENTERED: u32 = 8;
}

/// A system call of a watched server.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Called {
    /// Its second to fifth argument.
    pub args: [u64; 4],
    /// When it was entered, `CLOCK_MONOTONIC`.
    pub entered: u64,
    /// How often its thread has left the processor of its own accord meanwhile.
    pub slept: u32,
    /// See [`called`].
    pub flags: u32,
    /// After the call: bytes in the receive queue of a TCP connection, connections in the accept queue of a listener.
    pub left: u32,
    /// How many bytes follow.
    pub more: u32,
}

/// How many bytes may follow a [`Called`].
pub const CALLED_MORE: usize = 192;

/// Where the data of a packet lies in its buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Packet {
    /// `skb->head`: where the buffer begins.
    pub head: u64,
    /// `skb->data - skb->head`: how far in the data begins.
    pub headroom: u32,
    /// `skb->len`: how many bytes there are.
    pub bytes: u32,
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
const _: () = assert!(size_of::<Packet>() == 16);
const _: () = assert!(size_of::<WalkItem>() == 56);
const _: () = assert!(size_of::<Called>() == 56);
