//! Mistakes that lose, stall, leak or waste, each with the events that show it. What no event shows is no hazard.
mod edge;
mod leak;
mod queue;
mod select;
mod sleep;
mod spin;
mod starve;
mod wake;
mod write;

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calls::{self, Class};
use super::facts::{Facts, Key, Thing};
use super::observation::{Event, More, Observation, Rest, What};

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Edge-triggered, and bytes were left when the thread went to sleep.
    EdgeNotDrained,
    /// Edge-triggered, and connections were left in the accept queue.
    AcceptOncePerEdge,
    /// Edge-triggered with a descriptor whose calls can sleep.
    EdgeBlockingDescriptor,
    /// A call slept in a thread that others wait for.
    BlockingCallInLoop,
    /// Level-triggered, and what is reported is never taken.
    LevelSpin,
    /// A hang-up or error is reported for ever and never acted on.
    HangupIgnored,
    /// Several are woken for one connection.
    ThunderingHerd,
    /// Nobody waits for the listener while connections wait in its queue.
    ListenerNotWatched,
    /// Nobody waits for a connection while its bytes wait.
    ConnectionNotWatched,
    /// Children have ended and are not collected.
    ChildrenNotReaped,
    /// Descriptors of connections that are gone stay open.
    DescriptorLeak,
    /// A descriptor was closed, and is still reported.
    ClosedStillReported,
    /// `select` was given descriptors that an `fd_set` has no room for.
    BeyondFdSetsize,
    /// What did not fit into the send buffer was never sent.
    PartialWriteLost,
    /// Each wait returns as many as it may, and some are never among them.
    MaxeventsStarvation,
}

impl Kind {
    /// How bad it is.
    fn severity(self) -> Severity {
        if self == Self::ThunderingHerd { Severity::Cost } else { Severity::Danger }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It costs time, and loses nothing.
    Cost,
    /// It can stall, lose or leak.
    Danger,
}

/// One mistake, with the events that show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hazard {
    /// What.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// How often it was seen.
    pub times: u32,
    /// What happens, in a sentence.
    pub what: String,
    /// What says that it is wrong: a manual page.
    pub rests_on: String,
    /// The events of one instance, in order.
    pub events: Vec<Shown>,
}

impl Hazard {
    /// One that was seen so many times, with the events of one of them.
    fn new(kind: Kind, times: usize, what: impl Into<String>, rests_on: &str, events: Vec<Shown>) -> Self {
        Self {
            kind,
            severity: kind.severity(),
            times: u32::try_from(times).unwrap_or(u32::MAX),
            what: what.into(),
            rests_on: rests_on.to_owned(),
            events,
        }
    }

    /// One that each of these instances shows; none if there is no instance.
    fn of(kind: Kind, instances: Vec<Vec<Shown>>, what: &str, rests_on: &str) -> Option<Self> {
        let times = instances.len();
        Some(Self::new(kind, times, what, rests_on, instances.into_iter().next()?))
    }
}

/// An event that shows something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// Microseconds since the start of the observation.
    pub at: u64,
    /// The thread, or 0 if it is about the server as a whole.
    pub tid: u32,
    /// What happened.
    pub text: String,
}

/// All that is wrong, the worst first.
pub fn find(observation: &Observation, facts: &Facts) -> Vec<Hazard> {
    let seen = Seen { observation, facts, start: observation.events.first().map_or(0, |event| event.time) };
    let rules: [fn(&Seen<'_>) -> Vec<Hazard>; 9] = [
        edge::find,
        sleep::find,
        spin::find,
        starve::find,
        wake::find,
        queue::find,
        leak::find,
        select::find,
        write::find,
    ];
    let mut hazards: Vec<Hazard> = rules.iter().flat_map(|rule| rule(&seen)).collect();
    hazards.sort_by_key(|hazard| (std::cmp::Reverse(hazard.severity), hazard.kind));
    hazards
}

/// What the rules look at.
struct Seen<'a> {
    observation: &'a Observation,
    facts: &'a Facts,
    start: u64,
}

impl<'a> Seen<'a> {
    fn shown(&self, event: &Event) -> Shown {
        Shown { at: event.time.saturating_sub(self.start) / 1000, tid: event.tid, text: describe(event) }
    }

    fn note(&self, time: u64, text: impl Into<String>) -> Shown {
        Shown { at: time.saturating_sub(self.start) / 1000, tid: 0, text: text.into() }
    }

