//! The fold: which descriptor is which connection, who waited for it, and what that let go on.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Birth, Connection, Facts, Gate, Key, Thing, Thread, Waited};
use crate::observe::calls::{Class, ring};
use crate::observe::observation::{Event, More, Observation, Rest, What};

const LISTEN: u8 = 10;
const EAGAIN: i64 = -(libc::EAGAIN as i64);

/// A registration in an epoll.
#[derive(Clone, Copy, Debug)]
struct Registration {
    thing: Thing,
    mask: u32,
    data: u64,
}

#[derive(Default)]
struct Fold {
    facts: Facts,
    /// Open descriptors, by process.
    open: HashMap<(u32, i32), Thing>,
    /// Connections by their key, as places.
    places: HashMap<Key, usize>,
    /// How many descriptors each connection has.
    holders: HashMap<Key, BTreeSet<(u32, i32)>>,
    /// Interest lists, by eventpoll and the target's descriptor.
    interest: BTreeMap<u64, BTreeMap<(i32, Thing), Registration>>,
    /// Eventpolls by process and descriptor.
    eventpolls: HashMap<(u32, i32), u64>,
    /// What was reported and not yet acted on.
    reported: HashMap<Thing, Gate>,
    /// Who accepted last through a ring, by process.
    ring_accept: HashMap<u32, (u64, u32)>,
    /// Processes whose descriptors were looked at.
    seen: HashSet<u32>,
    /// Threads whose last wait was seen, once there was a gap: of others it is not known what let their calls go on.
    since_gap: Option<HashSet<u32>>,
}

pub(super) fn fold(observation: &Observation) -> Facts {
    let mut fold = Fold::default();
    for rest in &observation.rests {
        fold.facts.ports.extend(rest.sockets.iter().filter(|socket| socket.state == LISTEN).map(|socket| socket.local));
    }
    fold.facts.ports.extend(Some(observation.port).filter(|port| *port != 0));
    // A listener keeps its number; it may be waited for before the first look.
    for rest in &observation.rests {
        fold.seen.extend(rest.descriptors.iter().map(|descriptor| descriptor.pid));
        for (pid, fd, thing) in fold.descriptors(rest) {
            if let Thing::Listener(_) = thing {
                fold.open.insert((pid, fd), thing);
            }
        }
    }
    let mut rests = observation.rests.iter().peekable();
    for event in &observation.events {
        while let Some(rest) = rests.next_if(|rest| rest.time <= event.time) {
            fold.rest(rest);
        }
        fold.event(event);
    }
    rests.for_each(|rest| fold.rest(rest));
    fold.facts
}

impl Fold {
    fn waited(&mut self, thing: Thing) -> &mut Waited {
        self.facts.things.entry(thing).or_default()
    }

    fn thread(&mut self, event: &Event) -> &mut Thread {
        let thread = self.facts.threads.entry(event.tid).or_default();
        thread.pid = event.pid;
        thread
    }

    /// What the descriptors of a look lead to.
    fn descriptors(&self, rest: &Rest) -> Vec<(u32, i32, Thing)> {
        let thing = |inode: u64| {
            let socket = rest.sockets.iter().find(|socket| socket.inode == inode)?;
            if socket.state == LISTEN {
                return Some(Thing::Listener(socket.local));
            }
            let newest = self.facts.connections.iter().rev().find(|one| one.key.1 == socket.remote)?;
            Some(Thing::Connection(newest.key))
        };
        let found = rest.descriptors.iter();
        found.filter_map(|descriptor| Some((descriptor.pid, descriptor.fd, thing(descriptor.inode)?))).collect()
    }

