//! Attaching: each candidate is tried on the running kernel, which knows best.
use std::os::fd::AsFd as _;
use std::sync::{Mutex, PoisonError};
use std::thread;

use aya::programs::{BtfTracePoint, FEntry, FExit, Iter, KProbe, PerfEvent, ProgramError, RawTracePoint};

use super::breakpoint::{Breakpoint, Stop, Whose};
use super::candidates::{ESSENTIAL, PROBES, Way};
use super::probes::{Probes, find};
use super::reason::reason;
use crate::case::{EventName, Probe};
use crate::plan::derive::probe;

/// How many programs are verified at once, at most.
const VERIFIERS: usize = 4;
/// Where the kernel offers kprobes; without it no program need be verified to find out.
const KPROBES: &str = "/sys/bus/event_source/devices/kprobe";
/// How the programs are called that look second: see the program's `turn`.
pub(super) const AGAIN: &str = "_again";

/// Only of probes that were attached for a few events and serve no cases.
const NO_TARGETS: &str = "no more programs can be attached";

impl Probes {
    /// Has the kernel verify the programs of tracepoints, which takes longer than all the rest, on several processors at once.
    /// One that it refuses is loaded again when it is attached, and then says why.
    pub(super) fn verify(&mut self, asked: &Asked) {
        let Some(targets) = &self.targets else { return };
        let tracepoints: Vec<&str> = PROBES
            .iter()
            .filter(|(probe, _)| asked.probe(*probe))
            .flat_map(|(_, candidates)| candidates.iter())
            .filter_map(|candidate| if let Way::Tracepoints(names) = candidate.way { Some(names) } else { None })
            .flatten()
            .copied()
            .filter(|tracepoint| asked.tracepoint(tracepoint))
            .collect();
        let understudied = self.understudied;
        let programs = self.ebpf.programs_mut().filter_map(|(name, program)| {
            let tracepoint = name.strip_suffix(AGAIN).filter(|_| understudied).unwrap_or(name);
            let tracepoint = tracepoints.iter().copied().find(|known| *known == tracepoint)?;
            let program: &mut BtfTracePoint = program.try_into().ok()?;
            Some((tracepoint, program))
        });
        let programs = Mutex::new(programs.collect::<Vec<_>>());
        let next = || programs.lock().unwrap_or_else(PoisonError::into_inner).pop();
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(VERIFIERS) {
                scope.spawn(|| {
                    while let Some((tracepoint, program)) = next() {
                        let _ = program.load(tracepoint, targets);
                    }
                });
            }
        });
    }

    /// Attaches a probe in one way.
    pub(super) fn try_way(&mut self, way: Way, asked: &Asked) -> Result<(), String> {
        let why = |error: ProgramError| reason(&error);
        match way {
            Way::Fentry(program, function) => self.fentry(program, function),
            Way::Fexit(program, function) => {
                let targets = self.targets.as_ref().ok_or(NO_TARGETS)?;
                let exit = find::<FExit>(&mut self.ebpf, program)?;
                exit.load(function, targets).and_then(|()| exit.attach().map(drop)).map_err(why)
            }
            Way::Kprobe(program, function) | Way::Kretprobe(program, function) => {
                if !std::fs::exists(KPROBES).unwrap_or(true) {
                    return Err(format!("this kernel has no kprobes: there is no {KPROBES}"));
                }
                let probe: &mut KProbe = self.program(program)?;
                probe.load().and_then(|()| probe.attach(function, 0).map(drop)).map_err(why)
            }
            Way::Tracepoints(names) => {
                names.iter().filter(|name| asked.tracepoint(name)).try_for_each(|name| self.tracepoint(name))
            }
            Way::RawTracepoint(name) => {
                let tracepoint: &mut RawTracePoint = self.program(name)?;
                tracepoint.load().and_then(|()| tracepoint.attach(name).map(drop)).map_err(why)
            }
            Way::Iterators => {
                for (program, over) in [("walk_task_file", "task_file"), ("walk_task", "task")] {
                    let targets = self.targets.as_ref().ok_or(NO_TARGETS)?;
                    find::<Iter>(&mut self.ebpf, program)?.load(over, targets).map_err(why)?;
                }
                self.walk().and_then(|_| self.walk_tasks()).map(drop)
            }
            Way::Watchpoint => self.try_watchpoint(),
            Way::CountFentry(function) => {
                self.fentry("count_0", function)?;
                find::<FEntry>(&mut self.ebpf, "count_0")?.unload().map_err(why)
            }
            Way::CountKprobe(function) => {
                let probe: &mut KProbe = self.program("count_kprobe_0")?;
                let attached = probe.load().and_then(|()| probe.attach(function, 0).map(drop));
                // also where it did not attach: cases load it again, for functions that may allow it
                let unloaded = probe.unload();
                attached.and(unloaded).map_err(why)
            }
            Way::CountBreakpoint(function) => {
                let address = self.symbols.get().address(function).ok_or("its address is hidden")?;
                let event: &mut PerfEvent = self.program("count_breakpoint_0")?;
                event.load().map_err(why)?;
                let program = event.fd().map_err(why)?.as_fd();
                let set = Breakpoint::set(Stop::Execute(address), Whose::Everyone(0), program).map(drop);
                let unloaded = event.unload();
                set.map_err(|error| reason(&error))?;
                unloaded.map_err(why)
            }
            Way::From(probes) => match probes.iter().find(|&&probe| self.won(probe).is_none()) {
                None => Ok(()),
                Some(missing) => Err(format!("needs the probe {missing:?}, which could not be attached")),
            },
        }
    }

    pub(super) fn fentry(&mut self, program: &str, function: &str) -> Result<(), String> {
        let targets = self.targets.as_ref().ok_or(NO_TARGETS)?;
        let entry = find::<FEntry>(&mut self.ebpf, program)?;
        let attached = entry.load(function, targets).and_then(|()| entry.attach().map(drop));
        attached.map_err(|error| reason(&error))
    }

    fn tracepoint(&mut self, name: &str) -> Result<(), String> {
        // After the first, so that it looks second.
        let understudy = format!("{name}{AGAIN}");
        let has_one = self.understudied && self.ebpf.program(&understudy).is_some();
        let programs: &[&str] = if has_one { &[name, &understudy] } else { &[name] };
        let targets = self.targets.as_ref().ok_or(NO_TARGETS)?;
        for program in programs {
            let tracepoint = find::<BtfTracePoint>(&mut self.ebpf, program)?;
            match tracepoint.load(name, targets) {
                Ok(()) | Err(ProgramError::AlreadyLoaded) => {}
                Err(error) => return Err(reason(&error)),
            }
            tracepoint.attach().map_err(|error| reason(&error))?;
        }
        Ok(())
    }

    fn try_watchpoint(&mut self) -> Result<(), String> {
        for number in 0..wakeproof_abi::WATCHES {
            let event: &mut PerfEvent = self.program(&format!("watch_{number}"))?;
            event.load().map_err(|error| reason(&error))?;
        }
        let word = Box::new(0u64);
        let address = std::ptr::from_ref(word.as_ref()) as u64;
        let program = self.watch_program(0)?;
        let here = nix::unistd::gettid().as_raw();
        Breakpoint::set(Stop::Write(address), Whose::Task(here), program).map(drop).map_err(|error| reason(&error))
    }
}

