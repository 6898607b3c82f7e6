//! Whose lane an event stands on.
use std::collections::BTreeMap;

use super::about::{Objects, Who};
use super::{Lane, LaneKind};
use crate::case::EventName;
use crate::matching::{Matcher, Scene};
use crate::recording::{By, Event, Run};

/// What a lane is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The process that drives clients.
    Client,
    /// An object of the case, by its place among the names.
    Named(usize),
    /// The server's listening socket.
    Listener,
    /// An eventpoll, by its address.
    Eventpoll(u64),
    /// A task.
    Task(u32),
    /// Further tasks of the server.
    Others,
}

/// So many tasks of a server have lanes of their own.
const TASKS: usize = 12;
/// So many eventpolls have.
const EVENTPOLLS: usize = 8;

/// Finds lanes for the events of one run.
pub(super) struct Lanes<'a> {
    run: &'a Run,
    objects: &'a Objects,
    /// Tasks of the server: process and task, in order of appearance.
    server: Vec<(u32, u32)>,
    eventpolls: Vec<u64>,
}

impl<'a> Lanes<'a> {
    pub(super) fn new<'b>(run: &'a Run, objects: &'a Objects, events: impl Iterator<Item = &'b Event>) -> Self {
        let mut server = Vec::new();
        let mut eventpolls: Vec<u64> = run.head.eventpolls.values().copied().collect();
        for event in events {
            if event.by == Some(By::Server) && !server.contains(&(event.pid, event.tid)) {
                server.push((event.pid, event.tid));
            }
            let eventpoll = match event.name {
                EventName::EpollCtl | EventName::EpollWait => event.object,
                EventName::EpPollCallback => event.peer,
                _ => 0,
            };
            if eventpoll != 0 && !eventpolls.contains(&eventpoll) {
                eventpolls.push(eventpoll);
            }
        }
        Self { run, objects, server, eventpolls }
    }

    /// The lane of an event that just happened; none if it is about nothing that is drawn.
    pub(super) fn of(&self, event: &Event, matcher: &Matcher, scene: Scene<'_>) -> Option<Key> {
        match event.name {
            EventName::TcpV4Rcv | EventName::SkDataReady => self.socket(event, matcher, scene),
            EventName::EpPollCallback => self.eventpoll(event.peer),
            EventName::Watch if event.peer != 0 => self.eventpoll(event.peer),
            EventName::SchedWaking => self.task(u32::try_from(event.value).ok()?, None),
            EventName::SchedSwitch => None,
            _ => self.task(event.tid, event.by),
        }
    }

    fn socket(&self, event: &Event, matcher: &Matcher, scene: Scene<'_>) -> Option<Key> {
        if let Some(Who(place)) = self.objects.subject(event, matcher, scene) {
            return Some(Key::Named(place));
        }
        let port = self.run.head.server.as_ref().map(|server| server.port)?;
        (event.local == port && event.remote == 0).then_some(Key::Listener)
    }

    /// The eventpoll with this address; where the probe could not tell which, the only one.
    fn eventpoll(&self, address: u64) -> Option<Key> {
        let known = self.eventpolls.iter().position(|known| *known == address);
        let known = known.map(|place| self.eventpolls[place.min(EVENTPOLLS)]);
        known.or_else(|| if let [only] = self.eventpolls[..] { Some(only) } else { None }).map(Key::Eventpoll)
    }

    /// The only eventpoll that there is.
    pub(super) fn only_eventpoll(&self) -> Option<Key> {
        self.eventpoll(0)
    }

    /// The lane of a task: all threads of the client that are no actors share one.
    fn task(&self, tid: u32, by: Option<By>) -> Option<Key> {
        if self.run.head.actors.contains_key(&tid) {
            return Some(Key::Task(tid));
        }
        if let Some(place) = self.server.iter().position(|(_, known)| *known == tid) {
            return Some(if place < TASKS { Key::Task(tid) } else { Key::Others });
        }
        (by == Some(By::Client)).then_some(Key::Client)
    }

    /// The lanes of these keys, from top to bottom, and where each key stands.
    pub(super) fn order(&self, keys: impl IntoIterator<Item = Key>) -> (Vec<Lane>, BTreeMap<Key, usize>) {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort_by_key(|key| (self.rank(*key), *key));
        keys.dedup();
        let lanes = keys.iter().map(|key| self.lane(*key)).collect();
        (lanes, keys.into_iter().enumerate().map(|(place, key)| (key, place)).collect())
    }

    fn rank(&self, key: Key) -> (LaneKind, usize) {
        let place = match key {
            // What the case is about stands next to the eventpoll, what the harness itself adds farthest away.
            Key::Named(place) => {
                if self.objects.is_sentinel(place) {
                    0
                } else {
                    place + 2
                }
            }
            Key::Listener => 1,
            Key::Eventpoll(address) => self.eventpolls.iter().position(|known| *known == address).unwrap_or(0),
            Key::Task(tid) => self.server.iter().position(|(_, known)| *known == tid).unwrap_or(0),
            Key::Others => TASKS,
            Key::Client => 0,
        };
        (self.lane(key).kind, place)
    }

    /// What a lane is called.
    pub(super) fn name(&self, key: Key) -> String {
        self.lane(key).name
    }

    fn lane(&self, key: Key) -> Lane {
        let (kind, name) = match key {
            // Without a server the script is who waits, and stands below what it waits for.
            Key::Client if self.run.head.server.is_none() => (LaneKind::Task, "script".to_owned()),
            Key::Client => (LaneKind::Client, "client".to_owned()),
            Key::Named(place) if self.objects.is_sentinel(place) => {
                (LaneKind::Socket, "sentinel’s socket (the harness’s own)".to_owned())
            }
            Key::Named(place) => (LaneKind::Socket, format!("socket {}", self.objects.name(place))),
            Key::Listener => (LaneKind::Socket, "listening socket".to_owned()),
            Key::Eventpoll(address) => (LaneKind::Eventpoll, self.eventpoll_name(address)),
            Key::Task(tid) => (LaneKind::Task, self.task_name(tid)),
            Key::Others => (LaneKind::Task, format!("server, {} further tasks", self.server.len() - TASKS)),
        };
        Lane { kind, name }
    }

    fn eventpoll_name(&self, address: u64) -> String {
        let place = self.eventpolls.iter().position(|known| *known == address);
        match place {
            Some(EVENTPOLLS) => "further eventpolls".to_owned(),
            Some(place) if self.eventpolls.len() > 1 => format!("eventpoll {}", place + 1),
            _ => "eventpoll".to_owned(),
        }
    }

    fn task_name(&self, tid: u32) -> String {
        if let Some(actor) = self.run.head.actors.get(&tid) {
            return actor.clone();
        }
        let Some(place) = self.server.iter().position(|(_, known)| *known == tid) else { return format!("task {tid}") };
        let (pid, _) = self.server[place];
        match place {
            0 if self.server.len() == 1 => "server".to_owned(),
            0 => "server, first task".to_owned(),
            _ if pid == tid => format!("server process {}", place + 1),
            _ => format!("server thread {}", place + 1),
        }
    }
}

/// The time of the first and the last event that belong to the picture.
pub(super) fn window(run: &Run) -> (u64, u64) {
    let mark = |name: &str| run.head.marks.iter().find(|mark| mark.name == name).map(|mark| mark.time);
    let first = run.events.first().map_or(0, |event| event.time);
    let last = run.events.last().map_or(0, |event| event.time);
    (mark("start").unwrap_or(first), mark("end").unwrap_or(last))
}
