//! Counting calls of kernel functions that a case names.
use std::os::fd::AsFd as _;

use aya::programs::{FEntry, KProbe, PerfEvent, RawTracePoint};
use wakeproof_abi::{CountArg, CountSlot, Counted, SLOTS, Tally};

use super::arm::{array, hash, per_cpu, sum, zero};
use super::breakpoint::{Breakpoint, Stop, Whose};
use super::probes::{Probes, find};
use super::reason::reason;
use crate::recording::{CountRow, CounterReport, Loser};

/// Attached counters. They stay for as long as one run after the other wants the same, as those of a sweep do: to attach one
/// takes the kernel some tens of milliseconds, and an emulated one many more.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// The functions that were asked for, each with its alternatives.
    functions: Vec<Vec<String>>,
    slots: Vec<Slot>,
    reports: Vec<CounterReport>,
}

#[derive(Debug)]
struct Slot {
    of: String,
    programs: Programs,
    _breakpoints: Vec<Breakpoint>,
    /// How often its program had been passed over when the run was armed.
    missed: u64,
}

#[derive(Clone, Copy, Debug)]
enum Programs {
    Fentry,
    Kprobe,
    Breakpoint,
    Tracepoint,
}

impl Programs {
    /// What a counter's program is called in the object.
    fn name(self, number: usize) -> String {
        match self {
            Self::Fentry => format!("count_{number}"),
            Self::Kprobe => format!("count_kprobe_{number}"),
            Self::Breakpoint => format!("count_breakpoint_{number}"),
            Self::Tracepoint => format!("count_tracepoint_{number}"),
        }
    }
}

/// The kprobe's program that comes before a trampoline's, which then counts only what this one has missed.
fn first(number: usize) -> String {
    format!("count_first_{number}")
}

impl Probes {
    /// Counts calls of each function, given with its alternatives, from now on; what cannot be attached is reported, not an
    /// error.
    pub(super) fn count(&mut self, functions: &[Vec<String>]) -> Result<(), String> {
        // What could not be attached may be by now.
        if self.counters.functions != functions || self.counters.reports.iter().any(|report| report.won.is_none()) {
            self.take_off();
            self.counters = self.attach_counters(functions);
        }
        let mut counters = std::mem::take(&mut self.counters);
        for (number, slot) in counters.slots.iter_mut().enumerate() {
            slot.missed = self.missed(&slot.programs.name(number));
        }
        let slots = counters.slots.len();
        self.counters = counters;
        self.forget_marks()?;
        (0..slots).try_for_each(|number| self.zero_tallies(number))
    }

    fn attach_counters(&mut self, functions: &[Vec<String>]) -> Counters {
        let mut counters = Counters { functions: functions.to_vec(), ..Counters::default() };
        for alternatives in functions {
            let Some(of) = alternatives.first() else { continue };
            let mut report = CounterReport { of: of.clone(), won: None, lost: Vec::new(), missed: 0 };
            let number = counters.slots.len();
            if number == SLOTS {
                report.lost.push(Loser {
                    candidate: of.clone(),
                    reason: format!("at most {SLOTS} functions can be counted at once"),
                });
                counters.reports.push(report);
                continue;
            }
            for function in alternatives {
                if let Some(slot) = self.count_one(of, function, number, &mut report) {
                    counters.slots.push(slot);
                    break;
                }
            }
            counters.reports.push(report);
        }
        counters
    }

    fn count_one(&mut self, of: &str, function: &str, number: usize, report: &mut CounterReport) -> Option<Slot> {
        let ways = [
            ("fentry", Programs::Fentry),
            ("kprobe", Programs::Kprobe),
            ("execution breakpoint", Programs::Breakpoint),
            ("raw_tp", Programs::Tracepoint),
        ];
        let how = self.attribution(function);
        for (word, programs) in ways {
            let attached = self.set_slot(number, how).and_then(|()| self.attach_counter(programs, function, number));
            match attached {
                Ok(breakpoints) => {
                    report.won = Some(format!("{word} {function}"));
                    if matches!(programs, Programs::Fentry) {
                        report.lost.extend(self.attach_first(function, number));
                    }
                    return Some(Slot { of: of.into(), programs, _breakpoints: breakpoints, missed: 0 });
                }
                Err(why) => report.lost.push(Loser { candidate: format!("{word} {function}"), reason: why }),
            }
        }
        None
    }

