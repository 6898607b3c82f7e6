//! One record of the ring buffer: a fixed header, then `payload` bytes, then `frames` kernel addresses.

/// The most frames of a kernel stack that one event carries.
pub const MAX_FRAMES: usize = 24;

/// First argument of the `prctl` that is a fence: no real option has this number, so the call fails with `EINVAL`
/// and does nothing but be seen. The others are a [`FenceOp`], its argument and the token of the run.
pub const FENCE: u64 = 0x5761_6b65;

/// What a fence asks for.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceOp {
    /// The calling process is part of the experiment from now on; the argument is its [`Role`](crate::Role).
    Join = 1,
    /// A named point in time; the argument is the number of the mark. Opens a new epoch for the counters.
    Mark = 2,
    /// The calling thread is the actor whose number is the argument.
    Actor = 3,
    /// Read kernel memory at the address that is the argument, as many bytes as the fifth argument says, into the map
    /// `PEEK`. The harness itself says this; nothing is reported.
    Peek = 4,
    /// Report [`BURST`] returns of the system call whose number is the argument: what a record costs by itself. Only those
    /// who have attached the program for it are answered.
    Burst = 5,
}

/// Records for a [`FenceOp::Burst`].
pub const BURST: u32 = 64;

/// What happened. The names of the fields of [`Event`] that a kind gives a meaning of its own stand beside it.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A fence: `value` is the argument, `detail` the [`FenceOp`].
    Fence = 1,
    /// A system call was entered: `call` is its number, `object` what its descriptor leads to, `detail` the descriptor,
    /// `value` its second argument.
    SysEnter = 2,
    /// A system call returned: as [`Kind::SysEnter`], with `value` the result (a negative errno on failure).
    SysExit = 3,
    /// `tcp_v4_rcv` was entered: `value` is the payload length in bytes, `detail` the TCP flags byte; `local` is the
    /// destination port and `remote` the source port; `object` is the `sk_buff`.
    TcpV4Rcv = 4,
    /// `ep_poll_callback` was entered: `object` is the socket's `sock` (or the file for what is no socket), `peer` the
    /// eventpoll, `value` the watched descriptor, `detail` the mask.
    EpPollCallback = 5,
    /// Data became readable on a socket: `object` is the `sock`, `detail` its family.
    SkDataReady = 6,
    /// A task of the experiment is being woken: `value` is its tid, `detail` its tgid.
    SchedWaking = 7,
    /// A task of the experiment leaves the processor (`value` is its tid, `detail` its state: 0 means preempted)
    /// or, with [`SWITCH_ENTERS`] in `peer`, enters it. The event's own `tid` is that task's in both. `object` is the tid of
    /// the other task, about which `peer` says more, too.
    SchedSwitch = 8,
    /// A task was created: `value` is the child's tid, `detail` the child's tgid.
    Fork = 9,
    /// A task of the experiment ended: `value` is its exit code.
    Exit = 10,
    /// The kernel faulted on a user address: `object` is the address, `detail` the error code, `peer` the instruction.
    PageFaultKernel = 11,
    /// A watched word was written: `call` is the watch, `object` what `list.prev` leads to after the write (a `sock`),
    /// `peer` the watched object, `value` the descriptor of that item, `detail` 1 if the list is empty.
    Watch = 12,
    /// A TCP socket changes its state: `object` is the `sock`, `detail` the old state, `value` the new one.
    InetSockSetState = 13,
    /// A device gave a packet to the kernel: `value` is its length from the IP header on, `object` the `sk_buff`,
    /// `detail` the number of the device; ports as for [`Kind::TcpV4Rcv`].
    NetifRx = 14,
    /// A packet is given to the protocols: as [`Kind::NetifRx`].
    NetifReceiveSkb = 15,
    /// A segment has been found to be an established socket's: `object` is the `sock`, `peer` the `sk_buff`.
    TcpProbe = 16,
    /// Bytes of a packet are copied to user memory: `object` is the `sock`, `peer` the `sk_buff`, `value` how many.
    SkbCopyDatagramIovec = 17,
    /// A soft interrupt was asked for: `value` is its number.
    SoftirqRaise = 18,
    /// The handler of a soft interrupt begins: `value` is its number.
    SoftirqEntry = 19,
    /// The handler of a soft interrupt has ended: `value` is its number.
    SoftirqExit = 20,
    /// A task of the experiment has been put on a run queue: `value` is its tid, `detail` its tgid.
    SchedWakeup = 21,
    /// The handler of a device's interrupt begins: `value` is the interrupt's number.
    IrqHandlerEntry = 22,
    /// The handler of the processor's own timer interrupt begins: `value` is the vector.
    LocalTimerEntry = 23,
    /// Address translations were flushed or changed: `value` is the reason. At a switch of tasks, of which one is the
    /// experiment's, `object` is the tid of the next task, and `peer` as for [`Kind::SchedSwitch`].
    TlbFlush = 24,
    /// A system call of a watched server returned, with a [`Called`](crate::Called) behind the header: `call` is its
    /// number, `value` its result, `detail` its first argument, `object` and the ports what that leads to (for `accept`
    /// the new connection, with the listener in `peer`).
    Called = 25,
    /// A watched server has submitted a request to a ring: `call` is its opcode, `detail` its descriptor.
    RingSubmit = 26,
    /// A request of a ring has completed: `call` is its opcode, `value` its result.
    RingComplete = 27,
    /// TCP hands a segment to IP: `object` is the `sk_buff`, `value` its length; ports are those of the sending socket.
    IpQueueXmit = 28,
    /// A packet is put into the queue of a device: as [`Kind::IpQueueXmit`].
    NetDevQueue = 29,
    /// A packet is handed to a device's driver: as [`Kind::IpQueueXmit`].
    NetDevStartXmit = 30,
    /// IP gets a packet: as [`Kind::NetifRx`].
    IpRcv = 31,
}