    /// A look shows what was not seen happening.
    fn rest(&mut self, rest: &Rest) {
        for (pid, fd, thing) in self.descriptors(rest) {
            self.bind(pid, fd, thing);
        }
        for task in &rest.tasks {
            let Some((call, args)) = task.call else { continue };
            let epfd = i32::try_from(args[0]).unwrap_or(-1);
            let Some(&eventpoll) = self.eventpolls.get(&(task.pid, epfd)) else { continue };
            let list = self.interest.get(&eventpoll);
            let listens = |list: &BTreeMap<(i32, Thing), Registration>| {
                list.keys().any(|(_, thing)| matches!(thing, Thing::Listener(_)))
            };
            if Class::of(call) == Some(Class::EpollWait) && list.is_some_and(listens) {
                self.facts.listeners_of.insert(task.tid, (task.pid, eventpoll));
            }
        }
        for watched in &rest.watched {
            let Some(thing) = self.open.get(&(watched.pid, watched.fd)).copied() else { continue };
            // Without a call on it, an eventpoll goes by its process and descriptor.
            let by_number = u64::from(watched.pid) << 32 | u64::from(watched.epfd.unsigned_abs());
            let eventpoll = *self.eventpolls.entry((watched.pid, watched.epfd)).or_insert(by_number);
            let list = self.interest.entry(eventpoll).or_default();
            if list.contains_key(&(watched.fd, thing)) {
                continue;
            }
            list.insert((watched.fd, thing), Registration { thing, mask: watched.mask, data: watched.data });
            let waited = self.waited(thing);
            waited.masks.insert(plain(watched.mask));
            waited.unseen = true;
        }
    }

    fn bind(&mut self, pid: u32, fd: i32, thing: Thing) {
        if fd < 0 {
            return;
        }
        if let Some(Thing::Connection(before)) = self.open.insert((pid, fd), thing)
            && Thing::Connection(before) != thing
        {
            self.release(before, (pid, fd), 0);
        }
        if let Thing::Connection(key) = thing {
            self.holders.entry(key).or_default().insert((pid, fd));
        }
    }

    fn release(&mut self, key: Key, holder: (u32, i32), time: u64) {
        let Some(holders) = self.holders.get_mut(&key) else { return };
        holders.remove(&holder);
        if holders.is_empty() && time != 0 {
            self.reported.remove(&Thing::Connection(key));
            self.interest.values_mut().for_each(|list| list.retain(|(_, thing), _| *thing != Thing::Connection(key)));
            if let Some(connection) = self.connection(key) {
                connection.closed = Some(time);
            }
        }
    }

    fn connection(&mut self, key: Key) -> Option<&mut Connection> {
        let place = *self.places.get(&key)?;
        self.facts.connections.get_mut(place)
    }

    fn arrive(&mut self, key: Key, accepted: Option<(u64, u32, u32)>) {
        if !self.places.contains_key(&key) {
            self.places.insert(key, self.facts.connections.len());
            self.facts.connections.push(Connection { key, accepted, ..Connection::default() });
        }
    }

    /// What a call or request is about, by the kernel object that it met.
    fn about(&mut self, event: &Event) -> Option<Thing> {
        if event.object == 0 {
            return None;
        }
        let key = (event.object, event.remote);
        if event.remote != 0 && (self.places.contains_key(&key) || self.facts.ports.contains(&event.local)) {
            if !self.places.contains_key(&key) {
                let accepted = self.ring_accept.get(&event.pid).map(|(time, tid)| (*time, event.pid, *tid));
                self.arrive(key, accepted);
            }
            return Some(Thing::Connection(key));
        }
        (event.remote == 0 && self.facts.ports.contains(&event.local)).then_some(Thing::Listener(event.local))
    }

    fn event(&mut self, event: &Event) {
        match event.what {
            What::Call => self.call(event),
            What::Submit => self.submit(event),
            What::Complete => {
                if event.call == ring::ACCEPT && event.result >= 0 {
                    self.ring_accept.insert(event.pid, (event.time, event.tid));
                    let thread = self.thread(event);
                    thread.accepts += 1;
                }
            }
            What::Birth => self.birth(event),
            What::Gap => {
                self.reported.clear();
                self.ring_accept.clear();
                self.since_gap = Some(HashSet::new());
            }
            What::Death => {
                if event.pid == event.tid {
                    let gone: Vec<_> = self.open.keys().filter(|(pid, _)| *pid == event.pid).copied().collect();
                    for place in gone {
                        self.shut(place, event.time);
                    }
                }
            }
        }
    }