/// What is to be attached.
pub(super) enum Asked {
    /// Everything.
    All,
    /// What these events need.
    These { events: Vec<EventName>, probes: Vec<Probe> },
}

/// Tracepoints that fire often, with the events that are seen or concluded from them: a program costs something even where
/// it records nothing.
const BUSY: &[(&str, &[EventName])] = &[
    ("sched_waking", &[EventName::SchedWaking, EventName::TcpV4Rcv]),
    ("sched_wakeup", &[EventName::SchedWakeup]),
    ("sched_switch", &[EventName::SchedSwitch, EventName::TlbFlush]),
    ("net_dev_queue", &[EventName::NetDevQueue]),
    ("net_dev_start_xmit", &[EventName::NetDevStartXmit]),
    ("netif_rx", &[EventName::NetifRx]),
    ("netif_receive_skb", &[EventName::NetifReceiveSkb]),
    ("tcp_probe", &[EventName::TcpProbe]),
    ("skb_copy_datagram_iovec", &[EventName::SkbCopyDatagramIovec]),
];

impl Asked {
    /// All that is needed to see these events, which may be concluded from others.
    pub(super) fn these(events: &[EventName]) -> Self {
        let mut probes: Vec<Probe> =
            ESSENTIAL.iter().copied().chain(events.iter().map(|event| probe(*event))).collect();
        // Those that others are concluded from come first.
        for (probe, candidates) in PROBES.iter().rev() {
            if probes.contains(probe) {
                for candidate in *candidates {
                    if let Way::From(others) = candidate.way {
                        probes.extend(others);
                    }
                }
            }
        }
        Self::These { events: events.to_vec(), probes }
    }

    /// Whether this probe is needed.
    pub(super) fn probe(&self, probe: Probe) -> bool {
        match self {
            Self::All => true,
            Self::These { probes, .. } => probes.contains(&probe),
        }
    }

    /// Whether this one of a probe's tracepoints is.
    fn tracepoint(&self, name: &str) -> bool {
        let Self::These { events, .. } = self else { return true };
        let busy = BUSY.iter().find(|(busy, _)| *busy == name);
        busy.is_none_or(|(_, shows)| shows.iter().any(|event| events.contains(event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_needs_what_it_is_concluded_from() {
        let asked = Asked::these(&[EventName::EpPollCallback]);
        for probe in [Probe::EpPollCallback, Probe::Watchpoint, Probe::TaskFileIterator, Probe::SystemCalls] {
            assert!(asked.probe(probe), "{probe:?}");
        }
        assert!(!asked.probe(Probe::Packets) && !asked.probe(Probe::FunctionCounter));
    }

    #[test]
    fn of_the_scheduler_only_what_is_asked_for_is_attached() {
        let asked = Asked::these(&[EventName::TcpV4Rcv, EventName::EpollWait]);
        assert!(asked.tracepoint("sched_waking") && asked.tracepoint("sys_exit"));
        assert!(asked.tracepoint("sched_process_fork") && !asked.tracepoint("sched_switch"));
        assert!(Asked::All.tracepoint("sched_switch"));
    }
}
