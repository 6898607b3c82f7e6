//! From the bytes of the ring to events.
use foldhash::{HashMap, HashMapExt as _};

use wakeproof_abi::{self as abi, CALLS, FenceOp, Kind, MAX_POLLFDS, Role};

use super::bytes::{header, i16_at, u16_at, u32_at, u64_at};
use super::stacks::Stacks;
use crate::case::{EventName, Side};
use crate::recording::{By, Context, Event, Extra, Place};

/// A fence: who said what, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fence {
    /// What is asked for: a [`FenceOp`].
    pub(super) op: u32,
    /// Its argument.
    pub(super) argument: i64,
    /// The thread that said it.
    pub(super) tid: u32,
    /// Its process.
    pub(super) pid: u32,
    /// When.
    pub(super) time: u64,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Record {
    /// A fence.
    Fence(Fence),
    /// An event that cases can speak of.
    Event(Event),
}

/// Kinds that are one event; system calls are told apart by their number.
const KINDS: &[(Kind, EventName)] = &[
    (Kind::TcpV4Rcv, EventName::TcpV4Rcv),
    (Kind::EpPollCallback, EventName::EpPollCallback),
    (Kind::SkDataReady, EventName::SkDataReady),
    (Kind::SchedWaking, EventName::SchedWaking),
    (Kind::SchedSwitch, EventName::SchedSwitch),
    (Kind::Fork, EventName::Fork),
    (Kind::Exit, EventName::Exit),
    (Kind::TlbFlush, EventName::TlbFlush),
    (Kind::PageFaultKernel, EventName::PageFaultKernel),
    (Kind::Watch, EventName::Watch),
    (Kind::InetSockSetState, EventName::InetSockSetState),
    (Kind::SchedWakeup, EventName::SchedWakeup),
    (Kind::NetifRx, EventName::NetifRx),
    (Kind::NetifReceiveSkb, EventName::NetifReceiveSkb),
    (Kind::TcpProbe, EventName::TcpProbe),
    (Kind::SkbCopyDatagramIovec, EventName::SkbCopyDatagramIovec),
    (Kind::SoftirqRaise, EventName::SoftirqRaise),
    (Kind::SoftirqEntry, EventName::SoftirqEntry),
    (Kind::SoftirqExit, EventName::SoftirqExit),
    (Kind::IrqHandlerEntry, EventName::IrqHandlerEntry),
    (Kind::LocalTimerEntry, EventName::LocalTimerEntry),
    (Kind::IpQueueXmit, EventName::IpQueueXmit),
    (Kind::NetDevQueue, EventName::NetDevQueue),
    (Kind::NetDevStartXmit, EventName::NetDevStartXmit),
    (Kind::IpRcv, EventName::IpRcv),
];

/// Decodes the records of one run.
#[derive(Debug)]
pub(super) struct Decoder {
    /// Roles of processes, learnt from fences and births.
    roles: HashMap<u32, By>,
    /// The process of the last event and its role: most often the next one's, too.
    last: (u32, Option<By>),
    /// Which event each kind is.
    kinds: [Option<EventName>; Kind::COUNT],
    /// Which event each system call's entry is.
    enters: [Option<EventName>; CALLS],
    /// And its return.
    exits: [Option<EventName>; CALLS],
    pub(super) stacks: Stacks,
    /// What some events carry beside.
    pub(super) extras: Vec<Extra>,
    /// Records by kind.
    pub(super) delivered: [u64; Kind::COUNT],
}

impl Default for Decoder {
    fn default() -> Self {
        let mut kinds = [None; Kind::COUNT];
        for &(kind, name) in KINDS {
            kinds[kind as usize] = Some(name);
        }
        let (mut enters, mut exits) = ([None; CALLS], [None; CALLS]);
        for &name in EventName::ALL {
            if let Some((side, numbers)) = name.calls() {
                let calls = if side == Side::Enter { &mut enters } else { &mut exits };
                for &(number, _) in numbers {
                    if let Some(call) = usize::try_from(number).ok().and_then(|number| calls.get_mut(number)) {
                        *call = Some(name);
                    }
                }
            }
        }
        Self {
            roles: HashMap::new(),
            last: (0, None),
            kinds,
            enters,
            exits,
            stacks: Stacks::default(),
            extras: Vec::new(),
            delivered: [0; Kind::COUNT],
        }
    }
}

impl Decoder {
    /// A process belongs to the experiment although it has never said so.
    pub(super) fn is(&mut self, process: u32, role: Role) {
        self.roles.insert(process, by(role as i64));
        self.last = (0, None);
    }

