//! What becomes of claims.
//!
//! | expected | is found if |
//! |---|---|
//! | confirmed | the literal sentence holds |
//! | refined | the corrected sentence holds |
//! | refuted | the literal sentence fails and the corrected one holds |
//! | undecidable | nothing is evaluated |
//!
//! Over a sweep, a sentence holds if it holds at every point.
use super::finding::{Everywhere, Findings};
use super::outcome::Problems;
use super::{Expected, Gap};
use crate::case::{Case, Claim, ClaimVerdict};
use crate::recording::Half;
use crate::verdict::ClaimResult;

/// Both sentences of a claim in one half.
pub(super) struct Sentences<'a> {
    pub(super) literal: Option<Everywhere<'a>>,
    pub(super) repaired: Option<Everywhere<'a>>,
}

impl<'a> Sentences<'a> {
    pub(super) fn of(claim: &'a Claim, half: Half, case: &Case, findings: &Findings<'a>) -> Self {
        let everywhere =
            |source: &'a Option<String>| source.as_deref().map(|source| findings.everywhere(half, source, case));
        Self { literal: everywhere(&claim.literal), repaired: everywhere(&claim.repaired) }
    }

    /// What is found, if the claim is expected to come out as `expected`.
    pub(super) fn found(&self, expected: ClaimVerdict) -> Result<Option<ClaimVerdict>, Gap> {
        let held = |all: &Option<Everywhere<'_>>| all.as_ref().map_or(Ok(false), Everywhere::held);
        Ok(match expected {
            ClaimVerdict::Undecidable => Some(ClaimVerdict::Undecidable),
            ClaimVerdict::Refined => held(&self.repaired)?.then_some(ClaimVerdict::Refined),
            ClaimVerdict::Confirmed | ClaimVerdict::Refuted => {
                if held(&self.literal)? {
                    Some(ClaimVerdict::Confirmed)
                } else {
                    // What is not there to be true instead cannot refute.
                    held(&self.repaired)?.then_some(ClaimVerdict::Refuted)
                }
            }
        })
    }
}

/// The claims of the subject.
pub(super) fn claims(
    case: &Case,
    expected: &Expected<'_>,
    findings: &Findings<'_>,
    problems: &mut Problems,
) -> Vec<ClaimResult> {
    case.claims.iter().map(|claim| one(claim, case, expected, findings, problems)).collect()
}

fn one(
    claim: &Claim,
    case: &Case,
    expected: &Expected<'_>,
    findings: &Findings<'_>,
    problems: &mut Problems,
) -> ClaimResult {
    let other = expected.verdicts.get(claim.id.as_str());
    let wanted = other.map_or(claim.verdict, |(verdict, _)| *verdict);
    let sentences = Sentences::of(claim, Half::Subject, case, findings);
    let found = sentences.found(wanted);
    let undecided = match &found {
        Ok(Some(found)) if *found == wanted => None,
        Ok(found) => {
            let why = different(*found, &sentences, findings);
            if findings.runs.unfit.is_none() {
                problems.fail(format!("{}: expected {wanted}, but {why}", claim.id));
            }
            found.is_none().then_some(why)
        }
        Err(gap) => {
            if findings.runs.unfit.is_none() {
                problems.gap(&claim.id, gap);
            }
            Some(gap.why().to_owned())
        }
    };
    let held = |all: &Option<Everywhere<'_>>| all.as_ref().and_then(|all| all.held().ok());
    let mut evidence = Vec::new();
    for all in [&sentences.literal, &sentences.repaired].into_iter().flatten() {
        for shown in all.decisive().map(|found| findings.evidence(all.source, found.run)).unwrap_or_default() {
            if !evidence.contains(&shown) {
                evidence.push(shown);
            }
        }
    }
    ClaimResult {
        id: claim.id.clone(),
        says: claim.says.clone(),
        expected: wanted,
        because: other.map(|(_, because)| (*because).to_owned()),
        found: found.ok().flatten(),
        literal: held(&sentences.literal),
        repaired: held(&sentences.repaired),
        undecided,
        evidence,
    }
}

/// What came out instead, in a sentence.
fn different(found: Option<ClaimVerdict>, sentences: &Sentences<'_>, findings: &Findings<'_>) -> String {
    let explained = |all: &Option<Everywhere<'_>>| {
        let all = all.as_ref()?;
        all.decisive().map(|found| findings.explain(all.source, found))
    };
    let literal = explained(&sentences.literal).unwrap_or_else(|| "there is none".to_owned());
    let repaired = explained(&sentences.repaired).unwrap_or_else(|| "there is none".to_owned());
    match found {
        Some(ClaimVerdict::Confirmed) => format!("the sentence holds: {literal}"),
        Some(ClaimVerdict::Refuted) => format!("the sentence failed: {literal}"),
        _ if sentences.repaired.is_some() => format!("the corrected sentence failed: {repaired}"),
        _ => format!("the sentence failed: {literal}"),
    }
}
