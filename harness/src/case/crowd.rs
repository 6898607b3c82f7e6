//! Many clients at once: how many there is room for, that they come and are served, and what they cost.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

/// How many clients this machine has room for, and the limits that say so.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Room {
    /// Name of the result `{wanted, clients, bound, …}`.
    #[serde(rename = "as")]
    pub name: String,
    /// How many are wanted.
    pub clients: Number,
    /// How much memory each may cost at most, in kB: together they may take half of what is available.
    pub kilobytes: Number,
    /// How long it may take to make a process for each, in seconds: a very slow machine has room for fewer.
    #[serde(default = "ten")]
    pub seconds: Number,
    /// How many an emulated processor has room for: what it does in a second varies with everything beside it, and the
    /// same crowd is to come in every run.
    #[serde(default)]
    pub emulated: Option<Number>,
    /// How many clients this run is about, where a case tries several crowds up to `clients`: without room for twice as
    /// many the run is left out, since the largest crowd is then hardly larger.
    #[serde(default)]
    pub here: Option<Number>,
    /// With room for fewer the run is left out: it would show nothing.
    #[serde(default)]
    pub least: Option<Number>,
}

fn ten() -> Number {
    Number(10)
}

/// Clients come and stay; each sends a byte and waits for an answer before the next ones come. It ends with the first
/// that are not served: because the server ends their connections, because all its tasks sleep and a byte is still
/// unanswered, or because there is no room for them in the accept queue.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crowd {
    /// What the connections of those that are served are called; the others stay connected without a name.
    #[serde(rename = "as")]
    pub name: String,
    /// How many come.
    pub clients: Number,
    /// But no more than fit into this `room`.
    #[serde(default)]
    pub within: Option<String>,
    /// How many come at a time.
    #[serde(default = "some")]
    pub together: Number,
    /// Name of the result `{wanted, came, served, refused, waiting, stopped}`.
    pub result: String,
}

fn some() -> Number {
    Number(250)
}

/// What the server and its clients hold just now, as the kernel accounts for it in `/proc`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Name of the result: see `case::fields::RESOURCES` for its fields.
    #[serde(rename = "as")]
    pub name: String,
}

/// A limit on the server's processes. Nobody else has it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerLimit {
    /// What is limited.
    pub of: Limited,
    /// To how many.
    pub to: Number,
}

/// What can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// `RLIMIT_NOFILE`: descriptors of each process.
    Nofile,
    /// `RLIMIT_NPROC`: processes and threads of the user, who is one that has no others: the kernel exempts root.
    Nproc,
    /// `RLIMIT_AS`: address space of each process, in MB.
    AsMb,
}
