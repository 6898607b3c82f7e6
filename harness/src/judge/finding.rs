//! Predicates at every point of the sweep, and what they rest on.
use serde_json::Value as Json;

use super::explain::explain;
use super::outcome::Problems;
use super::runs::{Runs, Scored, at, without};
use super::{Expected, Facts, Gap, Predicates};
use crate::case::{Case, ClaimVerdict, Measure};
use crate::load::Point;
use crate::recording::Half;
use crate::shortened::shorten;
use crate::verdict::{Evidence, Finding};

/// What is needed to find something.
pub(super) struct Findings<'a> {
    pub(super) runs: &'a Runs,
    pub(super) predicates: &'a Predicates,
    pub(super) facts: &'a Facts,
}

/// A predicate in one run.
pub(super) struct Found<'a> {
    pub(super) run: &'a Scored,
    /// The point of the sweep, without what a fit is over.
    pub(super) point: Point,
    pub(super) held: Result<bool, Gap>,
}

/// A predicate at all points of the sweep.
pub(super) struct Everywhere<'a> {
    pub(super) source: &'a str,
    pub(super) found: Vec<Found<'a>>,
    unfit: Option<Gap>,
}

impl<'a> Findings<'a> {
    /// Evaluates a predicate in all runs of a half; one with a fit once for each series.
    pub(super) fn everywhere(&self, half: Half, source: &'a str, case: &Case) -> Everywhere<'a> {
        let runs: &'a Runs = self.runs;
        let mut found: Vec<Found<'a>> = Vec::new();
        for run in runs.of(half) {
            let over = self.series(source, run, case);
            let point = over.map_or_else(|| run.point.clone(), |over| without(&run.point, over));
            let held = self.predicates.holds(source, run, self.facts);
            // Of a series the last run stands for all.
            found.retain(|other| over.is_none() || other.point != point);
            found.push(Found { run, point, held });
        }
        Everywhere { source, found, unfit: self.runs.unfit.clone() }
    }

    /// The parameter over which a predicate has one value for the whole series: all that it asks for are fits over it.
    fn series(&self, source: &str, run: &Scored, case: &'a Case) -> Option<&'a str> {
        let mut fits =
            self.predicates.measures(source, run).into_iter().map(|(name, _)| match case.measure.get(name) {
                Some(Measure::Fit(fit)) => Some(fit.over.as_str()),
                _ => None,
            });
        let over = fits.next()??;
        let varies = self.predicates.names(source, over) || !self.predicates.results(source, run).is_empty();
        (!varies && fits.all(|other| other == Some(over))).then_some(over)
    }

    /// A predicate in one run, in terms of what it compares.
    pub(super) fn explain(&self, source: &str, found: &Found<'_>) -> String {
        let text = explain(source, &|part| self.predicates.value(part, found.run, self.facts).ok());
        format!("{text}{}", at(&found.point))
    }

    /// The measures, and the results of calls, that a predicate rests on in one run.
    pub(super) fn evidence(&self, source: &str, run: &Scored) -> Vec<Evidence> {
        let measures = self.predicates.measures(source, run).into_iter().filter_map(|(name, taken)| {
            let value = taken.value.as_ref().ok()?.shown();
            Some(Evidence { measure: name.to_owned(), value, run: run.place, events: taken.events.clone() })
        });
        let results = self.predicates.results(source, run).into_iter().map(|(name, result)| {
            let value = shorten(&telling(result, source));
            Evidence { measure: name.to_owned(), value, run: run.place, events: Vec::new() }
        });
        measures.chain(results).collect()
    }

    /// One run as a finding.
    pub(super) fn finding(&self, name: &str, source: &str, found: &Found<'_>) -> Finding {
        Finding {
            name: name.to_owned(),
            predicate: source.to_owned(),
            point: found.point.clone(),
            held: found.held.as_ref().ok().copied(),
            undecided: found.held.as_ref().err().map(|gap| gap.why().to_owned()),
            evidence: self.evidence(source, found.run),
        }
    }

    /// What is shown of a predicate: the points at which it did not hold or could not be decided, else one at which it
    /// held, and at which it failed in the control, if there is one.
    pub(super) fn shown(&self, name: &str, all: &Everywhere<'_>, control: Option<&Everywhere<'_>>) -> Vec<Finding> {
        let mut shown: Vec<Finding> = Vec::new();
        for found in all.found.iter().filter(|found| found.held != Ok(true)) {
            shown.push(self.finding(name, all.source, found));
        }
        if shown.is_empty() {
            let failed = control.and_then(|control| control.found.iter().find(|found| found.held == Ok(false)));
            let beside = failed.and_then(|failed| all.found.iter().find(|found| found.point == failed.point));
            shown.extend(beside.or(all.found.first()).map(|found| self.finding(name, all.source, found)));
        }
        if shown.is_empty() {
            shown.push(Finding {
                name: name.to_owned(),
                predicate: all.source.to_owned(),
                point: Point::new(),
                held: None,
                undecided: all.unfit.as_ref().map(|gap| gap.why().to_owned()),
                evidence: Vec::new(),
            });
        }
        shown
    }
}

impl<'a> Everywhere<'a> {
    /// Whether it holds at all points.
    pub(super) fn held(&self) -> Result<bool, Gap> {
        if let Some(unfit) = &self.unfit {
            return Err(unfit.clone());
        }
        if self.found.iter().any(|found| found.held == Ok(false)) {
            return Ok(false);
        }
        self.found.iter().find_map(|found| found.held.as_ref().err()).map_or(Ok(true), |gap| Err(gap.clone()))
    }

    /// The run that decides: the first at which it fails, else the first that cannot be decided, else the last.
    pub(super) fn decisive(&self) -> Option<&Found<'a>> {
        let failed = self.found.iter().find(|found| found.held == Ok(false));
        failed.or_else(|| self.found.iter().find(|found| found.held.is_err())).or(self.found.last())
    }
}

/// The expectations of the subject.
pub(super) fn expectations(
    case: &Case,
    expected: &Expected<'_>,
    findings: &Findings<'_>,
    problems: &mut Problems,
) -> Vec<Finding> {
    let mut shown = Vec::new();
    // What a case is there for can be decided without an expectation that needs more than this kernel gives.
    let claims = case.claims.iter().any(|claim| claim.verdict != ClaimVerdict::Undecidable);
    let others = || case.expect.values().any(|source| findings.everywhere(Half::Subject, source, case).held().is_ok());
    for (name, source) in &case.expect {
        let all = findings.everywhere(Half::Subject, source, case);
        let discriminates = case.control.must_fail.contains(name);
        let control = discriminates.then(|| findings.everywhere(Half::Control, source, case));
        shown.extend(findings.shown(name, &all, control.as_ref()));
        if findings.runs.unfit.is_some() {
            continue;
        }
        let text = all.decisive().map_or_else(String::new, |found| findings.explain(source, found));
        match (all.held(), expected.fails.get(name.as_str())) {
            (Ok(true), None) => {}
            (Ok(true), Some(because)) => {
                problems.xpass(format!("{name}: it must fail here ({because}), and it held: {text}"));
            }
            (Ok(false), None) => problems.fail(format!("{name}: {text}")),
            (Ok(false), Some(because)) => problems.xfail(format!("{name}: {because}: {text}")),
            (Err(gap), _) if claims || others() => problems.gap_beside(name, &gap),
            (Err(gap), _) => problems.gap(name, &gap),
        }
    }
    shown
}

/// A result without what it does not have and nobody asks for: `{"ret": 1, "ready": ["far"]}`.
fn telling(result: &Json, asked: &str) -> Json {
    match result {
        Json::Array(list) => list.iter().map(|result| telling(result, asked)).collect(),
        Json::Object(fields) => {
            let empty = |value: &Json| match value {
                Json::String(text) => text.is_empty(),
                Json::Array(list) => list.is_empty(),
                value => *value == Json::Bool(false),
            };
            let bytes = asks_for(asked, "bytes");
            // Said as `ready[0].bits`, or in an object to compare with.
            let bits = asked.contains("bits");
            let said = |name: &str, value: &Json| match name {
                // two names of one number
                "bytes" => bytes,
                "replies" => asks_for(asked, "replies"),
                "ret" => !bytes || asks_for(asked, "ret"),
                name => asks_for(asked, name) || !empty(value),
            };
            let there = fields.iter().filter(|(name, value)| said(name, value));
            there
                .map(|(name, value)| {
                    (name.clone(), if name == "ready" && !bits { shorten(&names(value)) } else { value.clone() })
                })
                .collect()
        }
        value => value.clone(),
    }
}

/// Whether a predicate asks something for this field.
fn asks_for(predicate: &str, field: &str) -> bool {
    predicate.match_indices(field).any(|(place, _)| {
        let follows = predicate[place + field.len()..].chars().next();
        predicate[..place].ends_with('.') && !follows.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// What a wait call reported, by name.
fn names(ready: &Json) -> Json {
    ready.as_array().into_iter().flatten().map(|ready| ready["name"].clone()).collect()
}