    /// Which argument says what the call is about: the first that leads to a socket or an eventpoll, else to a network
    /// namespace.
    fn attribution(&self, function: &str) -> CountSlot {
        // `do_epoll_wait` and `do_epoll_ctl` are given the descriptor's number (fs/eventpoll.c).
        if matches!(function, "do_epoll_wait" | "do_epoll_ctl") {
            return CountSlot { arg: CountArg::EpollFd as u32, index: 0 };
        }
        let parameters = self.types.get().parameters(function).unwrap_or_default();
        let found = |wanted: fn(&str) -> Option<CountArg>| {
            parameters
                .iter()
                .zip(0u32..)
                .take(6)
                .find_map(|(&parameter, index)| wanted(parameter?).map(|arg| CountSlot { arg: arg as u32, index }))
        };
        let object = found(|parameter| {
            Some(match parameter {
                "sock" => CountArg::Sock,
                "socket" => CountArg::Socket,
                "file" => CountArg::File,
                "sk_buff" => CountArg::Skb,
                "eventpoll" => CountArg::Eventpoll,
                _ => return None,
            })
        });
        let namespace = || found(|parameter| (parameter == "net").then_some(CountArg::Net));
        match function {
            "ep_poll_callback" => found(|parameter| (parameter == "wait_queue_entry").then_some(CountArg::EpollWait)),
            _ => object.or_else(namespace),
        }
        .unwrap_or_default()
    }

    fn set_slot(&mut self, number: usize, how: CountSlot) -> Result<(), String> {
        let at = u32::try_from(number).map_err(|error| error.to_string())?;
        array::<CountSlot>(&mut self.ebpf, "COUNTED")?.set(at, how, 0).map_err(|error| reason(&error))
    }

    fn attach_counter(&mut self, programs: Programs, function: &str, number: usize) -> Result<Vec<Breakpoint>, String> {
        self.attach_program(programs, function, &programs.name(number)).inspect_err(|_| {
            self.unload(programs, &programs.name(number));
        })
    }

    /// Where this cannot be, what the trampoline's program is passed over for is lost, and counted as such.
    fn attach_first(&mut self, function: &str, number: usize) -> Option<Loser> {
        let why = self.attach_program(Programs::Kprobe, function, &first(number)).err()?;
        self.unload(Programs::Kprobe, &first(number));
        Some(Loser { candidate: format!("kprobe {function}, before the trampoline"), reason: why })
    }

    fn attach_program(&mut self, programs: Programs, function: &str, name: &str) -> Result<Vec<Breakpoint>, String> {
        match programs {
            Programs::Fentry => self.fentry(name, function)?,
            Programs::Kprobe => {
                let probe: &mut KProbe = self.program(name)?;
                let attached = probe.load().and_then(|()| probe.attach(function, 0).map(drop));
                attached.map_err(|error| reason(&error))?;
            }
            Programs::Tracepoint => {
                let tracepoint: &mut RawTracePoint = self.program(name)?;
                // A case writes `category:name`, the kernel knows the name alone.
                let function = function.rsplit(':').next().unwrap_or(function);
                let attached = tracepoint.load().and_then(|()| tracepoint.attach(function).map(drop));
                attached.map_err(|error| reason(&error))?;
            }
            Programs::Breakpoint => {
                let address =
                    self.symbols.get().address(function).ok_or("there is no such symbol, or its address is hidden")?;
                let event: &mut PerfEvent = self.program(name)?;
                event.load().map_err(|error| reason(&error))?;
                let program = event.fd().map_err(|error| reason(&error))?.as_fd();
                let set = super::watch::processors()
                    .map(|processor| Breakpoint::set(Stop::Execute(address), Whose::Everyone(processor), program))
                    .collect::<Result<Vec<_>, _>>();
                return set.map_err(|error| reason(&error));
            }
        }
        Ok(Vec::new())
    }

