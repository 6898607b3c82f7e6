//! A recording becomes a verdict: pure, without a clock, a process or a privilege.
//!
//! For each run all measures are taken in one pass ([`measure`]), with events that this kernel does not report derived from
//! those that it does ([`derive`]). Predicates are evaluated over them, once for each point of the sweep ([`finding`]), and
//! become claims, expectations and a control. What cannot be said is a [`Gap`] with its reason, never a yes or a no.

mod claim;
mod control;
mod evidence;
mod explain;
mod finding;
mod fit;
mod gap;
mod measure;
mod outcome;
mod predicate;
mod runs;
mod tables;
mod value;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::case::{Case, ClaimVerdict, Difference, Grade};
use crate::load::LoadedCase;
use crate::recording::{Half, Landmarks, Recording};
use crate::verdict::Verdict;

use finding::Findings;
use gap::Gap;
use outcome::Problems;
use predicate::Predicates;
use runs::{Runs, Scored, Taken};

/// What holds for a whole recording.
struct Facts {
    /// The kernel's version as a number that compares.
    kernel: i64,
    grade: Grade,
    landmarks: Landmarks,
}

/// What is expected on this kernel, where `differs` says that it is something else.
#[derive(Default)]
struct Expected<'a> {
    /// Expectations that must fail, with the reason.
    fails: IndexMap<&'a str, &'a str>,
    /// Claims with another verdict, with the reason.
    verdicts: IndexMap<&'a str, (ClaimVerdict, &'a str)>,
}

/// Judges a recording of a case.
pub fn judge(loaded: &LoadedCase, recording: &Recording) -> Verdict {
    let case = loaded.case();
    let head = &recording.head;
    let facts = Facts {
        kernel: predicate::version(&head.kernel.release),
        grade: head.grade,
        landmarks: head.landmarks.clone(),
    };
    let mut problems = Problems::default();
    let runs = Runs::read(loaded, recording, &mut problems);
    let predicates = Predicates::default();
    let expected = Expected::here(case, &predicates, &facts, &mut problems);
    let findings = Findings { runs: &runs, predicates: &predicates, facts: &facts };
    let claims = claim::claims(case, &expected, &findings, &mut problems);
    let expectations = finding::expectations(case, &expected, &findings, &mut problems);
    let control = control::control(case, &expected, &findings, &mut problems);
    let (outcome, reason) = problems.outcome();
    Verdict {
        case: head.case.clone(),
        title: case.title.clone(),
        kernel: head.kernel.clone(),
        outcome,
        reason,
        grade: strongest(case, &findings),
        claims,
        expectations,
        control,
        tables: tables::tables(case, &findings),
        again: Vec::new(),
        millis: recording.runs.iter().map(|run| run.head.millis).sum(),
    }
}

impl<'a> Expected<'a> {
    fn here(case: &'a Case, predicates: &Predicates, facts: &Facts, problems: &mut Problems) -> Self {
        let mut expected = Self::default();
        for Difference { when, because, fails, verdicts } in &case.differs {
            match predicates.applies(when, facts) {
                Ok(false) => {}
                Ok(true) => {
                    expected.fails.extend(fails.iter().map(|name| (name.as_str(), because.as_str())));
                    expected
                        .verdicts
                        .extend(verdicts.iter().map(|(claim, verdict)| (claim.as_str(), (*verdict, because.as_str()))));
                }
                Err(gap) => problems.broken(format!("a `differs` entry cannot be evaluated: {}", gap.why())),
            }
        }
        expected
    }
}

/// The runs of a recording, by their places, in which a predicate asks for what was lost: made again, they may show it.
pub fn lossy(loaded: &LoadedCase, recording: &Recording) -> BTreeSet<usize> {
    let runs = Runs::read(loaded, recording, &mut Problems::default());
    let predicates = Predicates::default();
    let sources = sources(loaded.case());
    let lost = |run: &&runs::Scored| {
        let mut taken = sources.iter().flat_map(|source| predicates.measures(source, run));
        taken.any(|(_, taken)| matches!(taken.value, Err(Gap::Lost(_))))
    };
    [Half::Subject, Half::Control]
        .into_iter()
        .flat_map(|half| runs.of(half))
        .filter(lost)
        .map(|run| run.place)
        .collect()
}

/// All predicates of a case.
fn sources(case: &Case) -> BTreeSet<&String> {
    let claims = case.claims.iter().flat_map(|claim| [&claim.literal, &claim.repaired]).flatten();
    claims.chain(case.expect.values()).collect()
}

/// The strongest evidence that any predicate of the subject used.
fn strongest(case: &Case, findings: &Findings<'_>) -> Grade {
    let sources = sources(case);
    let grades = findings.runs.subject().flat_map(|run| {
        let taken = sources.iter().flat_map(|source| findings.predicates.measures(source, run));
        taken.filter(|(_, taken)| taken.value.is_ok()).map(|(_, taken)| taken.grade)
    });
    grades.max().unwrap_or(Grade::Surface)
}
