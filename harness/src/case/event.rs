//! The events a case can speak of, by the kernel's names.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a probe reports. A system call's event is its return; with `sys_enter_` before it, its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventName {
    /// A TCP segment reached the receiver's protocol handler; `len` is its payload.
    TcpV4Rcv,
    /// A wait-queue entry of an eventpoll was called; `mask` is what the waker passed.
    EpPollCallback,
    /// A socket's `sk_data_ready` was called.
    SkDataReady,
    /// `epoll_wait`, `epoll_pwait` or `epoll_pwait2` returned.
    EpollWait,
    /// `select` or `pselect6` returned.
    Select,
    /// `poll` or `ppoll` returned.
    Poll,
    /// `accept` or `accept4` returned.
    Accept,
    /// `read`, `recvfrom`, `readv` or `recvmsg` returned.
    Read,
    /// `write`, `sendto`, `writev` or `sendmsg` returned.
    Write,
    /// `epoll_ctl` returned.
    EpollCtl,
    /// `close` returned.
    Close,
    /// `wait4` or `waitid` returned.
    Wait4,
    /// `clone`, `clone3`, `fork` or `vfork` returned: in the parent the child's number, in the child 0.
    Clone,
    /// `mmap` returned.
    Mmap,
    /// A wait call was entered.
    SysEnterEpollWait,
    /// A wait call was entered.
    SysEnterSelect,
    /// A wait call was entered.
    SysEnterPoll,
    /// `accept` or `accept4` was entered.
    SysEnterAccept,
    /// `read` or a sibling was entered.
    SysEnterRead,
    /// `futex` was entered: a thread waits for a word of memory to change, or wakes those that do.
    SysEnterFutex,
    /// A process or thread was created (`clone`, `fork`, `vfork`, `clone3`); `process` is 1 for a process.
    Fork,
    /// A task ended.
    Exit,
    /// A task is being woken; its stack says from where.
    SchedWaking,
    /// A woken task has been put on a run queue.
    SchedWakeup,
    /// A task left the processor (`state` is 0 if it was preempted), or entered it (`enters`).
    SchedSwitch,
    /// The processor's cache of address translations was flushed, or given another address space.
    TlbFlush,
    /// The kernel faulted on a user address.
    PageFaultKernel,
    /// A device gave a packet to the kernel, which queues it for the soft interrupt.
    NetifRx,
    /// A packet was given to the protocols.
    NetifReceiveSkb,
    /// A segment was found to be an established socket's.
    TcpProbe,
    /// Bytes of a packet were copied to user memory.
    SkbCopyDatagramIovec,
    /// A soft interrupt was asked for; `vec` is its name.
    SoftirqRaise,
    /// The handler of a soft interrupt began.
    SoftirqEntry,
    /// The handler of a soft interrupt ended.
    SoftirqExit,
    /// The handler of a device's interrupt began, on a processor that ran a task of the experiment.
    IrqHandlerEntry,
    /// The handler of the processor's timer interrupt began, while a task of the experiment ran.
    LocalTimerEntry,
    /// TCP handed a segment to IP, which puts its header in front.
    IpQueueXmit,
    /// A packet was put into the queue of a device, all headers in front of it.
    NetDevQueue,
    /// A packet was handed to a device's driver.
    NetDevStartXmit,
    /// IP got a packet, the device's header taken off.
    IpRcv,
    /// A watched word was written; `by` is the kernel function that wrote it.
    Watch,
    /// A TCP socket changed its state, from `old` to `new` by the kernel's names (`LISTEN`, `ESTABLISHED`, …).
    InetSockSetState,
}

impl EventName {
    /// Whether it is about a packet, and says where its data lies.
    pub fn is_packet(self) -> bool {
        matches!(
            self,
            Self::IpQueueXmit
                | Self::NetDevQueue
                | Self::NetDevStartXmit
                | Self::NetifRx
                | Self::NetifReceiveSkb
                | Self::IpRcv
                | Self::TcpProbe
                | Self::SkbCopyDatagramIovec
        )
    }

    /// Every event.
    pub const ALL: &[Self] = &[
        Self::TcpV4Rcv,
        Self::EpPollCallback,
        Self::SkDataReady,
        Self::EpollWait,
        Self::Select,
        Self::Poll,
        Self::Accept,
        Self::Read,
        Self::Write,
        Self::EpollCtl,
        Self::Close,
        Self::Wait4,
        Self::Clone,
        Self::Mmap,
        Self::SysEnterEpollWait,
        Self::SysEnterSelect,
        Self::SysEnterPoll,
        Self::SysEnterAccept,
        Self::SysEnterRead,
        Self::SysEnterFutex,
        Self::Fork,
        Self::Exit,
        Self::SchedWaking,
        Self::SchedWakeup,
        Self::SchedSwitch,
        Self::TlbFlush,
        Self::PageFaultKernel,
        Self::NetifRx,
        Self::NetifReceiveSkb,
        Self::TcpProbe,
        Self::SkbCopyDatagramIovec,
        Self::SoftirqRaise,
        Self::SoftirqEntry,
        Self::SoftirqExit,
        Self::IrqHandlerEntry,
        Self::LocalTimerEntry,
        Self::IpQueueXmit,
        Self::NetDevQueue,
        Self::NetDevStartXmit,
        Self::IpRcv,
        Self::Watch,
        Self::InetSockSetState,
    ];
}

/// A named place in the kernel that has more than one way to be watched. `doctor` reports one line for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// The receive handler of TCP over IPv4.
    TcpV4Rcv,
    /// The wake-up callback of epoll.
    EpPollCallback,
    /// The way out of `epoll_wait` and its siblings.
    EpollWaitReturn,
    /// Readability of a socket.
    SkDataReady,
    /// Entry and return of the other system calls.
    SystemCalls,
    /// Wake-ups and switches of tasks.
    Scheduler,
    /// Packets on their way between device, protocols and user.
    Packets,
    /// The hand-over of TCP to IP.
    IpQueueXmit,
    /// The receive handler of IP.
    IpRcv,
    /// Soft interrupts.
    SoftInterrupts,
    /// Hard interrupts of devices and of the timer.
    HardInterrupts,
    /// Births and deaths of tasks.
    Processes,
    /// Flushes and changes of address translations.
    TlbFlush,
    /// Faults of the kernel on user addresses.
    PageFaultKernel,
    /// Changes of the states of TCP sockets.
    SocketStates,
    /// Writes to a watched word.
    Watchpoint,
    /// Finding tasks, and the kernel objects behind their descriptors.
    TaskFileIterator,
    /// Counting the calls of a kernel function by name.
    FunctionCounter,
}
