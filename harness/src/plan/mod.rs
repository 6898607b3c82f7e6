//! From a case and what the kernel allows to the runs that are made, and what each must record. Pure.
mod capabilities;
mod decide;
mod defect;
pub mod derive;
mod landmarks;
mod picture;
mod rests;
mod stranger;
#[cfg(test)]
mod tests;
mod wants;

use std::sync::Arc;

pub use capabilities::Capabilities;
pub use decide::{Decision, decide};
pub use defect::{Fit, fit, put_in};
pub use landmarks::{Named, named};
pub use rests::rests_on;
pub use stranger::{Exchange, Stranger, serve_with};
pub use wants::{CounterWant, Wants};

use wakeproof_servers::Defect;

use crate::case::{Case, Step, WatchStep, WatchTarget};
use crate::load::{LoadedCase, Point};
use crate::recording::Half;

/// Everything that is to be done for one case.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The case's id.
    pub id: String,
    /// The case file.
    pub text: Arc<str>,
    /// The runs, in order; none if the case is skipped.
    pub runs: Vec<RunPlan>,
    /// What cannot be decided, and why.
    pub decision: Decision,
    /// What of the kernel the case names.
    pub landmarks: Named,
    /// The mistake that was put into the server of the case itself.
    pub defect: Option<Defect>,
}

/// One run.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// Subject or control.
    pub half: Half,
    /// The values of all parameters in this run.
    pub point: Point,
    /// The case, parameters put in; a control's steps and server stand in place of the case's.
    pub case: Case,
    /// The server that is started in the place of the case's own.
    pub stranger: Option<Stranger>,
    /// What must be recorded.
    pub wants: Wants,
}

/// Plans the runs of a case: the subject at each point of the sweep, then the control, at points that differ only once.
pub fn plan(loaded: &LoadedCase, have: &Capabilities) -> Plan {
    let decision = decide(loaded, have);
    let mut runs: Vec<RunPlan> = Vec::new();
    for &half in loaded.halves() {
        for point in loaded.points() {
            let values = loaded.values(half, &point);
            let again = runs.iter().any(|run| run.half == half && run.point == values);
            if decision.skip.is_some() || again {
                continue;
            }
            // a loaded case resolves at each of its points
            let Ok(mut case) = loaded.resolve(half, &point) else { continue };
            let wants = Wants::of(&case, have);
            watch_ready_lists(&mut case, &wants);
            runs.push(RunPlan { half, point: values, case, stranger: None, wants });
        }
    }
    let landmarks = named(loaded.case());
    Plan { id: loaded.id.clone(), text: loaded.text.clone(), runs, decision, landmarks, defect: None }
}

/// Puts a `watch` step behind each `epoll_create` whose ready list must be watched for `ep_poll_callback` to be seen.
fn watch_ready_lists(case: &mut Case, wants: &Wants) {
    let mut steps = Vec::with_capacity(case.steps.len());
    for step in std::mem::take(&mut case.steps) {
        let epoll = match &step {
            Step::EpollCreate(epoll) if wants.ready_lists.contains(&epoll.name) => Some(epoll.name.clone()),
            _ => None,
        };
        steps.push(step);
        if let Some(epoll) = epoll {
            let name = format!("ready list of {epoll}");
            steps.push(Step::Watch(WatchStep { name, word: WatchTarget::ReadyList(epoll) }));
        }
    }
    case.steps = steps;
}