/// In `peer` of a [`Kind::SchedSwitch`]: the task enters the processor.
pub const SWITCH_ENTERS: u64 = 1;
/// The other task belongs to the experiment, too.
pub const SWITCH_OURS: u64 = 2;
/// Both tasks have the same address space.
pub const SWITCH_SAME_MEMORY: u64 = 4;

impl Kind {
    /// How many kinds there are, counted from 0 (which is none).
    pub const COUNT: usize = 32;

    /// The bit of this kind in [`Config::kinds`](crate::Config::kinds) and [`Config::stacks`](crate::Config::stacks).
    pub const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// In [`Event::context`]: the handler of a hard interrupt runs.
pub const CONTEXT_HARDIRQ: u8 = 0x80;

/// The fixed part of every record. `tgid` and `tid` are the task that ran when the event happened: in the receive path
/// of loopback that is the *sender*.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Event {
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    pub time: u64,
    /// Thread group (process) of the running task.
    pub tgid: u32,
    /// The running task.
    pub tid: u32,
    /// A [`Kind`].
    pub kind: u8,
    /// How many 8-byte frames follow the payload, innermost first.
    pub frames: u8,
    /// Number of the system call, or of the watch.
    pub call: u16,
    /// How many bytes of payload follow.
    pub payload: u8,
    /// On whose behalf the processor runs: 0 a task's, else one more than the number of the soft interrupt that is being
    /// served, or [`CONTEXT_HARDIRQ`].
    pub context: u8,
    /// The processor.
    pub cpu: u16,
    /// The kernel object it is about.
    pub object: u64,
    /// A second kernel object.
    pub peer: u64,
    /// See [`Kind`].
    pub value: i64,
    /// Port on this end of the connection it is about, host byte order, or 0.
    pub local: u16,
    /// Port on the far end, or 0.
    pub remote: u16,
    /// See [`Kind`].
    pub detail: u32,
}

const _: () = assert!(size_of::<Event>() == 56);
