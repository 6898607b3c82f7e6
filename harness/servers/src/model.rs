//! The names of the I/O models and of the deliberate mistakes.

use std::fmt;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An I/O model: who waits for what, and what unit serves a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Model {
    /// One client at a time, with blocking calls
    Blocking,
    /// A process for each connection
    Fork,
    /// A process for each connection, collected by the kernel as the parent ignores SIGCHLD
    ForkAutoreap,
    /// A thread for each connection
    Thread,
    /// A fixed number of threads that take connections from one locked queue
    Pool,
    /// A pool whose threads are made when connections need them
    PoolLazy,
    /// A pool with a queue for each of its threads
    PoolEach,
    /// A pool with one queue that has no lock
    PoolLockFree,
    /// One loop around select
    Select,
    /// One loop around poll
    Poll,
    /// One loop around a level-triggered epoll
    EpollLt,
    /// One loop around an edge-triggered epoll
    EpollEt,
    /// One loop that asks every connection in turn and never sleeps
    Spin,
    /// Several processes, made before any client comes, that accept from one listener
    Prefork,
    /// Several threads that wait on one level-triggered epoll descriptor
    EpollShared,
    /// Several threads that wait on one epoll descriptor, where each report is delivered once
    EpollOneshot,
    /// Several threads with an epoll descriptor each, all of which watch one listener
    EpollEach,
    /// Several threads with an epoll descriptor and a listener each, all of them on one port
    Reuseport,
    /// One loop around an `io_uring`: system calls are submitted and complete later
    IoUring,
    /// One thread that runs the tasks of the tokio runtime
    Tokio,
}

/// A deliberate mistake: a server that does everything right but this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Defect {
    /// epoll-et: reads once per edge into at most 16 bytes and leaves the rest in the kernel
    NotDrained,
    /// epoll-et: drains connections that were left blocking, and sleeps in the read that finds nothing
    BlockingDescriptor,
    /// epoll-et: accepts one connection per edge of the listener and leaves the others in the queue
    AcceptOncePerEdge,
    /// epoll-lt: never reads, so every wait returns at once
    NeverReads,
    /// epoll-lt: takes a partial write for a whole one and loses the rest
    PartialWriteAsWhole,
    /// epoll-lt: acts on EPOLLIN alone, so EPOLLHUP and EPOLLERR are reported for ever
    IgnoresHangup,
    /// epoll-lt: duplicates each connection and closes one copy, so its end is reported for ever
    ClosesOneCopy,
    /// epoll-lt: makes its interest list anew for each wait of two events, so the first two always come first
    ListsAnew,
    /// fork: never waits for its children, so they stay as zombies
    NotReaped,
    /// fork: the parent keeps its copy of the connection, so the client never sees its end
    ParentKeepsConnection,
    /// fork: takes the −1 of a failed fork for a child, so the client is neither served nor refused
    ForkFailureAsChild,
    /// pool: looks at the queue and takes from it in two steps, so two workers can go to one connection
    RacyQueue,
    /// select: never puts every second connection into the set
    ForgetsDescriptor,
    /// select: passes the set that the kernel has overwritten
    ReusesSet,
    /// select: sets bits for descriptors of `FD_SETSIZE` and more, behind the end of the `fd_set`
    BeyondFdSetsize,
}

impl Model {
    /// Every model, in the order of the documentation.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Whether readiness is reported, so that how much to read is a choice.
    pub(crate) fn reads_when_ready(self) -> bool {
        matches!(self, Self::Select | Self::Poll | Self::Spin) || self.has_epoll()
    }

    pub(crate) fn has_epoll(self) -> bool {
        matches!(
            self,
            Self::EpollLt | Self::EpollEt | Self::EpollShared | Self::EpollOneshot | Self::EpollEach | Self::Reuseport
        )
    }

    /// Whether a fixed number of threads or processes serves the connections.
    pub(crate) fn has_workers(self) -> bool {
        matches!(
            self,
            Self::Pool
                | Self::PoolLazy
                | Self::PoolEach
                | Self::PoolLockFree
                | Self::Prefork
                | Self::EpollShared
                | Self::EpollOneshot
                | Self::EpollEach
                | Self::Reuseport
        )
    }
}

impl Defect {
    /// Every defect, grouped by model.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The model that has this mistake.
    pub fn model(self) -> Model {
        match self {
            Self::NotDrained | Self::BlockingDescriptor | Self::AcceptOncePerEdge => Model::EpollEt,
            Self::NeverReads
            | Self::PartialWriteAsWhole
            | Self::IgnoresHangup
            | Self::ClosesOneCopy
            | Self::ListsAnew => Model::EpollLt,
            Self::NotReaped | Self::ParentKeepsConnection | Self::ForkFailureAsChild => Model::Fork,
            Self::RacyQueue => Model::Pool,
            Self::ForgetsDescriptor | Self::ReusesSet | Self::BeyondFdSetsize => Model::Select,
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(self, f)
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(self, f)
    }
}

/// Writes the name as it stands on the command line and in YAML.
fn write_name(value: &impl ValueEnum, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.pad(value.to_possible_value().as_ref().map_or("", |value| value.get_name()))
}
