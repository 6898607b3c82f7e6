//! What runs have found of a claim: one entry for each kernel.
use std::collections::BTreeSet;

use serde::Serialize;

use super::Entry;
use crate::case::{ClaimVerdict, Grade};
use crate::render::Results;
use crate::verdict::{ClaimResult, Evidence, Outcome, Verdict};

/// What one run on one kernel has found of one claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// The kernel's release.
    pub kernel: String,
    /// The strongest evidence that was used.
    pub grade: Grade,
    /// What became of the case.
    pub outcome: Outcome,
    /// What became of the claim; none if it was not decided.
    pub found: Option<ClaimVerdict>,
    /// Whether that is what must be found.
    pub expected: bool,
    /// Whether the sentence as it stands held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub literal: Option<bool>,
    /// Whether the corrected sentence held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired: Option<bool>,
    /// Whether the control came out otherwise, as it must.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discriminates: Option<bool>,
    /// Why it was not decided, or what was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The measures it rests on, as they were.
    pub evidence: Vec<Evidence>,
    /// Which of the results at hand it is from: its events are in that one's exhibits.
    #[serde(skip)]
    pub(super) place: usize,
}

/// What these results say of a claim.
pub(super) fn seen(results: &[Results], entry: Entry<'_>) -> Vec<Seen> {
    results.iter().enumerate().filter_map(|(place, results)| one(place, results, entry)).collect()
}

fn one(place: usize, results: &Results, entry: Entry<'_>) -> Option<Seen> {
    let verdict = results.verdicts.iter().find(|verdict| verdict.case == entry.case.id)?;
    let claim = verdict.claims.iter().find(|claim| claim.id == entry.claim.id);
    Some(Seen {
        kernel: results.kernel.release.clone(),
        grade: verdict.grade,
        outcome: verdict.outcome,
        found: claim.and_then(|claim| claim.found),
        expected: claim.is_some_and(|claim| claim.found == Some(claim.expected)),
        literal: claim.and_then(|claim| claim.literal),
        repaired: claim.and_then(|claim| claim.repaired),
        discriminates: verdict.control.discriminates,
        reason: reason(verdict, claim),
        evidence: claim.map_or_else(Vec::new, |claim| once(&claim.evidence)),
        place,
    })
}

fn reason(verdict: &Verdict, claim: Option<&ClaimResult>) -> Option<String> {
    claim
        .and_then(|claim| claim.undecided.clone())
        .or_else(|| verdict.reason.clone().filter(|_| verdict.outcome != Outcome::Pass))
}

/// The first value of each measure in each run.
fn once(evidence: &[Evidence]) -> Vec<Evidence> {
    let mut shown = BTreeSet::new();
    evidence.iter().filter(|evidence| shown.insert((&evidence.measure, evidence.run))).cloned().collect()
}
