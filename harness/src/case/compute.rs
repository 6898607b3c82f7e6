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

/// The time that an actor has had a processor, up to now if it has one (its CPU clock: `clock_gettime(2)`).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CpuTime {
    /// The actor.
    pub of: String,
    /// Name of the result, whose `ret` is the time in nanoseconds.
    #[serde(rename = "as")]
    pub name: String,
}