    fn birth(&mut self, event: &Event) {
        let tid = u32::try_from(event.result).unwrap_or(0);
        let birth = Birth { time: event.time, parent: event.pid, pid: event.fd.unsigned_abs(), tid };
        self.facts.births.push(birth);
        if birth.is_process() {
            // Listeners are known ahead of their time, and may be younger than the child: it has those that it is seen with.
            let has = |thing: &Thing| !matches!(thing, Thing::Listener(_)) || !self.seen.contains(&birth.pid);
            let inherited: Vec<_> = self
                .open
                .iter()
                .filter(|((pid, _), thing)| *pid == birth.parent && has(thing))
                .map(|((_, fd), thing)| (*fd, *thing))
                .collect();
            for (fd, thing) in inherited {
                self.bind(birth.pid, fd, thing);
            }
            let sets: Vec<_> = self
                .eventpolls
                .iter()
                .filter(|((pid, _), _)| *pid == birth.parent)
                .map(|((_, fd), ep)| (*fd, *ep))
                .collect();
            self.eventpolls.extend(sets.into_iter().map(|(fd, eventpoll)| ((birth.pid, fd), eventpoll)));
        }
    }

    fn shut(&mut self, place: (u32, i32), time: u64) {
        if let Some(Thing::Connection(key)) = self.open.remove(&place) {
            self.release(key, place, time);
        }
    }

    fn call(&mut self, event: &Event) {
        let Some(class) = event.class() else { return };
        match class {
            Class::Accept => self.accept(event),
            Class::Read | Class::Write => self.transfer(event, class),
            Class::EpollWait => self.epoll_wait(event),
            Class::Poll | Class::Select => self.set_wait(event, class),
            Class::EpollCtl => self.epoll_ctl(event),
            Class::Close if event.result == 0 => self.shut((event.pid, event.fd), event.time),
            Class::Duplicate if event.result >= 0 => {
                if let Some(thing) = self.open.get(&(event.pid, event.fd)).copied() {
                    self.bind(event.pid, i32::try_from(event.result).unwrap_or(-1), thing);
                }
            }
            Class::Exec if event.result == 0 => drop(self.facts.execs.insert(event.pid, event.time)),
            Class::RingSetup if event.result >= 0 => self.facts.rings += 1,
            _ => {}
        }
    }

    /// Counts what let a call on a thing go on.
    fn gate(&mut self, thing: Thing, event: &Event) {
        let gate = match self.reported.remove(&thing) {
            Some(gate) => gate,
            None if event.slept > 0 => Gate::Call,
            None if self.since_gap.as_ref().is_none_or(|known| known.contains(&event.tid)) => Gate::Tried,
            None => return,
        };
        *self.waited(thing).gates.entry(gate).or_default() += 1;
    }

    fn accept(&mut self, event: &Event) {
        if event.result >= 0 && event.remote != 0 && event.local != 0 {
            let listener = Thing::Listener(event.local);
            self.facts.ports.insert(event.local);
            self.gate(listener, event);
            let key = (event.object, event.remote);
            self.arrive(key, Some((event.time, event.pid, event.tid)));
            self.bind(event.pid, i32::try_from(event.result).unwrap_or(-1), Thing::Connection(key));
            self.thread(event).accepts += 1;
        } else if event.result == EAGAIN {
            if let Some(thing) = self.about(event) {
                self.waited(thing).empty += 1 + event.again;
                self.reported.remove(&thing);
            }
            self.thread(event).lost += 1;
        }
    }

