//! What one run saw, complete enough to be judged again without the kernel.
//!
//! A recording holds every run of one case on one kernel: the subject and its control, once for each point of the sweep.
//! As a file it is JSON Lines: a [`Head`], then for each run a [`RunHead`] with `events` lines of [`Event`] behind it.
mod event;
mod file;
mod landmarks;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wakeproof_servers::Defect;

pub use event::{By, Context, Event, Extra, Place, Via, softirq_name};
pub use file::{FileError, open, read, save, write, write_event};
pub use landmarks::{Landmarks, Presence};

use crate::case::{Grade, Probe, Value};

/// The version of the file's shape; a reader refuses others.
pub const VERSION: u32 = 1;

/// Everything that was seen of one case on one kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// What is common to all runs.
    pub head: Head,
    /// The runs, in the order in which they were made.
    pub runs: Vec<Run>,
}

/// What is common to all runs of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// [`VERSION`].
    pub version: u32,
    /// The case's id: its path below `cases/` without the extension.
    pub case: String,
    /// The case file, as it was run.
    pub source: String,
    /// Which kernel.
    pub kernel: Kernel,
    /// The evidence grade that could be had.
    pub grade: Grade,
    /// How each probe was attached.
    pub probes: Vec<ProbeReport>,
    /// What the kernel has of that which the case rests on.
    #[serde(default, skip_serializing_if = "Landmarks::is_empty")]
    pub landmarks: Landmarks,
    /// The mistake that was put into the server of the case itself, to see the case fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<Defect>,
}

/// Which kernel ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kernel {
    /// `uname -r`.
    pub release: String,
    /// `uname -v`.
    pub version: String,
    /// `uname -m`.
    pub machine: String,
}

/// How one probe was attached, and why the better candidates were not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeReport {
    /// The probe.
    pub probe: Probe,
    /// The candidate that won, such as `fentry tcp_v4_rcv`; none if all lost.
    pub won: Option<String>,
    /// The grade that it gives.
    pub grade: Option<Grade>,
    /// The candidates that lost, with the kernel's reason.
    pub lost: Vec<Loser>,
}

/// A candidate that could not be attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Loser {
    /// The candidate, such as `fentry tcp_v4_rcv`.
    pub candidate: String,
    /// Why not.
    pub reason: String,
}

/// Which half of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// The case itself.
    Subject,
    /// Its control.
    Control,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What is not events.
    pub head: RunHead,
    /// What happened, in order of time.
    pub events: Vec<Event>,
}

/// What one run saw beside events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    /// Subject or control.
    pub half: Half,
    /// The parameters' values in this run.
    pub point: BTreeMap<String, Value>,
    /// How it ended.
    pub end: End,
    /// The server, if there was one.
    pub server: Option<ServerRun>,
    /// Connections and objects of the script, by name; a name with several has several.
    pub names: IndexMap<String, Vec<Named>>,
    /// Threads of actors: tid to name.
    pub actors: BTreeMap<u32, String>,
    /// Points in time, in order. The window without load lies between `idle` and `start`; the last is `end`.
    pub marks: Vec<Mark>,
    /// Results of calls, by name, in order.
    pub results: IndexMap<String, Vec<CallResult>>,
    /// States of kernel objects, by name, in order: see `case::fields` for their fields.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub states: IndexMap<String, Vec<serde_json::Value>>,
    /// Eventpolls of the script, as addresses, by the number of their epoll descriptor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub eventpolls: BTreeMap<i32, u64>,
    /// Counted calls.
    pub counts: Vec<CountRow>,
    /// For each counted function of the plan, what was attached, or why nothing could be.
    pub counters: Vec<CounterReport>,
    /// Watches by their number.
    pub watches: Vec<String>,
    /// User buffers: name to address range.
    pub buffers: BTreeMap<String, BufferRange>,
    /// Events that the program fired, lost and delivered, by kind.
    pub accounts: Vec<Account>,
    /// Kernel stacks, innermost frame first, as function names; events refer to them by place.
    pub stacks: Vec<Vec<Arc<str>>>,
    /// What some events carry beside; they refer to it by place. In a file it stands with its event.
    #[serde(skip)]
    pub extras: Vec<Extra>,
    /// How many events follow.
    pub events: usize,
    /// Wall time of the run in milliseconds.
    pub millis: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum End {
    /// All steps were made.
    Complete,
    /// A step did not come to its end in time.
    Timeout {
        /// The step, as the case has it (`steps[2].repeat[1]: await epoll_wait`).
        step: String,
        /// What was waited for, and what was there instead.
        why: String,
    },
    /// The set-up went wrong: nothing can be said about the kernel.
    Broken {
        /// The phase or step.
        step: String,
        /// What was being done, what was expected, what was found.
        why: String,
    },
    /// The machine has no room for this point of the sweep; others are judged without it.
    LeftOut {
        /// What there is room for.
        why: String,
    },
}

