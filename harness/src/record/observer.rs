//! Watching a server that nobody here wrote: all its system calls, rings, births and deaths, and nothing else of the
//! machine. The programs are attached only while an observer lives.
use std::collections::BTreeMap;

use aya::maps::{Array, HashMap, MapData, RingBuf};
use aya::programs::BtfTracePoint;
use aya::{Btf, Ebpf};
use wakeproof_abi::{
    self as abi, CALL_COUNT, CALL_EXIT, CALLED_MORE, CALLS, Called, Config, FenceOp, Kind, Role, called,
};

use super::arm::{array, hash, per_cpu, sum};
use super::attach::AGAIN;
use super::bytes::{header, i16_at, leading, u16_at, u32_at, u64_at};
use super::loaded::{self, Loaded, Purpose, RING_BYTES};
use super::misses::missed;
use super::probes::{Unobserved, find};
use super::reason::reason;
use crate::observe::calls::Class;
use crate::observe::observation::{Event, More, What};

/// Attached programs, and what they have seen.
pub struct Observer {
    ebpf: Ebpf,
    ring: RingBuf<MapData>,
    token: u64,
    /// What is done about each system call, as the program has it.
    ways: [u8; CALLS],
    /// Programs that may be passed over, since another looks again.
    understudied: Vec<&'static str>,
    /// Processes that have joined by a fence, the server first.
    pub joined: Vec<u32>,
    /// What could not be attached, and why.
    pub blind: Vec<String>,
}

/// Programs by the tracepoint that each is for.
const ESSENTIAL: &[(&str, &str)] = &[
    ("observe_enter", "sys_enter"),
    ("observe_exit", "sys_exit"),
    ("observe_switch", "sched_switch"),
    ("sched_process_fork", "sched_process_fork"),
    ("sched_process_exit", "sched_process_exit"),
];
/// Which of the calls are recorded stands in a table of its own.
const SELDOM: &[Kind] = &[Kind::Called, Kind::Fork, Kind::Exit, Kind::Fence];
const FREQUENT: &[Kind] = &[Kind::RingSubmit, Kind::RingComplete];
const RINGS: &[(&str, &str)] = &[("ring_submit", "io_uring_submit_req"), ("ring_complete", "io_uring_complete")];

impl Observer {
    /// Loads and attaches. Nothing is recorded before [`Observer::track`] or a fence with the token.
    pub fn attach(token: u64) -> Result<Self, Unobserved> {
        let Loaded { ebpf, targets, offsets, ring, understudied, .. } =
            Loaded::load(loaded::permitted()?, Purpose::Server, RING_BYTES, false)?;
        let failed = |error: String| Unobserved::Load(error);
        let mut observer = Self {
            ebpf,
            ring,
            token,
            ways: [0; CALLS],
            understudied: Vec::new(),
            joined: Vec::new(),
            blind: Vec::new(),
        };
        observer.arm().map_err(failed)?;
        for &(program, tracepoint) in ESSENTIAL {
            observer.program(&targets, program, tracepoint).map_err(failed)?;
            let again = format!("{program}{AGAIN}");
            if understudied && observer.ebpf.program(&again).is_some() {
                observer.program(&targets, &again, tracepoint).map_err(failed)?;
                observer.understudied.push(program);
            }
        }
        for &(program, tracepoint) in RINGS {
            let tried = match offsets.ring_fd {
                0 => Err("this kernel's rings do not show their requests (they do from 6.3 on)".to_owned()),
                _ => observer.program(&targets, program, tracepoint),
            };
            if let Err(why) = tried {
                observer.blind.push(format!("requests of io_uring ({tracepoint}): {why}"));
            }
        }
        Ok(observer)
    }

    fn program(&mut self, targets: &Btf, program: &str, tracepoint: &str) -> Result<(), String> {
        let found = find::<BtfTracePoint>(&mut self.ebpf, program)?;
        let attached = found.load(tracepoint, targets).and_then(|()| found.attach().map(drop));
        attached.map_err(|error| format!("{tracepoint}: {}", reason(&error)))
    }

    fn arm(&mut self) -> Result<(), String> {
        self.record_frequent(true)
    }

    /// Goes on recording what a busy server does for every request, or lets it pass.
    pub fn record_frequent(&mut self, on: bool) -> Result<(), String> {
        self.set_calls(CALL_EXIT, |class| class.map(|class| on || !class.frequent()))?;
        if on { self.record(&[SELDOM, FREQUENT].concat()) } else { self.record(SELDOM) }
    }

    /// Counts how often each system call is made, or does so no longer.
    pub fn count(&mut self, on: bool) -> Result<(), String> {
        self.set_calls(CALL_COUNT, |_| Some(on))
    }

    /// Records nothing any more.
    pub fn stop(&mut self) -> Result<(), String> {
        self.record(&[])
    }

    /// Does something about each call of some classes, or no longer.
    fn set_calls(&mut self, way: u8, does: impl Fn(Option<Class>) -> Option<bool>) -> Result<(), String> {
        let mut table: Array<&mut MapData, u32> = array(&mut self.ebpf, "CALL_TABLE")?;
        for (number, ways) in (0..).zip(&mut self.ways) {
            let now = match does(Class::of(number)) {
                Some(true) => *ways | way,
                Some(false) => *ways & !way,
                None => *ways,
            };
            if now != std::mem::replace(ways, now) {
                table.set(u32::from(number), u32::from(now), 0).map_err(|error| reason(&error))?;
            }
        }
        Ok(())
    }