    /// One record; `None` if it is of no kind that we know, or too short for what it says of itself.
    pub(super) fn record(&mut self, bytes: &[u8]) -> Option<Record> {
        let header = header(bytes)?;
        let payload_end = size_of::<abi::Event>() + usize::from(header.payload);
        let payload = bytes.get(size_of::<abi::Event>()..payload_end)?;
        let frames = bytes.get(payload_end..payload_end + usize::from(header.frames) * 8)?;
        *self.delivered.get_mut(usize::from(header.kind))? += 1;
        if header.kind == Kind::Fence as u8 {
            return Some(Record::Fence(self.fence(&header)));
        }
        let name = self.name(&header)?;
        if name == EventName::Fork
            && let Some(&role) = self.roles.get(&header.tgid)
        {
            self.roles.entry(header.detail).or_insert(role);
            self.last = (0, None);
        }
        Some(Record::Event(Event {
            time: header.time,
            name,
            via: None,
            pid: header.tgid,
            tid: header.tid,
            by: self.role(header.tgid),
            cpu: header.cpu,
            context: Context::new(header.context),
            object: header.object,
            peer: header.peer,
            value: header.value,
            detail: header.detail,
            local: header.local,
            remote: header.remote,
            call: header.call,
            extra: extra(name, &header, payload).store(&mut self.extras),
            stack: self.stack(name, &header, frames),
        }))
    }

    fn fence(&mut self, header: &abi::Event) -> Fence {
        if header.detail == FenceOp::Join as u32 {
            self.roles.insert(header.tgid, by(header.value));
            self.last = (0, None);
        }
        Fence { op: header.detail, argument: header.value, tid: header.tid, pid: header.tgid, time: header.time }
    }

    fn role(&mut self, process: u32) -> Option<By> {
        if self.last.0 != process {
            self.last = (process, self.roles.get(&process).copied());
        }
        self.last.1
    }

    fn name(&self, header: &abi::Event) -> Option<EventName> {
        let call = usize::from(header.call);
        match header.kind {
            kind if kind == Kind::SysEnter as u8 => *self.enters.get(call)?,
            kind if kind == Kind::SysExit as u8 => *self.exits.get(call)?,
            kind => *self.kinds.get(usize::from(kind))?,
        }
    }

    /// The faulting instruction is not on the stack that the tracepoint sees, so it is put in front.
    fn stack(&mut self, name: EventName, header: &abi::Event, bytes: &[u8]) -> Option<Place> {
        if bytes.is_empty() && name != EventName::PageFaultKernel {
            return None;
        }
        let frames = bytes.chunks_exact(8).filter_map(|frame| Some(u64::from_le_bytes(frame.try_into().ok()?)));
        let frames: Vec<u64> = if name == EventName::PageFaultKernel {
            std::iter::once(header.peer).chain(frames).collect()
        } else {
            frames.collect()
        };
        (!frames.is_empty()).then(|| self.stacks.place(&frames))
    }
}

fn by(role: i64) -> By {
    if role == Role::Server as i64 { By::Server } else { By::Client }
}

fn extra(name: EventName, header: &abi::Event, payload: &[u8]) -> Extra {
    let reported = usize::try_from(header.value).unwrap_or(0);
    match name {
        EventName::EpollWait if !payload.is_empty() => Extra::Pairs(
            payload
                .chunks_exact(size_of::<abi::Pair>())
                .take(reported)
                .map(|pair| (u32_at(pair, 0), u64_at(pair, 4)))
                .collect(),
        ),
        EventName::Poll if !payload.is_empty() => Extra::PollFds(
            payload
                .chunks_exact(size_of::<abi::PollFd>())
                .take(usize::try_from(header.peer).unwrap_or(0).min(MAX_POLLFDS))
                .map(|entry| (u32_at(entry, 0).cast_signed(), i16_at(entry, 4), i16_at(entry, 6)))
                .collect(),
        ),
        EventName::Select if !payload.is_empty() => Extra::Set(
            payload
                .iter()
                .zip(0u32..)
                .flat_map(|(&byte, at)| (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at * 8 + bit))
                .collect(),
        ),
        EventName::EpollCtl if payload.len() >= size_of::<abi::Ctl>() => Extra::Ctl {
            op: u32_at(payload, 0),
            fd: u32_at(payload, 4),
            mask: u32_at(payload, 8),
            local: u16_at(payload, 12),
            remote: u16_at(payload, 14),
            data: u64_at(payload, 16),
            target: u64_at(payload, 24),
        },
        name if name.is_packet() && payload.len() >= size_of::<abi::Packet>() => {
            Extra::Packet { head: u64_at(payload, 0), headroom: u32_at(payload, 8), bytes: u32_at(payload, 12) }
        }
        _ => Extra::None,
    }
}
