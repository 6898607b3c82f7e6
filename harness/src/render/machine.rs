//! Where a run happened, beside what came out of it: `machine.json`, written by whoever started the run.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::matrix::Broken;

/// The version of the shape of [`Machine`]; a reader refuses others.
pub const MACHINE_VERSION: u32 = 1;

/// Where a run happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// [`MACHINE_VERSION`].
    pub version: u32,
    /// What the kernel is called, such as `6.12`; `host` for the running one.
    pub series: String,
    /// The package that it came in and its version, or the image's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// What went wrong, if there are no results, or not all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
}
