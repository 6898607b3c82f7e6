//! What must be recorded, read off the measures, awaits and filters of one run: an author never lists what to attach.
use std::collections::BTreeSet;

use wakeproof_abi::Kind;
use wakeproof_servers::Model;

use super::{Capabilities, derive, picture};
use crate::case::{Await, Case, EventName, Filter, Measure, OneOrMore, Over, Side, Step};

/// What one run must record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Kinds of records, as a mask of [`Kind::bit`]. Fences are always recorded.
    pub kinds: u32,
    /// Which of them with a kernel stack.
    pub stacks: u32,
    /// Numbers of the system calls whose entry is recorded.
    pub enter: BTreeSet<u16>,
    /// Numbers of the system calls whose return is recorded.
    pub exit: BTreeSet<u16>,
    /// Kernel functions that are counted.
    pub counters: Vec<CounterWant>,
    /// The ready lists of the server's eventpolls are watched.
    pub server_ready_list: bool,
    /// The ready lists of these epoll descriptors of the script are watched as soon as they exist.
    pub ready_lists: BTreeSet<String>,
}

/// A counted function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounterWant {
    /// The function; with alternatives, the first that can be attached is counted. Recordings name it by the first.
    pub of: Vec<String>,
}

impl Wants {
    /// What a resolved case needs with what there is; without an observer nothing.
    pub(super) fn of(case: &Case, have: &Capabilities) -> Self {
        let mut wants = Self::default();
        if !have.observes() {
            return wants;
        }
        let mut script = Script::default();
        script.read(&case.steps);
        wants.kinds |= Kind::Fence.bit();
        if case.server.is_some() || !script.epolls.is_empty() {
            // connections and registrations get their names through these
            for event in [EventName::EpollCtl, EventName::Accept, EventName::Close, EventName::Fork] {
                wants.see(event, have, &script);
            }
        }
        if let Some(server) = case.server.as_ref().filter(|_| script.sentinel) {
            wants.see(EventName::Read, have, &script);
            match server.model {
                Model::Select => wants.see(EventName::Select, have, &script),
                Model::Poll => wants.see(EventName::Poll, have, &script),
                Model::EpollLt | Model::EpollEt => wants.see(EventName::EpollWait, have, &script),
                _ => {}
            }
        }
        for (event, only) in &script.awaited {
            wants.filter(*event, only, have, &script);
        }
        if !script.watches.is_empty() {
            wants.see(EventName::Watch, have, &script);
        }
        for measure in case.measure.values() {
            wants.measure(measure, have, &script);
        }
        if case.server.is_some() || !script.epolls.is_empty() {
            for event in picture::events(case) {
                wants.see_beside(*event, have);
            }
        }
        wants.server_ready_list &= case.server.is_some();
        wants
    }

    /// What sees these events outside a case; those that cannot be seen here are left out.
    pub fn seeing(events: &[EventName], have: &Capabilities) -> Self {
        let mut wants = Self::default();
        if have.observes() {
            wants.kinds |= Kind::Fence.bit();
            for event in events {
                wants.see(*event, have, &Script::default());
            }
        }
        wants
    }

    /// Records an event for the picture, as far as it takes nothing that measures may need.
    fn see_beside(&mut self, event: EventName, have: &Capabilities) {
        let Ok(sight) = derive::sight(event, have) else { return };
        if sight.ready_list {
            return;
        }
        self.kinds |= sight.kinds;
        self.stacks |= sight.stacks;
        self.number(event);
    }

    fn measure(&mut self, measure: &Measure, have: &Capabilities, script: &Script) {
        match measure {
            Measure::Count(count) => self.filter(count.of, &count.only, have, script),
            Measure::List(list) => self.filter(list.of, &list.only, have, script),
            Measure::Chain(chain) => {
                for link in &chain.of {
                    self.filter(link.of(), &link.only(), have, script);
                }
            }
            Measure::Calls(calls) => {
                let of = match &calls.of {
                    OneOrMore::One(one) => vec![one.clone()],
                    OneOrMore::More(more) => more.clone(),
                };
                let want = CounterWant { of };
                if !self.counters.contains(&want) {
                    self.counters.push(want);
                }
            }
            Measure::Faults(_) => {
                // the function that faulted is read off the stack
                self.see(EventName::PageFaultKernel, have, script);
                self.stacks |= Kind::PageFaultKernel.bit() & self.kinds;
            }
            Measure::Packets(packets) => packets.at.iter().for_each(|event| self.see(*event, have, script)),
            Measure::Writes(_) => self.see(EventName::Watch, have, script),
            Measure::Fit(_) => {}
        }
    }

    fn filter(&mut self, event: EventName, only: &Filter, have: &Capabilities, script: &Script) {
        self.see(event, have, script);
        if !only.through.is_empty() {
            self.stacks |= derive::kind(event).bit() & self.kinds;
        }
    }

    fn see(&mut self, event: EventName, have: &Capabilities, script: &Script) {
        let Ok(sight) = derive::sight(event, have) else { return };
        self.kinds |= sight.kinds;
        self.stacks |= sight.stacks;
        if sight.ready_list {
            self.server_ready_list = true;
            self.ready_lists.extend(script.epolls.difference(&script.watches).cloned());
        }
        self.number(event);
    }

    /// If the event is one of a system call, records that call.
    fn number(&mut self, event: EventName) {
        match derive::calls(event) {
            Some((Side::Enter, numbers)) => self.enter.extend(numbers),
            Some((Side::Exit, numbers)) => self.exit.extend(numbers),
            None => {}
        }
    }
}

/// What the steps have to do with recording.
#[derive(Default)]
pub(super) struct Script {
    pub sentinel: bool,
    pub awaited: Vec<(EventName, Filter)>,
    /// Epoll descriptors that the script makes.
    pub epolls: BTreeSet<String>,
    /// What is watched: epoll descriptors by their name, other words by the watch's.
    pub watches: BTreeSet<String>,
    /// The state of an object is read.
    pub inspects: bool,
    /// Something is connected over a pair of virtual Ethernet devices.
    pub wired: bool,
}

impl Script {
    /// Whether a step needs more than results of system calls.
    pub fn watches_the_kernel(&self) -> bool {
        self.sentinel || self.inspects || !self.watches.is_empty() || !self.awaited.is_empty()
    }

    pub fn read(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Connect(connect) => self.wired |= connect.over == Over::Veth,
                Step::Socket(socket) => self.wired |= socket.over == Over::Veth,
                Step::TcpPair(pair) | Step::UdpPair(pair) => self.wired |= pair.over == Over::Veth,
                Step::Sentinel => self.sentinel = true,
                Step::Await(Await::Event(event)) => self.awaited.push((event.of, event.only.clone())),
                Step::EpollCreate(epoll) => _ = self.epolls.insert(epoll.name.clone()),
                Step::Watch(watch) => {
                    self.watches.insert(match &watch.word {
                        crate::case::WatchTarget::ReadyList(epoll) => epoll.clone(),
                        _ => watch.name.clone(),
                    });
                }
                Step::Inspect(_) => self.inspects = true,
                Step::Repeat(repeat) => self.read(&repeat.steps),
                Step::Start(start) => {
                    self.read(&start.first);
                    self.read(std::slice::from_ref(&start.call));
                }
                _ => {}
            }
        }
    }
}
