//! The runner that touches the kernel: plan, record, judge.
use std::sync::Mutex;

use super::Evidence;
use super::runner::{Ran, Runner, Setting};
use crate::judge::judge;
use crate::kernel;
use crate::load::LoadedCase;
use crate::plan::{decide, plan};
use crate::record::{Cancel, Deadlines, Probes, Recorder, Unobserved};

/// Runs cases on the running kernel.
pub struct Real {
    setting: Setting,
    /// The probes serve one run at a time.
    recorder: Mutex<Recorder>,
}

impl Real {
    /// Attaches the probes that the kernel lets us attach; says why there are none, if there are none.
    pub fn new(evidence: Evidence, cancel: Cancel) -> (Self, Option<Unobserved>) {
        let (probes, unobserved) = match evidence {
            Evidence::Surface => (None, None),
            Evidence::Auto => match Probes::attach() {
                Ok(probes) => (Some(probes), None),
                Err(why) => (None, Some(why)),
            },
        };
        if let Some(why) = &unobserved {
            tracing::info!("evidence is surface: {why}");
        }
        let recorder = Recorder::new(probes, Deadlines::default(), cancel);
        let setting = Setting { kernel: kernel::identity(), have: recorder.capabilities() };
        (Self { setting, recorder: Mutex::new(recorder) }, unobserved)
    }
}

impl Runner for Real {
    fn setting(&self) -> &Setting {
        &self.setting
    }

    fn lacks(&self, case: &LoadedCase) -> Option<String> {
        decide(case, &self.setting.have).skip
    }

    fn run(&self, case: &LoadedCase) -> Ran {
        let plan = plan(case, &self.setting.have);
        // A panic in one case leaves nothing half done that the next would see: each run is armed anew.
        let mut recorder = self.recorder.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let recording = recorder.record(&plan);
        Ran { verdict: judge(case, &recording), recording: Some(recording) }
    }
}
