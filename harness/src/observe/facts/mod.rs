//! What each thread and each connection did: one fold over the events, in order of time. Nothing is judged here.
mod fold;

pub(crate) use fold::asked;

use std::collections::{BTreeMap, BTreeSet};

use super::observation::{Observation, Rest};

/// A connection, by its `sock` and the client's port: a `sock` can be used again, but not for the same client.
pub type Key = (u64, u16);

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// All sockets that listen on this port.
    Listener(u16),
    /// A connection.
    Connection(Key),
}

/// What let an accept or a read go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// The call itself slept.
    Call,
    /// A wait call on an epoll reported it; the mask it was registered with.
    Epoll(u32),
    /// `poll` reported it.
    Poll,
    /// `select` reported it.
    Select,
    /// A ring did it: the operation itself was submitted.
    Ring,
    /// A ring reported that it was ready.
    RingPoll,
    /// Nothing: it was simply tried.
    Tried,
}

/// How often each gate let something go on.
pub type Gates = BTreeMap<Gate, u32>;

/// Everything that follows from the events.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Ports on which the server listens.
    pub ports: BTreeSet<u16>,
    /// What was waited for, and how.
    pub things: BTreeMap<Thing, Waited>,
    /// The connections, in order of their arrival.
    pub connections: Vec<Connection>,
    /// The threads that did something.
    pub threads: BTreeMap<u32, Thread>,
    /// Threads and processes that were created.
    pub births: Vec<Birth>,
    /// Processes that ran another program, and when.
    pub execs: BTreeMap<u32, u64>,
    /// The most threads that were seen asleep in a wait on one epoll descriptor at once.
    pub parked: u32,
    /// Threads that wait on an epoll for a listener, with their processes and the epoll.
    pub listeners_of: BTreeMap<u32, (u32, u64)>,
    /// Rings that were set up.
    pub rings: u32,
    /// Requests to rings, by operation: on sockets of the server, and in all.
    pub submitted: BTreeMap<u16, (u32, u32)>,
}

/// How a listener or a connection was waited for.
#[derive(Clone, Debug, Default)]
pub struct Waited {
    /// What let its calls go on.
    pub gates: Gates,
    /// Waits whose set it was in, by what they would be as gates.
    pub member: Gates,
    /// The most things of the server that stood in a set together with it, itself included.
    pub together: u32,
    /// The same by what it was waited for with.
    pub width: Gates,
    /// It stood in a set together with a listener, or is one.
    pub with_listener: bool,
    /// The masks it was registered with in an epoll, through which calls.
    pub masks: BTreeSet<u32>,
    /// A mask that only `/proc` shows: it was registered before we looked, or through a ring.
    pub unseen: bool,
    /// Calls that found nothing.
    pub empty: u32,
}

/// One connection.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Its `sock` and the client's port.
    pub key: Key,
    /// When, by which process and thread it was accepted; none if it was there before.
    pub accepted: Option<(u64, u32, u32)>,
    /// The first time that bytes were taken, or given to a client that has said nothing.
    pub first: u64,
    /// Threads that took or gave bytes, with their processes and how often.
    pub servers: BTreeMap<u32, (u32, u32)>,
    /// Reads that brought bytes; that brought less than was asked for; that found nothing.
    pub reads: (u32, u32, u32),
    /// A call on it was made while its file had no `O_NONBLOCK`.
    pub blocking: bool,
    /// When the last descriptor was closed, as far as was seen.
    pub closed: Option<u64>,
}

/// One thread.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// Its process.
    pub pid: u32,
    /// Its name, if it was looked at.
    pub name: String,
    /// Wait calls by name: those that reported something, those that reported nothing, those that slept.
    pub waits: BTreeMap<u16, (u32, u32, u32)>,
    /// The most things of the server that stood in a set it waited for.
    pub widest: u32,
    /// Connections accepted.
    pub accepts: u32,
    /// Accepts that found nothing.
    pub lost: u32,
    /// Connections of which it took or to which it gave bytes.
    pub served: BTreeSet<Key>,
    /// What it slept in when the server was left alone, by system call.
    pub sleeps: BTreeMap<u16, u32>,
}

/// A thread or process that was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth {
    /// When.
    pub time: u64,
    /// The creating process.
    pub parent: u32,
    /// The new process, which is `parent` for a thread.
    pub pid: u32,
    /// The new thread.
    pub tid: u32,
}

impl Birth {
    /// Whether it is a process.
    pub fn is_process(&self) -> bool {
        self.pid != self.parent
    }
}

/// The gate that let the most go on; those that were simply tried count only if there is no other.
pub fn most(gates: &Gates) -> Option<(Gate, u32)> {
    let by_count = |found: &(Gate, u32)| found.1;
    let all = || gates.iter().map(|(gate, count)| (*gate, *count));
    all().filter(|(gate, _)| *gate != Gate::Tried).max_by_key(by_count).or_else(|| all().max_by_key(by_count))
}

impl Facts {
    /// Folds an observation.
    pub fn of(observation: &Observation) -> Self {
        let mut facts = fold::fold(observation);
        for rest in &observation.rests {
            facts.look(rest);
        }
        facts
    }

    /// The listeners that were waited for or accepted from.
    pub fn listeners(&self) -> impl Iterator<Item = (&Thing, &Waited)> {
        self.things.iter().filter(|(thing, _)| matches!(thing, Thing::Listener(_)))
    }

    /// How a connection was waited for.
    pub fn waited(&self, key: Key) -> Option<&Waited> {
        self.things.get(&Thing::Connection(key))
    }

    fn look(&mut self, rest: &Rest) {
        use super::calls::Class;
        let mut asleep: BTreeMap<(u32, u64), u32> = BTreeMap::new();
        for task in &rest.tasks {
            let Some((call, args)) = task.call else { continue };
            if Class::of(call) == Some(Class::EpollWait) {
                *asleep.entry((task.pid, args[0])).or_default() += 1;
            }
            let thread = self.threads.entry(task.tid).or_default();
            thread.pid = task.pid;
            thread.name.clone_from(&task.name);
            *thread.sleeps.entry(call).or_default() += 1;
        }
        self.parked = self.parked.max(asleep.into_values().max().unwrap_or(0));
    }
}
