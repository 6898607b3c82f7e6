//! The runner that touches the kernel: plan, record, judge.
use std::collections::BTreeSet;
use std::sync::Mutex;

use wakeproof_servers::Defect;

use super::runner::{Ran, Runner, Setting};
use super::timings::{Took, timed};
use super::{Evidence, defect};
use crate::judge::{judge, lossy};
use crate::kernel;
use crate::load::LoadedCase;
use crate::plan::{Stranger, decide, plan, put_in, serve_with};
use crate::record::{Cancel, Deadlines, Probes, Recorder, Unobserved};
use crate::recording::{End, Recording, Run};
use crate::verdict::Outcome;

/// How often those runs of a case are made again that lost events.
const AGAIN: usize = 4;

/// Runs cases on the running kernel.
pub struct Real {
    setting: Setting,
    /// Takes the place of the cases' own servers.
    stranger: Option<Stranger>,
    /// The probes serve one run at a time.
    recorder: Mutex<Recorder>,
}

impl Real {
    /// Attaches the probes that the kernel lets us attach; says why there are none, if there are none.
    pub fn new(evidence: Evidence, deadlines: Deadlines, cancel: Cancel) -> (Self, Option<Unobserved>) {
        let attached = match evidence {
            Evidence::Surface => Err(None),
            Evidence::Auto => Probes::attach().map_err(Some),
        };
        let (probes, unobserved) = match attached {
            Ok(probes) => (Ok(probes), None),
            Err(None) => (Err("`--evidence surface` asks for no more".to_owned()), None),
            Err(Some(why)) => (Err(format!("{why}; {}", why.remedy())), Some(why)),
        };
        let recorder = Recorder::new(probes, deadlines, cancel);
        let setting = Setting { kernel: kernel::identity(), have: recorder.capabilities(), defect: None };
        (Self { setting, stranger: None, recorder: Mutex::new(recorder) }, unobserved)
    }

    /// Has the servers of all cases make a mistake.
    #[must_use]
    pub fn with_defect(mut self, defect: Option<Defect>) -> Self {
        self.setting.defect = defect;
        self
    }

    /// Has a user's server take the place of the cases' own.
    #[must_use]
    pub fn with_stranger(mut self, stranger: Stranger) -> Self {
        self.stranger = Some(stranger);
        self
    }
}

impl Runner for Real {
    fn setting(&self) -> &Setting {
        &self.setting
    }

    fn lacks(&self, case: &LoadedCase) -> Option<String> {
        let conflict = self.setting.defect.and_then(|defect| defect::conflict(case, defect));
        conflict.or_else(|| decide(case, &self.setting.have).skip)
    }

    fn run(&self, case: &LoadedCase) -> Ran {
        let mut plan = plan(case, &self.setting.have);
        if let Some(defect) = self.setting.defect {
            put_in(&mut plan, defect);
        }
        if let Some(stranger) = &self.stranger {
            serve_with(&mut plan, stranger);
        }
        // A panic in one case leaves nothing half done that the next would see: each run is armed anew.
        let mut recorder = self.recorder.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut took = Took::default();
        let mut again = Vec::new();
        let (mut recording, made) = timed(|| recorder.record(&plan));
        took.recording += made;
        loop {
            let (mut verdict, judged) = timed(|| judge(case, &recording));
            took.judging += judged;
            // Which events are lost has nothing to do with what they say.
            let lossy = match verdict.outcome {
                Outcome::Inconclusive => Some(lossy(case, &recording)),
                Outcome::Timeout => Some(waited_for_what_was_lost(&recording)).filter(|places| !places.is_empty()),
                _ => None,
            };
            if let Some(places) = lossy
                && again.len() < AGAIN
            {
                let why = verdict.reason.take().unwrap_or_default();
                tracing::warn!(case = case.id, why, "recorded again, as events were lost");
                again.push(why);
                let (made_again, made) = timed(|| recorder.record_again(&plan, recording, &places));
                recording = made_again;
                took.recording += made;
                continue;
            }
            verdict.again = again;
            return Ran { verdict, recording: Some(recording), took };
        }
    }
}

/// The runs that waited in vain while events were lost: the awaited one may be among them.
fn waited_for_what_was_lost(recording: &Recording) -> BTreeSet<usize> {
    let waited = |(_, run): &(usize, &Run)| {
        matches!(run.head.end, End::Timeout { .. }) && run.head.accounts.iter().any(|account| account.lost > 0)
    };
    recording.runs.iter().enumerate().filter(waited).map(|(place, _)| place).collect()
}
