//! What runs have found of a claim, or of a case as a whole: one entry for each run.
use std::collections::BTreeSet;

use serde::Serialize;

use crate::case::{Claim, ClaimVerdict, Grade};
use crate::load::LoadedCase;
use crate::render::matrix::Part;
use crate::verdict::{ClaimResult, Evidence, Outcome, Verdict};

/// What one run on one kernel has found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// The kernel's release.
    pub kernel: String,
    /// What else the kernel is called, such as `host`; none if its release begins with that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// The strongest evidence that was used.
    pub grade: Grade,
    /// What became of the case.
    pub outcome: Outcome,
    /// What became of the claim; none if it was not decided, and of a whole case.
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
    /// Why the run as a whole cannot be relied on: it came to no end, or is an earlier one than was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// The measures it rests on, as they were.
    pub evidence: Vec<Evidence>,
    /// Whether it is about a whole case, and not about a claim.
    #[serde(skip)]
    pub(super) whole: bool,
    /// Which of the parts at hand it is from: its events are in that one's exhibits.
    #[serde(skip)]
    pub(super) place: usize,
}

/// What these results say of a claim, or of a whole case.
pub(super) fn seen(parts: &[Part], case: &LoadedCase, claim: Option<&Claim>) -> Vec<Seen> {
    parts.iter().enumerate().filter_map(|(place, part)| one(place, part, case, claim)).collect()
}

fn one(place: usize, part: &Part, case: &LoadedCase, wanted: Option<&Claim>) -> Option<Seen> {
    let results = part.results.as_ref()?;
    let verdict = results.verdicts.iter().find(|verdict| verdict.case == case.id)?;
    let claim = wanted.and_then(|wanted| verdict.claims.iter().find(|claim| claim.id == wanted.id));
    let series = part.machine.as_ref().map(|machine| machine.series.clone());
    Some(Seen {
        kernel: results.kernel.release.clone(),
        series: series.filter(|series| !results.kernel.release.starts_with(series.as_str())),
        grade: verdict.grade,
        outcome: verdict.outcome,
        found: claim.and_then(|claim| claim.found),
        expected: match wanted {
            Some(_) => claim.is_some_and(|claim| claim.found == Some(claim.expected)),
            None => verdict.outcome.is_good(),
        },
        literal: claim.and_then(|claim| claim.literal),
        repaired: claim.and_then(|claim| claim.repaired),
        discriminates: verdict.control.discriminates,
        reason: reason(verdict, claim),
        broken: part.machine.as_ref().and_then(|machine| Some(machine.broken.as_ref()?.what.clone())),
        evidence: match wanted {
            Some(_) => once(claim.into_iter().flat_map(|claim| &claim.evidence)),
            None => once(of_expectations(verdict)),
        },
        whole: wanted.is_none(),
        place,
    })
}

/// What the expectations of a case rest on; if some did not hold, what those do.
fn of_expectations(verdict: &Verdict) -> impl Iterator<Item = &Evidence> {
    let wrong = verdict.expectations.iter().any(|finding| finding.held == Some(false));
    let told = verdict.expectations.iter().filter(move |finding| !wrong || finding.held == Some(false));
    told.flat_map(|finding| &finding.evidence)
}

fn reason(verdict: &Verdict, claim: Option<&ClaimResult>) -> Option<String> {
    claim
        .and_then(|claim| claim.undecided.clone())
        .or_else(|| verdict.reason.clone().filter(|_| verdict.outcome != Outcome::Pass))
}

/// The first value of each measure in each run.
fn once<'a>(evidence: impl Iterator<Item = &'a Evidence>) -> Vec<Evidence> {
    let mut shown = BTreeSet::new();
    evidence.filter(|evidence| shown.insert((&evidence.measure, evidence.run))).cloned().collect()
}
