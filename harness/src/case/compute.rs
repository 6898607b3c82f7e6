//! Tasks that compute instead of waiting, and how much they have computed.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

/// A thread computes, without any system call, until all steps have been made.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compute {
    /// The only processor on which it may run.
    #[serde(default)]
    pub on_processor: Option<Number>,
    /// Name of the result, whose `ret` is how many rounds it has made.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// The time that an actor has had a processor, as the kernel has noted it (`/proc/PID/task/TID/schedstat`).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CpuTime {
    /// The actor.
    pub of: String,
    /// Name of the result, whose `ret` is the time in nanoseconds: exact while it is off the processor.
    #[serde(rename = "as")]
    pub name: String,
}
