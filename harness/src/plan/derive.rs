//! How an event is seen where its own probe cannot be had.
//!
//! On a locked-down kernel no function can be probed, but the functions are still on the stacks of what can be seen:
//!
//! - `tcp_v4_rcv` stands on the kernel stack of `sk_data_ready` (a tracepoint in `sock_def_readable`) for every segment
//!   that carries data, and of `sched_waking` if somebody slept (`net/ipv4/tcp_ipv4.c`, 5.10 to 7.3). Segments without data
//!   are not seen, nor is a segment's length.
//! - `ep_poll_callback` writes `rdllist.prev` of its eventpoll whenever it puts an item on the ready list
//!   (`fs/eventpoll.c`, 5.10 to 7.3): a write watchpoint there sees each insertion, the function being on the writer's
//!   stack. A callback for an item that already is on the list writes nothing. It also stands on the stack of
//!   `sched_waking`, but only if somebody slept in `epoll_wait`.
use wakeproof_abi::Kind;

use super::Capabilities;
use crate::case::{EventName, Probe, Side};

/// How an event is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The kinds that must be recorded, as a mask of [`Kind::bit`].
    pub kinds: u32,
    /// Which of them with a kernel stack.
    pub stacks: u32,
    /// The ready lists of the eventpolls concerned must be watched.
    pub ready_list: bool,
    /// It is not seen itself, but derived from others: fields of its own are not known.
    pub derived: bool,
}

impl Sight {
    fn itself(kind: Kind) -> Self {
        Self { kinds: kind.bit(), ..Self::default() }
    }

    fn from_stacks(kinds: u32) -> Self {
        Self { kinds, stacks: kinds, ready_list: false, derived: true }
    }
}

/// How an event is seen with what there is; else the probe that is missing.
pub fn sight(event: EventName, have: &Capabilities) -> Result<Sight, Probe> {
    let needed = probe(event);
    match event {
        EventName::TcpV4Rcv if !have.probes_function(needed) => {
            let ready = have.has(Probe::SkDataReady).then_some(Kind::SkDataReady.bit());
            let waking = have.has(Probe::Scheduler).then_some(Kind::SchedWaking.bit());
            let kinds = ready.unwrap_or(0) | waking.unwrap_or(0);
            if kinds == 0 { Err(needed) } else { Ok(Sight::from_stacks(kinds)) }
        }
        EventName::EpPollCallback if !have.probes_function(needed) => {
            if !have.has(Probe::Watchpoint) {
                return Err(Probe::Watchpoint);
            }
            if !have.has(Probe::TaskFileIterator) {
                return Err(Probe::TaskFileIterator);
            }
            Ok(Sight { ready_list: true, ..Sight::from_stacks(Kind::Watch.bit()) })
        }
        _ if !have.has(needed) => Err(needed),
        // which tasks a flush is between is known from the switch
        EventName::TlbFlush if !have.has(Probe::Scheduler) => Err(Probe::Scheduler),
        // who wrote is read off the stack
        EventName::Watch => Ok(Sight { stacks: Kind::Watch.bit(), ..Sight::itself(Kind::Watch) }),
        _ => Ok(Sight::itself(kind(event))),
    }
}

/// The probe that reports an event.
pub fn probe(event: EventName) -> Probe {
    match event {
        EventName::TcpV4Rcv => Probe::TcpV4Rcv,
        EventName::EpPollCallback => Probe::EpPollCallback,
        EventName::SkDataReady => Probe::SkDataReady,
        EventName::EpollWait => Probe::EpollWaitReturn,
        EventName::Select
        | EventName::Poll
        | EventName::Accept
        | EventName::Read
        | EventName::Write
        | EventName::EpollCtl
        | EventName::Close
        | EventName::Wait4
        | EventName::Clone
        | EventName::Mmap
        | EventName::SysEnterFutex
        | EventName::SysEnterEpollWait
        | EventName::SysEnterSelect
        | EventName::SysEnterPoll
        | EventName::SysEnterAccept
        | EventName::SysEnterRead => Probe::SystemCalls,
        EventName::Fork | EventName::Exit => Probe::Processes,
        EventName::SchedWaking | EventName::SchedWakeup | EventName::SchedSwitch => Probe::Scheduler,
        EventName::NetifRx
        | EventName::NetifReceiveSkb
        | EventName::TcpProbe
        | EventName::SkbCopyDatagramIovec
        | EventName::NetDevQueue
        | EventName::NetDevStartXmit => Probe::Packets,
        EventName::IpQueueXmit => Probe::IpQueueXmit,
        EventName::IpRcv => Probe::IpRcv,
        EventName::SoftirqRaise | EventName::SoftirqEntry | EventName::SoftirqExit => Probe::SoftInterrupts,
        EventName::IrqHandlerEntry | EventName::LocalTimerEntry => Probe::HardInterrupts,
        EventName::TlbFlush => Probe::TlbFlush,
        EventName::PageFaultKernel => Probe::PageFaultKernel,
        EventName::Watch => Probe::Watchpoint,
        EventName::InetSockSetState => Probe::SocketStates,
    }
}

/// The kind of record that carries an event.
pub fn kind(event: EventName) -> Kind {
    match event {
        EventName::TcpV4Rcv => Kind::TcpV4Rcv,
        EventName::EpPollCallback => Kind::EpPollCallback,
        EventName::SkDataReady => Kind::SkDataReady,
        EventName::Fork => Kind::Fork,
        EventName::Exit => Kind::Exit,
        EventName::SchedWaking => Kind::SchedWaking,
        EventName::SchedWakeup => Kind::SchedWakeup,
        EventName::NetifRx => Kind::NetifRx,
        EventName::NetifReceiveSkb => Kind::NetifReceiveSkb,
        EventName::TcpProbe => Kind::TcpProbe,
        EventName::SkbCopyDatagramIovec => Kind::SkbCopyDatagramIovec,
        EventName::SoftirqRaise => Kind::SoftirqRaise,
        EventName::SoftirqEntry => Kind::SoftirqEntry,
        EventName::SoftirqExit => Kind::SoftirqExit,
        EventName::IrqHandlerEntry => Kind::IrqHandlerEntry,
        EventName::LocalTimerEntry => Kind::LocalTimerEntry,
        EventName::IpQueueXmit => Kind::IpQueueXmit,
        EventName::NetDevQueue => Kind::NetDevQueue,
        EventName::NetDevStartXmit => Kind::NetDevStartXmit,
        EventName::IpRcv => Kind::IpRcv,
        EventName::SchedSwitch => Kind::SchedSwitch,
        EventName::TlbFlush => Kind::TlbFlush,
        EventName::PageFaultKernel => Kind::PageFaultKernel,
        EventName::Watch => Kind::Watch,
        EventName::InetSockSetState => Kind::InetSockSetState,
        call => match call.calls() {
            Some((crate::case::Side::Enter, _)) => Kind::SysEnter,
            _ => Kind::SysExit,
        },
    }
}

/// Whether an event is the entry or the return of a system call, and of which.
pub fn calls(event: EventName) -> Option<(Side, impl Iterator<Item = u16>)> {
    let (side, calls) = event.calls()?;
    Some((side, calls.iter().filter_map(|call| u16::try_from(call.0).ok())))
}
