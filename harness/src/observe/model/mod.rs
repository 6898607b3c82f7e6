//! From facts to the three axes of an I/O model. What does not follow from the facts is `unknown`.
mod gate;
mod unit;

pub use gate::mask_words;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::observation::Observation;

/// What lets an accept, or the reads of a connection, go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The call itself sleeps.
    Blocking,
    /// A level-triggered epoll.
    EpollLt,
    /// An edge-triggered epoll.
    EpollEt,
    /// An epoll that reports once and must be armed again.
    EpollOneshot,
    /// A level-triggered epoll that wakes one of several (`EPOLLEXCLUSIVE`).
    EpollExclusive,
    /// `poll` on several descriptors.
    Poll,
    /// `select` on several descriptors.
    Select,
    /// `poll` on this connection alone: a wait with a time limit.
    TimedWaitPoll,
    /// `select` on this connection alone.
    TimedWaitSelect,
    /// An epoll with this connection alone.
    TimedWaitEpoll,
    /// An `io_uring`, by completion: the operation itself was submitted.
    IoUring,
    /// An `io_uring`, by readiness: the ring says when, calls do it.
    IoUringPoll,
    /// Nothing: it is tried again and again.
    Spin,
    /// It does not follow from what was seen.
    Unknown,
}

/// What serves a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// One thread, one client at a time.
    Iterative,
    /// One thread for all clients.
    SingleLoop,
    /// Several threads, each a loop with its own connections.
    SeveralLoopsThreads,
    /// Several processes, each a loop with its own connections.
    SeveralLoopsProcesses,
    /// Several threads that wait on one epoll descriptor.
    SharedLoop,
    /// One accepts and hands over to loops of their own.
    DispatcherWorkers,
    /// One waits for all, and threads of a pool serve whatever is ready.
    ReactorPool,
    /// A process for each connection.
    ForkPerConnection,
    /// A process for each connection, which runs another program.
    ForkExecPerConnection,
    /// Processes that were made before, one connection each at a time.
    PreFork,
    /// A thread for each connection.
    ThreadPerConnection,
    /// Threads that were made before, one connection each at a time.
    ThreadPool,
    /// Tasks of a runtime, on whichever thread is free.
    MToN,
    /// It does not follow from what was seen.
    Unknown,
}

/// How sure an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// There is no answer.
    Unknown,
    /// Most of what was seen says so.
    Likely,
    /// All of what was seen says so.
    Certain,
}

/// One axis: the answer, how sure it is, and the facts that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Axis<T> {
    /// The answer.
    pub is: T,
    /// How sure it is.
    pub certainty: Certainty,
    /// The facts.
    pub because: Vec<String>,
}

/// The three axes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// What gates accept.
    pub accept: Axis<Gate>,
    /// What gates a connection.
    pub connection: Axis<Gate>,
    /// What unit serves it.
    pub unit: Axis<Unit>,
}

impl Model {
    /// What follows from the facts.
    pub fn of(observation: &Observation, facts: &Facts) -> Self {
        let accept = gate::accept(facts);
        let connection = gate::connection(facts);
        let mut unit = unit::unit(observation, facts, connection.is);
        if observation.unwatched > 0 {
            // Who else served a connection may have gone unseen.
            unit.certainty = unit.certainty.min(Certainty::Likely);
        }
        Self { accept, connection, unit }
    }
}

impl<T> Axis<T> {
    fn new(is: T, certainty: Certainty, because: Vec<String>) -> Self {
        Self { is, certainty, because }
    }

    /// An answer that so many of so many say.
    fn of_share(is: T, unknown: T, for_it: usize, all: usize, because: Vec<String>) -> Self {
        match () {
            () if all > 0 && for_it == all => Self::new(is, Certainty::Certain, because),
            () if for_it * 4 >= all * 3 && all > 0 => Self::new(is, Certainty::Likely, because),
            () => Self::new(unknown, Certainty::Unknown, because),
        }
    }
}

impl Gate {
    /// Whether one thread can wait for many connections by it.
    pub fn multiplexes(self) -> bool {
        !matches!(
            self,
            Self::Blocking | Self::TimedWaitPoll | Self::TimedWaitSelect | Self::TimedWaitEpoll | Self::Unknown
        )
    }
}

/// A name as it stands in files.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&word(self))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&word(self))
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&word(self))
    }
}
