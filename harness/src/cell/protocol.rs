//! What the harness and the cell say to each other: one JSON object a line, over the cell's standard input and output.
//!
//! The cell is the process in namespaces of its own that starts the server and makes the steps; the harness watches from
//! outside and answers what the cell cannot know. The cell speaks first, and waits for an answer to everything it says.
use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::case::{EventName, Filter, Server, Step, Whose, WhoseLimits};
use crate::plan::Stranger;
use crate::recording::{BufferRange, CallResult, End, Named, ServerRun};

/// How many clients there is room for, by the name that the case gives it: measured once, so that all its runs are alike.
pub type Rooms = IndexMap<String, serde_json::Value>;

/// The first line, from the harness: everything the cell needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Last argument of every fence of this run.
    pub token: u64,
    /// The server to start.
    pub server: Option<Server>,
    /// The server that is started in its place.
    pub stranger: Option<Stranger>,
    /// The steps to make, parameters put in.
    pub steps: Vec<Step>,
    /// Whether the harness sees events; without it an awaited event ends the run as broken.
    pub observed: bool,
    /// The `room` that an earlier run of the case has found, by name.
    pub rooms: Rooms,
    /// Deadline of one step, in milliseconds.
    pub step_millis: u64,
    /// Deadline for the server to announce its port, in milliseconds.
    pub start_millis: u64,
}

/// What the cell says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "say")]
pub enum Say {
    /// The namespaces are made and the cell has joined: answer [`Answer::Go`].
    Joined {
        /// How far it is shut off from the rest of the machine.
        isolation: Isolation,
    },
    /// The server sleeps and the `idle` mark is set: make unrelated traffic outside, then answer [`Answer::Go`].
    Idle,
    /// An event must be seen: answer [`Answer::Go`] once it has been, [`Answer::No`] if it was not in time.
    Await {
        /// Which event.
        of: EventName,
        /// Which of them.
        only: Filter,
        /// How many.
        times: u64,
        /// Only those later than this (`CLOCK_MONOTONIC`, nanoseconds).
        since: u64,
        /// What is known of names so far.
        names: IndexMap<String, Vec<Named>>,
        /// Actors so far, in the order of their numbers.
        actors: Vec<String>,
    },
    /// A word must be watched: answer [`Answer::Go`] or [`Answer::No`].
    Watch {
        /// What measures call it.
        name: String,
        /// Where it is.
        word: Word,
    },
    /// The state of a kernel object must be read: answer [`Answer::Go`] or [`Answer::No`].
    Inspect {
        /// What predicates call it.
        name: String,
        /// Which object.
        object: Object,
        /// What is known of names so far.
        names: IndexMap<String, Vec<Named>>,
    },
    /// The run is over: no answer.
    Done(Box<Report>),
}

/// A word to watch, as the cell can tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The ready list of an eventpoll of the server: the only one, or the first.
    ServerReadyList,
    /// The ready list behind this epoll descriptor of the cell.
    ReadyList(i32),
    /// The wait queue of the socket behind this descriptor of the cell.
    WaitQueue(i32),
    /// The receive queue of the socket behind this descriptor of the cell.
    ReceiveQueue(i32),
    /// The receive queue of the server's end of this connection.
    ServerReceiveQueue {
        /// The client's port.
        client: u16,
        /// The server's port.
        server: u16,
    },
    /// An address in the cell's memory.
    Address(u64),
}

/// A kernel object, as the cell can tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// An eventpoll of the server: the only one, or the first.
    ServerEpoll,
    /// The eventpoll behind this epoll descriptor of the cell.
    Epoll(i32),
    /// The wait queue of a socket.
    WaitQueue(Socket),
    /// A TCP socket.
    Tcp(Socket),
    /// The table of connections, as far as they are in the network namespace of this socket.
    Established(Socket),
    /// A file, with its slot in the table.
    File(Socket),
    /// Every task of the server or of the client.
    Tasks(Whose),
    /// The open files of a process.
    Files(Whose),
    /// The queues of a socket.
    Queues(Socket),
    /// The limit of open files of a process.
    Limits(WhoseLimits),
    /// No object, but the layout of a structure.
    Layout(String),
}

/// A socket, or another file, as the cell can tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Socket {
    /// Behind this descriptor of the cell.
    Descriptor(i32),
    /// The server's end of this connection.
    Connection {
        /// The client's port.
        client: u16,
        /// The server's port.
        server: u16,
    },
    /// The one on which the server listens at this port.
    Listener(u16),
}

/// How far a cell is shut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// A network namespace of its own.
    pub network: bool,
    /// A process namespace of its own: all of it ends with the cell.
    pub processes: bool,
}

/// What the harness answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// Go on.
    Go,
    /// It was not to be had.
    No {
        /// What was seen instead, or the kernel's reason.
        why: String,
        /// `true` if time ran out, `false` if it could not be done at all.
        timeout: bool,
    },
}

/// What the cell knows at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub end: End,
    /// The server.
    pub server: Option<ServerRun>,
    /// Connections and objects.
    pub names: IndexMap<String, Vec<Named>>,
    /// Actors, in the order of their numbers.
    pub actors: Vec<String>,
    /// Marks in the order of their numbers, with the cell's own time (`CLOCK_MONOTONIC`, nanoseconds) of each.
    pub marks: Vec<(String, u64)>,
    /// Results.
    pub results: IndexMap<String, Vec<CallResult>>,
    /// What the cell itself has read of the machine.
    pub states: IndexMap<String, Vec<serde_json::Value>>,
    /// User buffers.
    pub buffers: BTreeMap<String, BufferRange>,
}