impl End {
    /// Whether nothing went wrong.
    pub fn is_sound(&self) -> bool {
        matches!(self, Self::Complete | Self::LeftOut { .. })
    }
}

/// The server of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRun {
    /// The model's name.
    pub model: String,
    /// The port it listened on.
    pub port: u16,
    /// What it wrote to its standard error, shortened to 4 kB.
    pub stderr: String,
    /// How it ended: `None` if it still ran at the end and was ended by the harness.
    pub exit: Option<String>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Named {
    /// A client's connection to the server.
    Connection {
        /// The client's port.
        client: u16,
        /// The server's port.
        server: u16,
    },
    /// A descriptor of the script.
    Descriptor {
        /// Its number in the client process.
        fd: i32,
        /// Its own and its peer's port, if it is a TCP socket, else 0.
        local: u16,
        /// See `local`.
        remote: u16,
    },
}

/// A point in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// `idle`, `start`, `end`, or the name in the case.
    pub name: String,
    /// `CLOCK_MONOTONIC`, nanoseconds: the kernel's own time of the fence where it was seen, else the client's.
    pub time: u64,
    /// The counters' epoch that begins here.
    pub epoch: u32,
}

/// The result of one call of the script or of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallResult {
    /// What the call returned; -1 on failure.
    pub ret: i64,
    /// The errno's name on failure, such as `EBADF`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub errno: Option<String>,
    /// What a wait call reported: name of the object and the reported bits (`IN`, `HUP`, …).
    #[serde(default, skip_serializing_if = "is_default")]
    pub ready: Vec<Ready>,
    /// What the call could not even be asked (`FD_SET` beyond `FD_SETSIZE`), in words.
    #[serde(default, skip_serializing_if = "is_default")]
    pub refused: Option<String>,
    /// The stream had ended.
    #[serde(default, skip_serializing_if = "is_default")]
    pub eof: bool,
    /// How many replies were complete.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replies: u64,
    /// The actor that made it, if one did.
    #[serde(default, skip_serializing_if = "is_default")]
    pub actor: Option<String>,
    /// The bytes that it read, where the case asks for them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub data: Vec<u8>,
    /// The sockets that it listed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rows: Vec<SocketRow>,
    /// When it returned.
    #[serde(default, skip_serializing_if = "is_default")]
    pub time: u64,
}

/// One line of `/proc/net/tcp`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketRow {
    /// The state, by the kernel's name.
    pub state: String,
    /// The socket's own address.
    pub local_address: String,
    /// Its own port.
    pub local: u16,
    /// Its peer's address.
    pub remote_address: String,
    /// Its peer's port, or 0.
    pub remote: u16,
    /// Its inode's number, or 0.
    pub inode: u64,
}

/// One reported object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its name, with its place (`idle[3]`) if the name stands for several.
    pub name: String,
    /// The bits, by the manual's names without prefix.
    pub bits: Vec<String>,
}

/// How often a function was called, in one epoch, on one behalf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountRow {
    /// The function as the case names it (the first alternative).
    pub of: String,
    /// The epoch.
    pub epoch: u32,
    /// `server`, `client`, or none of ours (softirq on a foreign task).
    pub by: Option<String>,
    /// The object belongs to the experiment's network namespace.
    pub inside: bool,
    /// Ports of the socket it was about, or 0.
    pub local: u16,
    /// See `local`.
    pub remote: u16,
    /// The eventpoll it was about, as an address, or 0.
    #[serde(default)]
    pub eventpoll: u64,
    /// How often.
    pub calls: u64,
}

/// How one counter was attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterReport {
    /// The function as the case names it (the first alternative).
    pub of: String,
    /// What was attached, such as `fentry tcp_poll`.
    pub won: Option<String>,
    /// What was tried in vain.
    pub lost: Vec<Loser>,
    /// How many calls, of whomever, the kernel let pass without counting them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub missed: u64,
}

/// Memory that a call was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BufferRange {
    /// First address.
    pub start: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// What became of the events of one kind: `fired = delivered + lost`, or the run proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// The kind, by the kernel's name.
    pub kind: String,
    /// How often the program wanted to report.
    pub fired: u64,
    /// How often nothing came of that: the ring had no room, or the program was passed over.
    pub lost: u64,
    /// How many of the lost ones were passed over by the kernel, which runs no tracing program inside of itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub missed: u64,
    /// How many records arrived.
    pub delivered: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