    fn transfer(&mut self, event: &Event, class: Class) {
        let Some(thing @ Thing::Connection(key)) = self.about(event) else { return };
        self.bind(event.pid, event.fd, thing);
        if class == Class::Read {
            if event.result >= 0 {
                self.gate(thing, event);
            } else if event.result == EAGAIN {
                self.waited(thing).empty += 1 + event.again;
            }
        }
        let short = event.result > 0 && event.result.unsigned_abs() < asked(event).unwrap_or(0);
        let Some(connection) = self.connection(key) else { return };
        connection.blocking |= !event.nonblocking;
        if class == Class::Read {
            let (full, part, none) = &mut connection.reads;
            *full += u32::from(event.result > 0);
            *part += u32::from(short || event.result == 0);
            *none += u32::from(event.result == EAGAIN) * (1 + event.again);
        }
        if event.result > 0 {
            if connection.first == 0 {
                connection.first = event.time;
            }
            connection.servers.entry(event.tid).or_insert((event.pid, 0)).1 += 1;
            self.thread(event).served.insert(key);
        }
    }

    fn submit(&mut self, event: &Event) {
        let count = self.facts.submitted.entry(event.call).or_default();
        count.1 += 1;
        let Some(thing) = self.about(event) else { return };
        self.facts.submitted.entry(event.call).or_default().0 += 1;
        if event.call == ring::POLL_ADD {
            self.reported.insert(thing, Gate::RingPoll);
            let waited = self.waited(thing);
            *waited.member.entry(Gate::RingPoll).or_default() += 1;
            waited.together = waited.together.max(2);
            return;
        }
        let (reads, writes) = (ring::reads(event.call), ring::writes(event.call));
        if event.call != ring::ACCEPT && !reads && !writes {
            return;
        }
        if event.call == ring::ACCEPT || reads {
            let gate = self.reported.remove(&thing);
            let after_gap = self.since_gap.is_some();
            let waited = self.waited(thing);
            // Behind a gap, that it was asked to be polled before may have gone unseen.
            if gate.is_some() || !after_gap || !waited.member.contains_key(&Gate::RingPoll) {
                *waited.gates.entry(gate.unwrap_or(Gate::Ring)).or_default() += 1;
            }
            waited.together = waited.together.max(2);
        }
        if let Thing::Connection(key) = thing {
            if let Some(connection) = self.connection(key) {
                connection.servers.entry(event.tid).or_insert((event.pid, 0)).1 += 1;
                if connection.first == 0 {
                    connection.first = event.time;
                }
            }
            self.thread(event).served.insert(key);
        }
    }

    fn epoll_ctl(&mut self, event: &Event) {
        let More::Ctl { op, fd, mask, data, target, local, remote } = event.more else { return };
        if event.result != 0 {
            return;
        }
        self.eventpolls.insert((event.pid, event.fd), event.object);
        let meant = Event { object: target, local, remote, pid: event.pid, ..Event::default() };
        let Some(thing) = self.about(&meant) else { return };
        let list = self.interest.entry(event.object).or_default();
        if op == 2 {
            list.remove(&(fd, thing));
            // Whoever takes it off may read on in another way.
            self.reported.remove(&thing);
            return;
        }
        list.insert((fd, thing), Registration { thing, mask, data });
        // Re-armed with nothing is a pause, not another kind of waiting.
        if mask & 0x5 != 0 || op == 1 {
            self.waited(thing).masks.insert(plain(mask));
        }
    }

    fn epoll_wait(&mut self, event: &Event) {
        self.count_wait(event);
        let More::Ready(ready) = &event.more else {
            self.members(event, &[]);
            return;
        };
        let ready: Vec<u64> = ready.iter().map(|(_, data)| *data).collect();
        self.members(event, &ready);
    }

