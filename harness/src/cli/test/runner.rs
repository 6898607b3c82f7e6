//! The seam between the command and what touches the kernel.
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wakeproof_servers::Defect;

use super::timings::Took;
use crate::load::LoadedCase;
use crate::plan::Capabilities;
use crate::record::Cancel;
use crate::recording::{Kernel, Recording};
use crate::render::Results;
use crate::verdict::{ControlResult, Outcome, Verdict};

/// What the running kernel allows.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Which kernel.
    pub kernel: Kernel,
    /// What can be seen there.
    pub have: Capabilities,
    /// The mistake that is put into the servers of the cases, if they are to fail.
    pub defect: Option<Defect>,
}

impl Setting {
    /// No results here yet.
    pub(super) fn results(&self) -> Results {
        let results = Results::new(self.kernel.clone(), self.have.grade, self.have.probes.clone());
        Results { blind: self.have.blind.clone(), defect: self.defect, ..results }
    }
}

/// What became of one case.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The verdict.
    pub verdict: Verdict,
    /// What it rests on; a case that did not run has none.
    pub recording: Option<Recording>,
    /// How long it took.
    pub took: Took,
}

/// Runs cases. The probes are attached once, for all of them.
pub trait Runner: Send + Sync {
    /// What the running kernel allows.
    fn setting(&self) -> &Setting;

    /// Why a case cannot run here, if it cannot: the capability that is missing, named.
    fn lacks(&self, case: &LoadedCase) -> Option<String>;

    /// Runs a case that can. Ends early, with what it has, once the suite is cancelled.
    fn run(&self, case: &LoadedCase) -> Ran;
}

/// Runs a case, or says why not; whatever goes wrong becomes a verdict.
pub(super) fn run_one(runner: &dyn Runner, case: &LoadedCase, cancel: &Cancel) -> Option<Ran> {
    let without = |outcome, reason| Ran {
        verdict: verdict(case, runner.setting(), outcome, reason),
        recording: None,
        took: Took::default(),
    };
    if let Some(reason) = runner.lacks(case) {
        return Some(without(Outcome::Skip, reason));
    }
    let ran = catch_unwind(AssertUnwindSafe(|| runner.run(case)))
        .unwrap_or_else(|panic| without(Outcome::Broken, format!("the harness panicked: {}", words(&*panic))));
    // A run that was cut short says nothing.
    (!cancel.is_cancelled() || ran.verdict.outcome == Outcome::Pass).then_some(ran)
}

/// The verdict on a case that was not judged.
pub(super) fn verdict(case: &LoadedCase, setting: &Setting, outcome: Outcome, reason: String) -> Verdict {
    Verdict {
        case: case.id.clone(),
        title: case.case().title.clone(),
        kernel: setting.kernel.clone(),
        outcome,
        reason: Some(reason),
        grade: setting.have.grade,
        claims: Vec::new(),
        expectations: Vec::new(),
        control: ControlResult { title: case.case().control.title.clone(), findings: Vec::new(), discriminates: None },
        tables: Vec::new(),
        again: Vec::new(),
        millis: 0,
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}
