//! The third axis: what serves a connection, from who accepts, who reads, and who was born in between.
use std::collections::BTreeSet;

use super::{Axis, Certainty, Gate, Unit};
use crate::observe::facts::{Birth, Connection, Facts};
use crate::observe::observation::{Observation, Rest};

/// Fewer connections than this say nothing.
const ENOUGH: usize = 2;

/// Who did what for the connections.
struct Served<'a> {
    facts: &'a Facts,
    /// Connections of which somebody took or to which somebody gave bytes.
    all: Vec<&'a Connection>,
    acceptors: BTreeSet<u32>,
    readers: BTreeSet<u32>,
    processes: BTreeSet<u32>,
}

/// What serves a connection.
pub(super) fn unit(observation: &Observation, facts: &Facts, gate: Gate) -> Axis<Unit> {
    let all: Vec<&Connection> = facts.connections.iter().filter(|one| !one.servers.is_empty()).collect();
    let served = Served {
        facts,
        acceptors: all.iter().filter_map(|one| one.accepted.map(|(_, _, tid)| tid)).collect(),
        readers: all.iter().flat_map(|one| one.servers.keys().copied()).collect(),
        processes: all.iter().flat_map(|one| one.servers.values().map(|(pid, _)| *pid)).collect(),
        all,
    };
    let mut because = served.tell();
    if served.all.len() < ENOUGH {
        because.push("that is too few to tell".into());
        return Axis::new(Unit::Unknown, Certainty::Unknown, because);
    }
    served.born(&mut because).unwrap_or_else(|| {
        if gate.multiplexes() { served.loops(because) } else { served.one_at_a_time(observation, gate, because) }
    })
}

