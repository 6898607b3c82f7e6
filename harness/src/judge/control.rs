//! The half that must not succeed. A detector that finds its finding there too finds nothing.
use super::claim::Sentences;
use super::finding::Findings;
use super::outcome::Problems;
use super::{Expected, Gap};
use crate::case::{Case, ClaimVerdict};
use crate::recording::Half;
use crate::verdict::{ControlResult, Finding};

/// Whether everything that must fail did: an expectation must be false at some point of the sweep, a claim must not reach
/// the verdict that is expected of the case. A predicate that does not apply to what the control did (the first entry of an
/// empty list) has not come out as in the case.
pub(super) fn control(
    case: &Case,
    expected: &Expected<'_>,
    findings: &Findings<'_>,
    problems: &mut Problems,
) -> ControlResult {
    let mut shown = Vec::new();
    let mut discriminates = Some(true);
    for name in &case.control.must_fail {
        let (failed, mut found, text) = match case.expect.get(name) {
            Some(source) => expectation(name, source, case, findings),
            None => claim(name, case, expected, findings),
        };
        shown.append(&mut found);
        if findings.runs.unfit.is_some() {
            discriminates = None;
            continue;
        }
        match failed {
            Ok(true) => {}
            Ok(false) => {
                problems.broken(format!("the control did not fail: {name} came out as in the case: {text}"));
                discriminates = discriminates.map(|_| false);
            }
            Err(gap) => {
                problems.gap(&format!("{name} in the control"), &gap);
                discriminates = None;
            }
        }
    }
    ControlResult { title: case.control.title.clone(), findings: shown, discriminates }
}

type Failed = (Result<bool, Gap>, Vec<Finding>, String);

fn expectation(name: &str, source: &str, case: &Case, findings: &Findings<'_>) -> Failed {
    let all = findings.everywhere(Half::Control, source, case);
    let text = all.found.last().map_or_else(String::new, |found| findings.explain(source, found));
    let failed = not_applying_is_failing(all.held().map(|held| !held));
    (failed, findings.shown(name, &all, None), text)
}

fn claim(name: &str, case: &Case, expected: &Expected<'_>, findings: &Findings<'_>) -> Failed {
    let Some(claim) = case.claims.iter().find(|claim| claim.id == name) else {
        return (Err(Gap::Wrong("there is no such expectation or claim".to_owned())), Vec::new(), String::new());
    };
    let wanted = expected.verdicts.get(name).map_or(claim.verdict, |(verdict, _)| *verdict);
    let sentences = Sentences::of(claim, Half::Control, case, findings);
    let failed = match wanted {
        // Nothing is evaluated, so nothing could fail.
        ClaimVerdict::Undecidable => Ok(false),
        _ => not_applying_is_failing(sentences.found(wanted).map(|found| found != Some(wanted))),
    };
    let mut shown = Vec::new();
    let mut texts = Vec::new();
    for all in [&sentences.literal, &sentences.repaired].into_iter().flatten() {
        shown.extend(findings.shown(name, all, None));
        texts.extend(all.found.last().map(|found| findings.explain(all.source, found)));
    }
    (failed, shown, texts.join("; "))
}

fn not_applying_is_failing(failed: Result<bool, Gap>) -> Result<bool, Gap> {
    match failed {
        Err(Gap::Wrong(_)) => Ok(true),
        failed => failed,
    }
}