    fn take_off(&mut self) {
        for (number, slot) in std::mem::take(&mut self.counters).slots.into_iter().enumerate() {
            self.unload(Programs::Kprobe, &first(number));
            self.unload(slot.programs, &slot.programs.name(number));
        }
    }

    /// One that is not loaded stays so.
    fn unload(&mut self, programs: Programs, name: &str) {
        let ebpf = &mut self.ebpf;
        let _ = match programs {
            Programs::Fentry => find::<FEntry>(ebpf, name).map(FEntry::unload),
            Programs::Kprobe => find::<KProbe>(ebpf, name).map(KProbe::unload),
            Programs::Breakpoint => find::<PerfEvent>(ebpf, name).map(PerfEvent::unload),
            Programs::Tracepoint => find::<RawTracePoint>(ebpf, name).map(RawTracePoint::unload),
        };
    }

    /// Calls of a function that were counted neither by its kprobe nor by its trampoline, of those that the latter was passed
    /// over for. One more or less, if a call is under way while this is read.
    fn uncounted(&mut self, number: usize, slot: &Slot) -> Result<u64, String> {
        let counted_first = self.tally(number, Tally::CountedFirst)?;
        let found = self.tally(number, Tally::FoundCounted)?;
        let missed = self.missed(&slot.programs.name(number)).saturating_sub(slot.missed);
        Ok((missed + found).saturating_sub(counted_first).min(missed))
    }

    fn tally(&mut self, number: usize, what: Tally) -> Result<u64, String> {
        sum(&per_cpu(&mut self.ebpf, "TALLIED")?, tally_at(number, what)?)
    }

    /// Forgets the calls that were counted by a kprobe and never seen by the trampoline.
    fn forget_marks(&mut self) -> Result<(), String> {
        let mut marks = hash::<Counted, u64>(&mut self.ebpf, "COUNTED_FIRST")?;
        let calls: Vec<_> = marks.keys().flatten().collect();
        for call in calls {
            // A thread that is in the function may take its own mark away meanwhile.
            let _ = marks.remove(&call);
        }
        Ok(())
    }

    fn zero_tallies(&mut self, number: usize) -> Result<(), String> {
        let mut map = per_cpu(&mut self.ebpf, "TALLIED")?;
        for what in [Tally::FoundCounted, Tally::CountedFirst] {
            map.set(tally_at(number, what)?, zero()?, 0).map_err(|error| reason(&error))?;
        }
        Ok(())
    }

    /// How each function is counted and how often that was passed over, and what was counted.
    pub(super) fn counts(&mut self) -> Result<(Vec<CounterReport>, Vec<CountRow>), String> {
        let counters = std::mem::take(&mut self.counters);
        let counts = self.counts_of(&counters);
        self.counters = counters;
        counts
    }

    fn counts_of(&mut self, counters: &Counters) -> Result<(Vec<CounterReport>, Vec<CountRow>), String> {
        let mut reports = counters.reports.clone();
        for (number, slot) in counters.slots.iter().enumerate() {
            // Without a first program both tallies are 0.
            let missed = self.uncounted(number, slot)?;
            reports.iter_mut().filter(|report| report.of == slot.of).for_each(|report| report.missed = missed);
        }
        let counted = self.counted()?.into_iter();
        let rows = counted
            .filter_map(|(key, calls)| {
                // The second program of a counter counts beyond all slots.
                let slot = counters.slots.get(key.slot as usize % SLOTS)?;
                let by = match key.role {
                    1 => Some("client".into()),
                    2 => Some("server".into()),
                    _ => None,
                };
                Some(CountRow {
                    of: slot.of.clone(),
                    epoch: key.epoch,
                    by,
                    inside: key.inside != 0,
                    local: key.local,
                    remote: key.remote,
                    eventpoll: key.eventpoll,
                    calls,
                })
            })
            .collect();
        Ok((reports, rows))
    }
}

/// Where a counter's tally is.
fn tally_at(number: usize, what: Tally) -> Result<u32, String> {
    let number = u32::try_from(number).map_err(|error| error.to_string())?;
    Ok(number * Tally::COUNT + what as u32)
}
