//! What a script does with tasks and their memory, and how it compares them.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

/// Write a byte to each of some pages.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Touch {
    /// Of which memory.
    pub of: Pages,
    /// How many pages, from the first; of code it is one.
    #[serde(default = "super::step::one")]
    pub pages: Number,
}

/// Memory that two tasks can have.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pages {
    /// The pages of a buffer of the script.
    Buffer(String),
    /// A page of the script's own program, which every task of the script executes.
    Code,
}

/// Compare the page tables of two tasks, through `/proc/PID/pagemap`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pagemap {
    /// Of which memory.
    pub of: Pages,
    /// The actor that the script compares itself with; it must be in its call.
    pub with: String,
    /// Name of the result, whose `ret` is how many of the pages lie in the same frame of memory for both.
    #[serde(rename = "as")]
    pub name: String,
}

/// Compare the address spaces of two tasks, through `/proc/PID/maps`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maps {
    /// The actor that the script compares itself with, or the `server`.
    pub with: String,
    /// Name of the result, whose `ret` is how many mappings only one of the two has.
    #[serde(rename = "as")]
    pub name: String,
}

/// Two tasks on one processor hand a byte to and fro through pipes. Each has a word at the same address, and writes to
/// it before it hands the byte on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PingPong {
    /// What the two are to each other.
    pub between: Kinship,
    /// How often the byte goes to and fro.
    pub rounds: Number,
    /// Name of the result, whose `ret` is how often the first task found its word as it had left it.
    #[serde(rename = "as")]
    pub name: String,
}

/// What two tasks are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kinship {
    /// Parent and child, as `fork` makes them.
    Processes,
    /// Threads of one process.
    Threads,
    /// Two processes with one address space (`CLONE_VM` without `CLONE_THREAD`).
    SharingMemory,
}