impl Served<'_> {
    fn tell(&self) -> Vec<String> {
        let births = self.facts.births.iter();
        let (processes, threads): (Vec<&Birth>, Vec<&Birth>) = births.partition(|birth| birth.is_process());
        vec![
            format!(
                "{} connections served by {} thread(s) of {} process(es); {} thread(s) accepted",
                self.all.len(),
                self.readers.len(),
                self.processes.len(),
                self.acceptors.len()
            ),
            format!(
                "{} process(es) and {} thread(s) were created while it was watched",
                processes.len(),
                threads.len()
            ),
        ]
    }

    /// A process or thread for each connection: born after the accept, and serving no other.
    fn born(&self, because: &mut Vec<String>) -> Option<Axis<Unit>> {
        let mut fresh = (0, 0, 0);
        let mut counted = 0;
        for connection in &self.all {
            let Some((accepted, parent, _)) = connection.accepted else { continue };
            counted += 1;
            let serves_only = |tid: u32| self.facts.threads.get(&tid).is_some_and(|thread| thread.served.len() == 1);
            let birth = |tid: u32, pid: u32| {
                let of = |birth: &&Birth| birth.tid == tid || (birth.is_process() && birth.pid == pid);
                self.facts.births.iter().rev().find(of)
            };
            let born = connection.servers.iter().find_map(|(&tid, &(pid, _))| {
                birth(tid, pid).filter(|birth| birth.time >= accepted && serves_only(tid)).map(|birth| (birth, pid))
            });
            let Some((birth, pid)) = born else { continue };
            if pid == parent && !birth.is_process() {
                fresh.1 += 1;
            } else {
                fresh.0 += 1;
                fresh.2 += usize::from(self.facts.execs.contains_key(&pid));
            }
        }
        let (processes, threads, execs) = fresh;
        if processes * 4 >= counted * 3 && processes >= ENOUGH {
            because
                .push(format!("{processes} of {counted} connections were served by a process born after their accept"));
            let unit = if execs * 2 > processes {
                because.push(format!("{execs} of these processes ran another program"));
                Unit::ForkExecPerConnection
            } else {
                Unit::ForkPerConnection
            };
            return Some(Axis::of_share(unit, Unit::Unknown, processes, counted, because.clone()));
        }
        if threads * 4 >= counted * 3 && threads >= ENOUGH {
            because.push(format!("{threads} of {counted} connections were served by a thread born after their accept"));
            return Some(Axis::of_share(Unit::ThreadPerConnection, Unit::Unknown, threads, counted, because.clone()));
        }
        if processes + threads > 0 {
            because.push(format!(
                "{processes} of {counted} connections were served by a process, {threads} by a thread born after their accept"
            ));
        }
        None
    }

    /// How many connections were served by more than one thread.
    fn shared(&self) -> usize {
        self.all.iter().filter(|one| one.servers.len() > 1).count()
    }

    /// Threads that have waited for several things of the server at once.
    fn wide(&self) -> BTreeSet<u32> {
        let threads = self.facts.threads.iter();
        threads.filter(|(_, thread)| thread.widest >= 2).map(|(tid, _)| *tid).collect()
    }

    /// Threads that have waited in calls for several descriptors.
    fn waiters(&self) -> BTreeSet<u32> {
        let threads = self.facts.threads.iter();
        threads.filter(|(_, thread)| !thread.waits.is_empty()).map(|(tid, _)| *tid).collect()
    }

    /// Connections that the thread which accepted them serves alone.
    fn own(&self) -> usize {
        let own = |one: &&&Connection| {
            one.accepted.is_some_and(|(_, _, tid)| one.servers.len() == 1 && one.servers.contains_key(&tid))
        };
        self.all.iter().filter(own).count()
    }

    fn loops(&self, mut because: Vec<String>) -> Axis<Unit> {
        let (count, shared, own) = (self.all.len(), self.shared(), self.own());
        let accepted = self.all.iter().filter(|one| one.accepted.is_some()).count();
        let waiters = self.waiters();
        if self.readers.len() == 1 {
            let reader = self.readers.first().copied().unwrap_or(0);
            let listeners = &self.facts.listeners_of;
            let eventpolls: BTreeSet<u64> = listeners.values().map(|(_, eventpoll)| *eventpoll).collect();
            if listeners.len() > 1 && self.facts.parked < 2 && eventpolls.len() == 1 {
                because.push(format!("{} threads take turns at waiting on one epoll", listeners.len()));
                return Axis::new(Unit::MToN, Certainty::Likely, because);
            }
            if listeners.len() > 1 && self.facts.parked < 2 {
                because.push(format!(
                    "{} threads wait for the listener, each with an epoll of its own; one of them took all",
                    listeners.len()
                ));
                let processes: BTreeSet<u32> = listeners.values().map(|(pid, _)| *pid).collect();
                let unit = if processes.len() > 1 { Unit::SeveralLoopsProcesses } else { Unit::SeveralLoopsThreads };
                return Axis::new(unit, Certainty::Likely, because);
            }
            if listeners.len() > 1 {
                because.push(format!(
                    "{} threads wait on the epoll that watches the listener; one of them took all",
                    listeners.len()
                ));
                return Axis::new(Unit::SharedLoop, Certainty::Likely, because);
            }
            if self.acceptors.is_empty() || self.acceptors.contains(&reader) && self.acceptors.len() == 1 {
                let accepts = if self.acceptors.is_empty() { "" } else { "accepts and " };
                because.push(format!("thread {reader} {accepts}serves all"));
                let certainty = if accepted > 0 { Certainty::Certain } else { Certainty::Likely };
                return Axis::new(Unit::SingleLoop, certainty, because);
            }
            because.push("one thread serves what others accept".into());
            return Axis::new(Unit::DispatcherWorkers, Certainty::Likely, because);
        }
        because.push(format!(
            "{own} of {accepted} connections are served by the thread that accepted them, {shared} by several threads"
        ));
        if shared > 0 && self.processes.len() == 1 {
            let wide = self.wide();
            let poll_and_read = wide.intersection(&self.readers).count();
            because.push(format!(
                "{poll_and_read} of {} threads that serve also wait for several descriptors; at most {} slept in a wait on one epoll at once",
                self.readers.len(),
                self.facts.parked
            ));
            let certainty = if shared * 4 >= count { Certainty::Certain } else { Certainty::Likely };
            return match () {
                () if self.facts.parked >= 2 => Axis::new(Unit::SharedLoop, certainty, because),
                () if poll_and_read <= 1 && self.acceptors.is_disjoint(&self.readers) => {
                    Axis::new(Unit::ReactorPool, certainty, because)
                }
                // The one that waits for all takes the bytes itself, and others give the answers.
                () if wide.len() == 1 && self.acceptors == wide => {
                    Axis::new(Unit::ReactorPool, Certainty::Likely, because)
                }
                () => Axis::new(Unit::MToN, certainty, because),
            };
        }
        if self.facts.parked >= 2 && self.processes.len() == 1 {
            because.push(format!("{} threads slept in a wait on one epoll at once", self.facts.parked));
            return Axis::new(Unit::SharedLoop, Certainty::Likely, because);
        }
        if accepted == 0 {
            because.push("who accepts them was not seen: they were there before".into());
            return Axis::new(Unit::Unknown, Certainty::Unknown, because);
        }
        if own * 4 >= accepted * 3 {
            let unit = if self.processes.len() > 1 { Unit::SeveralLoopsProcesses } else { Unit::SeveralLoopsThreads };
            return Axis::of_share(unit, Unit::Unknown, own, accepted, because);
        }
        let apart = self.acceptors.is_disjoint(&self.readers) || self.acceptors.len() < self.readers.len();
        if own * 2 < accepted && apart && self.readers.iter().all(|tid| waiters.contains(tid)) {
            because.push("each of these threads waits for its own connections".into());
            return Axis::of_share(Unit::DispatcherWorkers, Unit::Unknown, count - shared, count, because);
        }
        if self.acceptors.is_disjoint(&self.readers) && self.readers.is_disjoint(&waiters) {
            because.push("the threads that serve never wait for descriptors".into());
            return Axis::new(Unit::ReactorPool, Certainty::Likely, because);
        }
        because.push("that fits no unit that is known here".into());
        Axis::new(Unit::Unknown, Certainty::Unknown, because)
    }

    fn one_at_a_time(&self, observation: &Observation, gate: Gate, mut because: Vec<String>) -> Axis<Unit> {
        if gate == Gate::Unknown {
            because.push("and what they waited for is not known".into());
            return Axis::new(Unit::Unknown, Certainty::Unknown, because);
        }
        let overlapped = self.overlapping();
        if self.readers.len() == 1 {
            because.push(second(observation).to_owned());
            return if overlapped == 0 {
                Axis::new(Unit::Iterative, Certainty::Certain, because)
            } else {
                because.push(format!("but {overlapped} connections were served while another was"));
                Axis::new(Unit::Unknown, Certainty::Unknown, because)
            };
        }
        if self.all.iter().all(|one| one.accepted.is_none()) {
            because
                .push("they were there before, so that each of these tasks may have been made for one of them".into());
            return Axis::new(Unit::Unknown, Certainty::Unknown, because);
        }
        let several: usize = self.all.iter().filter(|one| one.servers.len() > 1).count();
        if several * 4 > self.all.len() {
            because.push(format!("{several} connections were served by several threads"));
            return Axis::new(Unit::Unknown, Certainty::Unknown, because);
        }
        if self.processes.len() > 1 && self.readers.len() == self.processes.len() {
            let together = self.together(observation);
            because.push(format!("{together} of these processes were there at once"));
            return if together >= ENOUGH {
                Axis::new(Unit::PreFork, Certainty::Certain, because)
            } else {
                // One takes over from another, as where inetd(8) waits for a server that serves until it is idle.
                Axis::new(Unit::Unknown, Certainty::Unknown, because)
            };
        }
        let on_demand = self.on_demand();
        if self.processes.len() == 1 && on_demand >= ENOUGH && all_at_once(observation) {
            because.push(format!(
                "{on_demand} connections were served by a thread born after their accept, and all clients of a burst at once; threads are kept for later connections (a pool that grows would look the same)"
            ));
            return Axis::new(Unit::ThreadPerConnection, Certainty::Likely, because);
        }
        if self.processes.len() == 1 {
            because.push("the threads were there before the connections, or served several".into());
            return Axis::new(Unit::ThreadPool, Certainty::Certain, because);
        }
        because.push("that fits no unit that is known here".into());
        Axis::new(Unit::Unknown, Certainty::Unknown, because)
    }

    /// How many of the processes that serve were seen at one time, when the server was left alone.
    fn together(&self, observation: &Observation) -> usize {
        let there = |rest: &Rest| {
            let pids: BTreeSet<u32> = rest.tasks.iter().map(|task| task.pid).collect();
            pids.intersection(&self.processes).count()
        };
        observation.rests.iter().map(there).max().unwrap_or(0)
    }

    /// Connections that were served by a thread born after their accept, whatever it served later.
    fn on_demand(&self) -> usize {
        let born = |one: &&&Connection| {
            let Some((accepted, ..)) = one.accepted else { return false };
            let births = self.facts.births.iter();
            births.into_iter().any(|birth| birth.time >= accepted && one.servers.contains_key(&birth.tid))
        };
        self.all.iter().filter(born).count()
    }

    /// Connections whose bytes were taken by a thread between two of another connection's.
    fn overlapping(&self) -> usize {
        let life = |one: &Connection| (one.first, one.closed.unwrap_or(u64::MAX));
        let overlaps = |one: &&&Connection| {
            self.all.iter().any(|other| {
                let (start, end) = life(other);
                let same = other.servers.keys().any(|tid| one.servers.contains_key(tid));
                same && other.key != one.key && start < one.first && one.first < end
            })
        };
        self.all.iter().filter(overlaps).count()
    }
}

/// Whether all clients of a burst had their answers while all of them were there.
fn all_at_once(observation: &Observation) -> bool {
    let burst = observation.phases.iter().find(|phase| phase.name == "burst");
    burst.is_some_and(|phase| phase.clients.iter().all(|client| client.answered > 0))
}

/// What became of the client that came while another was silent.
fn second(observation: &Observation) -> &'static str {
    let answered = observation
        .phases
        .iter()
        .find(|phase| phase.name == "second")
        .is_some_and(|phase| phase.clients.iter().any(|client| client.answered > 0));
    if answered {
        "a second client was answered while the first was silent"
    } else {
        "a second client was not answered while the first was silent"
    }
}
