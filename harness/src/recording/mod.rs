//! What one run saw, complete enough to be judged again without the kernel.
//!
//! A recording holds every run of one case on one kernel: the subject and its control, once for each point of the sweep.
//! As a file it is JSON Lines: a [`Head`], then for each run a [`RunHead`] with `events` lines of [`Event`] behind it.
mod file;
mod landmarks;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wakeproof_servers::Defect;

pub use file::{FileError, open, read, save, write};
pub use landmarks::{Landmarks, Presence};

use crate::case::{EventName, Grade, Probe, Value};

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
    /// How often the ring had no room.
    pub lost: u64,
    /// How many records arrived.
    pub delivered: u64,
}

/// One event. `pid` and `tid` are the task that ran: in the receive path of loopback that is the sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub time: u64,
    /// What happened.
    pub name: EventName,
    /// How it was seen, if not by the probe of that name itself: `stack` or `watchpoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Process of the running task.
    pub pid: u32,
    /// The running task.
    pub tid: u32,
    /// What that process is there for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// The processor.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cpu: u16,
    /// On whose behalf the processor ran.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: Context,
    /// The kernel object it is about, as an address (0: none).
    #[serde(default, skip_serializing_if = "is_default")]
    pub object: u64,
    /// A second kernel object (for `ep_poll_callback` the eventpoll).
    #[serde(default, skip_serializing_if = "is_default")]
    pub peer: u64,
    /// The return value, length, tid or descriptor: see [`crate::matching::field`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub value: i64,
    /// Mask, descriptor, state, error code: as `value`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub detail: u32,
    /// Port on this end of the connection it is about, or 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub local: u16,
    /// Port on the far end, or 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub remote: u16,
    /// The system call's number, or the watch's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub call: u16,
    /// What some events carry beside.
    #[serde(default, skip_serializing_if = "Extra::is_none")]
    pub extra: Extra,
    /// Place in the run's `stacks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<u32>,
}

/// On whose behalf a processor runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Context {
    /// A task's, in user space or in a system call.
    #[default]
    Task,
    /// The soft interrupt of this number is being served.
    Softirq(u8),
    /// The handler of a hard interrupt runs.
    Hardirq,
}

impl Context {
    /// `task`, `hardirq`, or the soft interrupt's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Softirq(number) => softirq_name(number.into()),
            Self::Hardirq => "hardirq",
        }
    }
}

/// The name of a soft interrupt (include/linux/interrupt.h, 5.10 to 7.3).
pub fn softirq_name(number: i64) -> &'static str {
    const NAMES: [&str; 10] =
        ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"];
    usize::try_from(number).ok().and_then(|number| NAMES.get(number)).copied().unwrap_or("unknown")
}

/// Another way in which an event was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The function stood on the kernel stack of another event.
    Stack,
    /// The function wrote a watched word.
    Watchpoint,
}

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Drives clients or runs the script.
    Client,
    /// The server under test.
    Server,
}

/// What some events carry beside the fixed fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// Nothing.
    #[default]
    None,
    /// `epoll_wait`: the reported (mask, data) pairs, the first sixteen.
    Pairs(Vec<(u32, u64)>),
    /// `poll`: descriptor, asked and found, the first entries.
    PollFds(Vec<(i32, i16, i16)>),
    /// `select`: the descriptors in the read set after the call.
    Set(Vec<u32>),
    /// Where the data of a packet lies: its buffer, how far in it begins, and how many bytes there are.
    Packet {
        /// `skb->head`.
        head: u64,
        /// `skb->data - skb->head`.
        headroom: u32,
        /// `skb->len`.
        bytes: u32,
    },
    /// `epoll_ctl`.
    Ctl {
        /// 1 add, 2 delete, 3 modify.
        op: u32,
        /// The target descriptor.
        fd: u32,
        /// The mask.
        mask: u32,
        /// The user's data.
        data: u64,
        /// Ports of the target, or 0.
        local: u16,
        /// See `local`.
        remote: u16,
        /// The target's `sock`, or file.
        target: u64,
    },
}

impl Extra {
    /// Whether there is nothing.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
