//! System calls that a script makes itself. One without a name for its result (`as`) must succeed.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

/// Names for two ends.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TwoEnds {
    /// Their names; with `times`, of all the first and all the second ends.
    #[serde(rename = "as")]
    pub names: [String; 2],
    /// How many pairs.
    #[serde(default = "super::step::one")]
    pub times: Number,
}

/// Names for two ends that a network connects.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkPair {
    /// Their names; with `times`, of all the first and all the second ends.
    #[serde(rename = "as")]
    pub names: [String; 2],
    /// How many pairs.
    #[serde(default = "super::step::one")]
    pub times: Number,
    /// What connects them. Over `veth` the first end is in the second network namespace.
    #[serde(default)]
    pub over: Over,
}

/// A network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The loopback device: sender and receiver share a network namespace, and whoever sends also receives.
    #[default]
    Loopback,
    /// A pair of virtual Ethernet devices, made when it is needed first: one in the experiment's network namespace, the
    /// other in a second one.
    Veth,
}

/// A descriptor that is made of nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Its name.
    #[serde(rename = "as")]
    pub name: String,
}

/// A timer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timer {
    /// Its name.
    #[serde(rename = "as")]
    pub name: String,
    /// Nanoseconds until it expires, once; without it it never does.
    #[serde(default)]
    pub expires: Option<Number>,
}

/// A second descriptor; with several under one name, of each.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// Of which.
    pub of: String,
    /// Its name.
    #[serde(rename = "as")]
    pub name: String,
    /// Its number.
    #[serde(default)]
    pub number: Option<Number>,
}

/// A second open file of one file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reopen {
    /// A descriptor of the first.
    pub of: String,
    /// Its name.
    #[serde(rename = "as")]
    pub name: String,
}

/// `kcmp` of the script's own process with itself, or with the process of an actor.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kcmp {
    /// What is compared.
    pub what: Shared,
    /// For `file`: a descriptor of the script's process.
    #[serde(default)]
    pub one: Option<String>,
    /// For `file`: a descriptor of the other process, by its name in the script.
    #[serde(default)]
    pub other: Option<String>,
    /// An actor, whose process is the other one.
    #[serde(default)]
    pub with: Option<String>,
    /// Name of the result, whose `ret` is 0 if they are one and the same.
    #[serde(rename = "as")]
    pub name: String,
}

/// What two processes can share, by the words of `kcmp(2)` in small letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    /// An open file.
    File,
    /// The memory.
    Vm,
    /// The table of open files.
    Files,
    /// Working directory and root.
    Fs,
    /// The handlers of signals.
    Sighand,
}

/// `epoll_create1`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EpollCreate {
    /// Its name.
    #[serde(rename = "as")]
    pub name: String,
}

/// The bits of an epoll registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the manual's names")]
pub enum EpollFlag {
    In,
    Out,
    Pri,
    Rdhup,
    Et,
    Oneshot,
    Exclusive,
}

/// `epoll_ctl`: exactly one of `add`, `modify` and `delete`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EpollControl {
    /// The epoll descriptor.
    pub ep: String,
    /// `EPOLL_CTL_ADD` of this; of each, if the name stands for several.
    #[serde(default)]
    pub add: Option<String>,
    /// `EPOLL_CTL_MOD`.
    #[serde(default)]
    pub modify: Option<String>,
    /// `EPOLL_CTL_DEL`.
    #[serde(default)]
    pub delete: Option<String>,
    /// What to wait for.
    #[serde(default)]
    pub events: Vec<EpollFlag>,
    /// Where the kernel reads the event, instead of memory of the harness; then the name stands for one object.
    #[serde(default)]
    pub buffer: Option<String>,
    /// Name of the result `{ret, errno}`.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// `epoll_wait`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EpollWait {
    /// The epoll descriptor.
    pub ep: String,
    /// `maxevents`.
    #[serde(default = "eight")]
    pub max: Number,
    /// Milliseconds; without it the call may sleep until something happens.
    #[serde(default)]
    pub timeout: Option<Number>,
    /// Where the kernel writes the events, instead of memory of the harness.
    #[serde(default)]
    pub buffer: Option<String>,
    /// Name of the result `{ret, errno, ready}`.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

fn eight() -> Number {
    Number(8)
}

/// `pselect6`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectCall {
    /// Descriptors watched for reading.
    #[serde(default)]
    pub read: Vec<String>,
    /// Descriptors watched for writing.
    #[serde(default)]
    pub write: Vec<String>,
    /// Milliseconds; without it the call may sleep until something happens.
    #[serde(default)]
    pub timeout: Option<Number>,
    /// Memory for the read set, instead of memory of the harness.
    #[serde(default)]
    pub buffer: Option<String>,
    /// The read set is what the last call with this `buffer` left there, instead of a new one.
    #[serde(default)]
    pub reuse: bool,
    /// The set is a libc `fd_set` filled with `FD_SET`, which refuses descriptors it has no room for.
    #[serde(default)]
    pub libc: bool,
    /// Name of the result `{ret, errno, ready, refused}`.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// `poll`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PollCall {
    /// What is watched.
    pub fds: Vec<PollEntry>,
    /// Milliseconds; without it the call may sleep until something happens.
    #[serde(default)]
    pub timeout: Option<Number>,
    /// Memory for the array, instead of memory of the harness.
    #[serde(default)]
    pub buffer: Option<String>,
    /// Name of the result `{ret, errno, ready}`.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// One `pollfd`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PollEntry {
    /// The descriptor.
    pub fd: String,
    /// `POLLIN` and so on.
    #[serde(default)]
    pub events: Vec<EpollFlag>,
}

/// `read` or `write`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The descriptor; each, if the name stands for several.
    pub on: String,
    /// How many bytes.
    pub bytes: Number,
    /// Name of the result `{ret, errno}`.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// What has been done to a page before the kernel gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nothing: the first access faults.
    Untouched,
    /// It has been written to: no access faults.
    Written,
}

/// Anonymous memory.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Buffer {
    /// Its name.
    #[serde(rename = "as")]
    pub name: String,
    /// What has been done to it.
    pub state: Access,
    /// The byte that stands everywhere in it before a call puts its input there; also in the answers of `poll`.
    #[serde(default)]
    pub fill: Option<Fill>,
}

/// A byte, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Fill(pub u8);

/// `IORING_OP_POLL_ADD`, completed through the shared ring.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IoRing {
    /// The descriptor that is polled for reading.
    pub on: String,
    /// The ring, made when its name comes first; the memory with its completions can be referred to as a buffer.
    pub ring: String,
    /// Name of the result `{ret, errno}`; `ret` is the completion's.
    #[serde(rename = "as")]
    pub name: String,
}
