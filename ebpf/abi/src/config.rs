//! What the user side tells the program, through maps.

/// How many kernel functions can be counted at once.
pub const SLOTS: usize = 8;
/// How many watchpoints an x86-64 processor has.
pub const WATCHES: usize = 4;
/// System call numbers below this can be recorded.
pub const CALLS: usize = 512;
/// In the table of system calls: record the entry.
pub const CALL_ENTER: u8 = 1;
/// In the table of system calls: record the return.
pub const CALL_EXIT: u8 = 2;
/// In the table of system calls: remember the arguments for a probe on the way out.
pub const CALL_STASH: u8 = 4;
/// In the table of system calls: count how often the watched server makes it.
pub const CALL_COUNT: u8 = 8;

/// The most bytes of kernel memory that are read at once.
pub const PEEK_BYTES: usize = 255;

/// What a peek has read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Peek {
    /// 1 if there was memory to read.
    pub done: u64,
    /// The bytes, and one more that makes the size a multiple of 8.
    pub bytes: [u8; PEEK_BYTES + 1],
}

/// What a process of the experiment is there for. Children inherit it.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Drives clients, or runs a script.
    Client = 1,
    /// The server under test.
    Server = 2,
}

/// What the recorder records just now.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// Last argument of a genuine fence.
    pub token: u64,
    /// Which kinds, by [`Kind::bit`](crate::Kind::bit).
    pub kinds: u32,
    /// Which of them with a kernel stack.
    pub stacks: u32,
}

/// What a counted function's argument is, so that its calls can be attributed.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountArg {
    /// Nothing is known: only the running task attributes the call.
    None = 0,
    /// `struct sock *`.
    Sock = 1,
    /// `struct socket *`.
    Socket = 2,
    /// `struct file *`.
    File = 3,
    /// `struct sk_buff *`.
    Skb = 4,
    /// `struct eventpoll *`.
    Eventpoll = 5,
    /// `struct wait_queue_entry *` of an eventpoll's registration.
    EpollWait = 6,
    /// The number of an epoll descriptor.
    EpollFd = 7,
    /// `struct net *`.
    Net = 8,
}

/// How one counter attributes its calls.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CountSlot {
    /// A [`CountArg`].
    pub arg: u32,
    /// Which argument of the function it is, from 0.
    pub index: u32,
}

/// What is noted of the calls of a function that two programs count, so that those can be known which both missed: what the
/// second was passed over for and did not find counted either.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// The first program has counted the call.
    CountedFirst = 0,
    /// The second one has found that.
    FoundCounted = 1,
}

impl Tally {
    /// How many there are.
    pub const COUNT: u32 = 2;
}

/// What calls are counted by.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CountKey {
    /// The counted function.
    pub slot: u32,
    /// How many marks had been passed.
    pub epoch: u32,
    /// [`Role`] of the running task, or 0.
    pub role: u32,
    /// 1 if the object belongs to the experiment's network namespace.
    pub inside: u32,
    /// Port on this end of the socket it was about, or 0.
    pub local: u16,
    /// Port on its far end, or 0.
    pub remote: u16,
    /// Makes the size a multiple of 8.
    pub zero: u32,
    /// The eventpoll it was about, or 0.
    pub eventpoll: u64,
}

/// The calls that a function's two programs need not tell apart: an interrupt may make one in the midst of another.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counted {
    /// The counted function.
    pub slot: u32,
    /// The running thread; idle processors, whose threads all have number 0, go by their own with the highest bit set.
    pub thread: u32,
    /// The argument that leads to what the call is about, or 0.
    pub value: u64,
}

/// What a watchpoint looks at when it fires.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    /// The watched object: for a ready list the eventpoll, else the watched address.
    pub object: u64,
    /// 1 if `object` is an eventpoll whose ready list is watched: the program then looks up its last item.
    pub ready_list: u32,
    /// Makes the size a multiple of 8.
    pub zero: u32,
    /// The `sock` whose list is watched, or 0.
    pub sock: u64,
    /// Address of the watched word of a list's head, or 0 if no list is watched.
    pub word: u64,
    /// What was in it last.
    pub last: u64,
}

const _: () = assert!(size_of::<Config>() == 16);
const _: () = assert!(size_of::<CountKey>() == 32);
const _: () = assert!(size_of::<Counted>() == 16);
const _: () = assert!(size_of::<Watch>() == 40);

#[cfg(feature = "user")]
mod user {
    //! What aya may copy into maps and frozen globals byte by byte.
    use super::{Config, CountKey, CountSlot, Counted, Peek, Watch};
    use crate::Offsets;

    // SAFETY: `repr(C)`, no padding (sizes checked above), any bit pattern is a value.
    unsafe impl aya::Pod for Config {}
    // SAFETY: as above.
    unsafe impl aya::Pod for CountKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Counted {}
    // SAFETY: as above; two `u32`.
    unsafe impl aya::Pod for CountSlot {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Watch {}
    // SAFETY: `repr(C)`, an integer and bytes without padding between.
    unsafe impl aya::Pod for Peek {}
    // SAFETY: `repr(C)`, only `u32` members.
    unsafe impl aya::Pod for Offsets {}
}
