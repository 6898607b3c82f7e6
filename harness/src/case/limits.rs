//! What a process may have: the limit of descriptors, and the right to raise it.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

/// `setrlimit` of the script's own process.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The soft limit of `RLIMIT_NOFILE`: one more than the largest number that a new descriptor can get.
    pub nofile: Number,
    /// The hard one, up to which the soft one can be raised; without it, it stays.
    #[serde(default)]
    pub hard: Option<Number>,
    /// Name of the result `{ret, errno}`.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// Duplicates of a descriptor, until no more are given.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DupUntilRefused {
    /// Of which.
    pub of: String,
    /// Name of the result: `ret` is the largest number that was given, `errno` why there were no more.
    #[serde(rename = "as")]
    pub name: String,
}

/// `dup2`, to see what comes of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dup2 {
    /// Of which.
    pub of: String,
    /// The number asked for, which nobody may have.
    pub number: Number,
    /// Name of the result `{ret, errno}`. The duplicate is closed again.
    #[serde(rename = "as")]
    pub name: String,
}

/// A capability, by the manual's name without its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Capability {
    /// Raise hard limits, among other things.
    SysResource,
}

/// Whose limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhoseLimits {
    /// The process that makes the script's calls and drives the clients.
    Client,
    /// The server's first process.
    Server,
    /// The first process of the machine.
    Init,
    /// The kernel's own task, from which all others descend: what the kernel was built with.
    Kernel,
}