    /// Events about a connection.
    fn on(&self, key: Key) -> impl DoubleEndedIterator<Item = &'a Event> {
        let events = self.observation.events.iter();
        events.filter(move |event| event.object == key.0 && event.remote == key.1)
    }

    /// The mask with which something was last registered in an epoll before a time.
    fn mask(&self, thing: Thing, before: u64) -> Option<u32> {
        let last = self.registration(thing, before)?;
        if let More::Ctl { mask, .. } = last.more { Some(mask) } else { None }
    }

    fn registration(&self, thing: Thing, before: u64) -> Option<&'a Event> {
        let about = |event: &&Event| match (&event.more, thing) {
            (More::Ctl { target, remote, .. }, Thing::Connection(key)) => (*target, *remote) == key,
            (More::Ctl { local, remote: 0, .. }, Thing::Listener(port)) => *local == port,
            _ => false,
        };
        let last = self.observation.events.iter().rev().filter(|event| event.time < before).find(about);
        // Taken off again, it is waited for in some other way.
        last.filter(|event| !matches!(event.more, More::Ctl { op: 2, .. }))
    }

    /// Whether waits, reads and writes between two times may have gone unseen.
    fn gap(&self, from: u64, to: u64) -> bool {
        self.observation.events.iter().any(|event| event.what == What::Gap && from < event.time && event.time < to)
    }

    /// Rests at which everything slept.
    fn settled(&self) -> impl Iterator<Item = &'a Rest> {
        self.observation.rests.iter().filter(|rest| rest.settled)
    }

    /// The connection of a client's port, at a time.
    fn connection(&self, remote: u16, time: u64) -> Option<Key> {
        let before = |one: &&super::facts::Connection| {
            one.key.1 == remote && one.accepted.is_none_or(|(accepted, ..)| accepted <= time)
        };
        self.facts.connections.iter().rev().find(before).map(|one| one.key)
    }

    /// The thread that accepted a connection.
    fn acceptor(&self, key: Key) -> Option<u32> {
        let connection = self.facts.connections.iter().find(|one| one.key == key);
        connection.and_then(|one| one.accepted).map(|(_, _, tid)| tid)
    }

    /// Whether the client behind a port was left without an answer.
    fn unanswered(&self, remote: u16) -> bool {
        let clients = self.observation.phases.iter().flat_map(|phase| &phase.clients);
        clients.into_iter().any(|client| client.port == remote && client.asked > client.answered)
    }
}

/// Whether no accepted connection of a port is open: then no limit keeps the server from accepting.
fn unburdened(rest: &Rest, port: u16) -> bool {
    const OPEN: [u8; 2] = [1, 8];
    !rest.sockets.iter().any(|socket| socket.local == port && socket.inode != 0 && OPEN.contains(&socket.state))
}

/// Whether a thread sleeps in a wait for several descriptors.
fn in_wait(rest: &Rest, tid: u32) -> bool {
    let task = rest.tasks.iter().find(|task| task.tid == tid);
    task.and_then(|task| task.call).and_then(|(call, _)| Class::of(call)).is_some_and(Class::waits)
}

/// An event in a line.
fn describe(event: &Event) -> String {
    let result = match event.result {
        result if result < 0 => nix::errno::Errno::from_raw(i32::try_from(-result).unwrap_or(0)).to_string(),
        result => result.to_string(),
    };
    let name = match event.what {
        What::Call => calls::name(event.call),
        What::Submit => format!("ring submits operation {}", event.call),
        What::Complete => format!("ring completes operation {}", event.call),
        What::Birth => return format!("created task {} of process {}", event.result, event.fd),
        What::Death => return "ended".to_owned(),
        What::Gap => return "waits, reads and writes go unseen here".to_owned(),
    };
    let mut text = match &event.more {
        More::Ctl { op, fd, mask, .. } => {
            let op = ["", "ADD", "DEL", "MOD"].get(*op as usize).copied().unwrap_or("?");
            format!("{name}({}, {op}, {fd}, {}) = {result}", event.fd, super::model::mask_words(*mask))
        }
        More::Ready(ready) => {
            let ready: Vec<String> = ready
                .iter()
                .take(4)
                .map(|(mask, data)| format!("{} data {data:#x}", super::model::mask_words(*mask)))
                .collect();
            format!("{name}({}) = {result} [{}]", event.fd, ready.join(", "))
        }
        More::Poll(_) | More::Select(_) => format!("{name} = {result}"),
        More::None => match super::facts::asked(event) {
            Some(asked) => format!("{name}({}, {asked} bytes) = {result}", event.fd),
            None => format!("{name}({}) = {result}", event.fd),
        },
    };
    if event.remote != 0 {
        let _ = write!(text, " [client {}]", event.remote);
    }
    if event.left > 0 {
        let _ = write!(text, ", {} left in the queue", event.left);
    }
    if event.slept > 0 && event.entered != 0 {
        let _ = write!(text, ", slept {} µs", event.took() / 1000);
    }
    text
}