    /// Who stands on the interest list, and who of them is reported.
    fn members(&mut self, event: &Event, ready: &[u64]) {
        self.eventpolls.insert((event.pid, event.fd), event.object);
        let Some(list) = self.interest.get(&event.object) else { return };
        let registrations: Vec<Registration> = list.values().copied().collect();
        let things: BTreeSet<Thing> = registrations.iter().map(|one| one.thing).collect();
        let with_listener = things.iter().any(|thing| matches!(thing, Thing::Listener(_)));
        let together = u32::try_from(things.len()).unwrap_or(u32::MAX);
        self.widen(event, together);
        for one in registrations {
            let gate = Gate::Epoll(plain(one.mask));
            if ready.contains(&one.data) {
                self.reported.insert(one.thing, gate);
            }
            self.stand(one.thing, gate, together, with_listener, event.slept > 0);
        }
    }

    fn widen(&mut self, event: &Event, together: u32) {
        let thread = self.thread(event);
        thread.widest = thread.widest.max(together);
    }

    fn stand(&mut self, thing: Thing, gate: Gate, together: u32, with_listener: bool, slept: bool) {
        let waited = self.waited(thing);
        waited.together = waited.together.max(together);
        let width = waited.width.entry(gate).or_default();
        *width = together.max(*width);
        waited.with_listener |= with_listener;
        if slept {
            *waited.member.entry(gate).or_default() += 1;
        }
    }

    fn set_wait(&mut self, event: &Event, class: Class) {
        self.count_wait(event);
        let gate = if class == Class::Poll { Gate::Poll } else { Gate::Select };
        let (fds, found): (Vec<i32>, Vec<i32>) = match &event.more {
            More::Poll(entries) => (
                entries.iter().filter(|(fd, ..)| *fd >= 0).map(|(fd, ..)| *fd).collect(),
                entries.iter().filter(|(.., found)| *found != 0).map(|(fd, ..)| *fd).collect(),
            ),
            // Which of the set are ready was not copied: whoever is acted on next was.
            More::Select(set) => (set.clone(), if event.result > 0 { set.clone() } else { Vec::new() }),
            _ => return,
        };
        let thing = |fd: &i32| self.open.get(&(event.pid, *fd)).copied();
        let things: BTreeSet<Thing> = fds.iter().filter_map(thing).collect();
        let ready: BTreeSet<Thing> = found.iter().filter_map(thing).collect();
        let with_listener = things.iter().any(|thing| matches!(thing, Thing::Listener(_)));
        // Only the first entries of a long array were copied; so many more there may be.
        let more = if fds.len() >= 24 { event.args[0].saturating_sub(24) } else { 0 };
        let together = u32::try_from(things.len() as u64 + more).unwrap_or(u32::MAX);
        self.widen(event, together);
        for thing in things {
            if ready.contains(&thing) {
                self.reported.insert(thing, gate);
            }
            self.stand(thing, gate, together, with_listener, event.slept > 0);
        }
    }

    fn count_wait(&mut self, event: &Event) {
        if let Some(known) = &mut self.since_gap {
            known.insert(event.tid);
        }
        let (ready, empty, slept) = self.thread(event).waits.entry(event.call).or_default();
        *ready += u32::from(event.result > 0) * (1 + event.again);
        *empty += u32::from(event.result <= 0) * (1 + event.again);
        *slept += u32::from(event.slept > 0);
    }
}

/// A mask without what only says whether the machine may sleep.
fn plain(mask: u32) -> u32 {
    const WAKEUP: u32 = 1 << 29;
    // EPOLLERR and EPOLLHUP are always reported: fdinfo shows them, a call need not.
    mask & !(WAKEUP | 0x18)
}

/// How many bytes a read asked for, where an argument says it.
pub(crate) fn asked(event: &Event) -> Option<u64> {
    matches!(i64::from(event.call), libc::SYS_read | libc::SYS_recvfrom | libc::SYS_write | libc::SYS_sendto)
        .then_some(event.args[1])
}
