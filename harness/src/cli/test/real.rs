//! The runner that touches the kernel: plan, record, judge.
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::Evidence;
use super::runner::{Ran, Runner, Setting, verdict};
use crate::cli::doctor;
use crate::load::LoadedCase;
use crate::plan::{Capabilities, decide};
use crate::verdict::Outcome;

/// Runs cases on the running kernel.
#[derive(Debug)]
pub struct Real {
    setting: Setting,
}

impl Real {
    /// Attaches the probes that the kernel lets us attach.
    #[expect(clippy::unnecessary_wraps, reason = "attaching can fail")]
    pub fn new(_: Evidence) -> anyhow::Result<Self> {
        Ok(Self { setting: Setting { kernel: doctor::kernel(), have: Capabilities::surface() } })
    }
}

impl Runner for Real {
    fn setting(&self) -> &Setting {
        &self.setting
    }

    fn lacks(&self, case: &LoadedCase) -> Option<String> {
        decide(case, &self.setting.have).skip
    }

    fn run(&self, case: &LoadedCase, _: &Arc<AtomicBool>) -> Ran {
        let reason = "this build has no recorder".to_owned();
        Ran { verdict: verdict(case, &self.setting, Outcome::Broken, reason), recording: None }
    }
}