    fn record(&mut self, kinds: &[Kind]) -> Result<(), String> {
        let kinds = kinds.iter().map(|kind| kind.bit()).sum();
        let config = Config { token: self.token, kinds, stacks: 0 };
        array::<Config>(&mut self.ebpf, "CONFIG")?.set(0, config, 0).map_err(|error| reason(&error))
    }

    /// Watches a process that runs already; the children it will have are watched with it.
    pub fn track(&mut self, pid: u32) -> Result<(), String> {
        let mut tracked: HashMap<&mut MapData, u32, u32> = hash(&mut self.ebpf, "TRACKED")?;
        tracked.insert(pid, Role::Server as u32, 0).map_err(|error| reason(&error))
    }

    /// All processes that are or were the server's.
    pub fn tracked(&mut self) -> Result<Vec<u32>, String> {
        let tracked: HashMap<&mut MapData, u32, u32> = hash(&mut self.ebpf, "TRACKED")?;
        let mut found: Vec<u32> = tracked.iter().flatten().map(|(pid, _)| pid).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// Hands on what is in the ring, in the order of the ring.
    pub fn drain(&mut self, events: &mut Vec<Event>) {
        while let Some(bytes) = self.ring.next() {
            let Some(header) = header(&bytes) else { continue };
            if header.kind == Kind::Fence as u8 {
                if header.detail == FenceOp::Join as u32 {
                    self.joined.push(header.tgid);
                }
            } else if let Some(event) = event(&header, bytes.get(size_of::<abi::Event>()..).unwrap_or_default()) {
                events.push(event);
            }
        }
    }

    /// How often each system call was made by all processes together while they were counted, by number.
    pub fn made(&mut self) -> Result<BTreeMap<u16, u64>, String> {
        let made = per_cpu(&mut self.ebpf, "MADE")?;
        let numbers = 0..u16::try_from(CALLS).unwrap_or(u16::MAX);
        let counts = numbers.map(|number| Ok((number, sum(&made, u32::from(number))?)));
        counts.filter(|count| !matches!(count, Ok((_, 0)))).collect()
    }

    /// Records for which there was no room, and runs of programs that the kernel passed over.
    pub fn lost(&mut self) -> Result<u64, String> {
        let looks_again = |name: &str| name.ends_with(AGAIN) || self.understudied.contains(&name);
        let programs = self.ebpf.programs().filter(|(name, _)| !looks_again(name));
        let passed_over: u64 = programs.map(|(_, program)| missed(program)).sum();
        let lost = per_cpu(&mut self.ebpf, "LOST")?;
        let kinds = 0..u32::try_from(Kind::COUNT).unwrap_or(0);
        kinds.map(|kind| sum(&lost, kind)).sum::<Result<u64, String>>().map(|lost| lost + passed_over)
    }
}

fn event(header: &abi::Event, payload: &[u8]) -> Option<Event> {
    let what = match header.kind {
        kind if kind == Kind::Called as u8 => What::Call,
        kind if kind == Kind::RingSubmit as u8 => What::Submit,
        kind if kind == Kind::RingComplete as u8 => What::Complete,
        kind if kind == Kind::Fork as u8 => What::Birth,
        kind if kind == Kind::Exit as u8 => What::Death,
        _ => return None,
    };
    let mut event = Event {
        time: header.time,
        pid: header.tgid,
        tid: header.tid,
        what,
        call: header.call,
        fd: header.detail.cast_signed(),
        object: header.object,
        listener: header.peer,
        local: header.local,
        remote: header.remote,
        result: header.value,
        ..Event::default()
    };
    if what == What::Call {
        // SAFETY: any bit pattern is a value of this struct of integers.
        let call: Called = unsafe { leading(payload) }?;
        event.args = call.args;
        event.entered = call.entered;
        event.slept = call.slept;
        event.left = call.left;
        event.nonblocking = call.flags & called::NONBLOCK != 0;
        event.listens = call.flags & called::LISTEN != 0;
        event.more = more(&event, payload.get(size_of::<Called>()..).unwrap_or_default());
    }
    Some(event)
}

fn more(event: &Event, bytes: &[u8]) -> More {
    match event.class() {
        _ if bytes.is_empty() => More::None,
        Some(Class::EpollWait) => {
            let reported = usize::try_from(event.result).unwrap_or(0).min(bytes.len() / 12);
            More::Ready((0..reported).map(|place| (u32_at(bytes, place * 12), u64_at(bytes, place * 12 + 4))).collect())
        }
        Some(Class::Poll) => {
            let asked = usize::try_from(event.args[0]).unwrap_or(0).min(bytes.len() / 8);
            let entry = |place: usize| {
                let at = place * 8;
                (u32_at(bytes, at).cast_signed(), i16_at(bytes, at + 4), i16_at(bytes, at + 6))
            };
            More::Poll((0..asked).map(entry).collect())
        }
        Some(Class::Select) if bytes.len() >= CALLED_MORE => {
            let bit = |place: usize| bytes[place / 8] >> (place % 8) & 1 == 1;
            let fd = |place: usize| i32::try_from(place % 1024).unwrap_or(0);
            More::Select((0..CALLED_MORE * 8).filter(|&place| bit(place)).map(fd).collect())
        }
        Some(Class::EpollCtl) if bytes.len() >= size_of::<abi::Ctl>() => More::Ctl {
            op: u32_at(bytes, 0),
            fd: u32_at(bytes, 4).cast_signed(),
            mask: u32_at(bytes, 8),
            local: u16_at(bytes, 12),
            remote: u16_at(bytes, 14),
            data: u64_at(bytes, 16),
            target: u64_at(bytes, 24),
        },
        _ => More::None,
    }
}
