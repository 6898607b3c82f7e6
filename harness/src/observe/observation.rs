//! What was seen of a server: plain data, complete enough to be judged again elsewhere.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calls::Class;

/// Everything that was seen of one server under one load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The command line, or what process it was.
    pub server: String,
    /// `uname -r`.
    pub kernel: String,
    /// The protocol of the load; none if the load was the user's.
    pub protocol: Option<String>,
    /// The port that the load was for.
    pub port: u16,
    /// What happened, in order of time.
    pub events: Vec<Event>,
    /// What the load did, in order of time.
    pub phases: Vec<Phase>,
    /// The server left alone, at the end of phases.
    pub rests: Vec<Rest>,
    /// How often each system call was made while requests came one after another, by name.
    pub made: BTreeMap<String, u64>,
    /// Records for which there was no room.
    pub lost: u64,
    /// For how long, in nanoseconds, the calls that a busy server makes for every request were left out, so that it is slowed
    /// down little.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unwatched: u64,
    /// What cannot be seen here, and why.
    pub blind: Vec<String>,
}

/// Something that a thread of the server did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `CLOCK_MONOTONIC`, nanoseconds; of a call, when it returned.
    pub time: u64,
    /// Its process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// What it is.
    pub what: What,
    /// The system call's number, or the ring's opcode.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub call: u16,
    /// The first argument: most often a descriptor.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fd: i32,
    /// The kernel object that it is about: a `sock`, an `eventpoll`, a file.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub object: u64,
    /// Of an accept, the listener.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub listener: u64,
    /// Its port on this side.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub local: u16,
    /// Its port on the client's side.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub remote: u16,
    /// Second to fifth argument.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub args: [u64; 4],
    /// What came back: a count, a descriptor, a negative errno; of a birth, the new thread.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub result: i64,
    /// When it was entered, or 0 if that was not seen.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub entered: u64,
    /// How often the thread slept in it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub slept: u32,
    /// Bytes left in the receive queue, or connections in the accept queue.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left: u32,
    /// The descriptor has `O_NONBLOCK`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nonblocking: bool,
    /// The socket listens.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub listens: bool,
    /// How often the same thread did the same with the same result again, with nothing else between but calls that
    /// found nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub again: u32,
    /// What some calls carry beside.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: More,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A system call returned.
    #[default]
    Call,
    /// A request was submitted to a ring.
    Submit,
    /// A request of a ring completed.
    Complete,
    /// A thread or, with `fd` set to its process, a process was created.
    Birth,
    /// A thread ended.
    Death,
    /// From here on frequent calls are not recorded, or up to here they were not: see [`Observation::unwatched`].
    Gap,
}

/// What some calls carry beside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum More {
    /// Nothing.
    #[default]
    None,
    /// `epoll_wait`: reported masks with the user's data.
    Ready(Vec<(u32, u64)>),
    /// `poll`: descriptor, asked, found.
    Poll(Vec<(i32, i16, i16)>),
    /// `select`: the descriptors of both sets, as they were handed over.
    Select(Vec<i32>),
    /// `epoll_ctl`.
    Ctl {
        /// 1 add, 2 delete, 3 modify.
        op: u32,
        /// The target's descriptor.
        fd: i32,
        /// What is asked for.
        mask: u32,
        /// The user's data.
        data: u64,
        /// The target's `sock`, or its file.
        target: u64,
        /// The target's ports.
        local: u16,
        /// See `local`.
        remote: u16,
    },
}

impl Event {
    /// What sort of call it is; none if it is no call.
    pub fn class(&self) -> Option<Class> {
        (self.what == What::Call).then(|| Class::of(self.call)).flatten()
    }

    /// How long the call took, in nanoseconds.
    pub fn took(&self) -> u64 {
        if self.entered == 0 { 0 } else { self.time.saturating_sub(self.entered) }
    }
}

/// One phase of the load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// When it began.
    pub start: u64,
    /// When it was over, its rest included.
    pub end: u64,
    /// What the clients saw.
    pub clients: Vec<Client>,
}

/// What one client saw in one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its port.
    pub port: u16,
    /// Requests sent in this phase.
    pub asked: u32,
    /// Replies that came in this phase.
    pub answered: u32,
    /// Bytes that were expected and never came.
    pub missing: u64,
    /// The server ended the connection.
    pub ended: bool,
    /// When its request was on its way at the latest (`CLOCK_MONOTONIC`, nanoseconds), or 0 if that is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent: u64,
}

/// The server left alone: what each task sleeps in, and what lies in the queues.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    /// The phase at whose end it was.
    pub phase: String,
    /// When.
    pub time: u64,
    /// Every task slept, twice in a row without a switch between.
    pub settled: bool,
    /// The tasks.
    pub tasks: Vec<Task>,
    /// The server's TCP sockets.
    pub sockets: Vec<Socket>,
    /// Descriptors of sockets of any kind.
    pub descriptors: Vec<Descriptor>,
    /// What epoll descriptors watch.
    pub watched: Vec<Watched>,
    /// Children that have ended and were not collected.
    pub zombies: Vec<u32>,
}

/// A thread of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its process.
    pub pid: u32,
    /// Itself.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// Its state: `S`, `R`, …
    pub state: char,
    /// The system call it is in, with its arguments.
    pub call: Option<(u16, [u64; 6])>,
}

/// A TCP socket, from `/proc/PID/net/tcp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// Port on this side.
    pub local: u16,
    /// Port on the far side.
    pub remote: u16,
    /// `TCP_ESTABLISHED` is 1, `TCP_CLOSE_WAIT` 8, `TCP_LISTEN` 10.
    pub state: u8,
    /// Bytes to read, or of a listener connections to accept.
    pub waiting: u32,
    /// Its inode, or 0 if no process has it open.
    pub inode: u64,
}

/// A descriptor of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Who has it.
    pub pid: u32,
    /// Its number.
    pub fd: i32,
    /// The socket.
    pub inode: u64,
}

/// A registration, from `/proc/PID/fdinfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Who has the epoll descriptor.
    pub pid: u32,
    /// The epoll descriptor.
    pub epfd: i32,
    /// The target's number when it was registered.
    pub fd: i32,
    /// The mask.
    pub mask: u32,
    /// The user's data.
    pub data: u64,
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
