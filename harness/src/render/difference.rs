//! What is different between two results: verdicts that changed, and in each case the first event that did.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::Results;
use super::paint::{BAD, BOLD, DIM, GOOD, paint};
use super::picture::Picture;
use super::screen::{Look, bare};
use super::text::{counted, hang};
use crate::recording::Half;
use crate::verdict::{Evidence, Verdict};

/// Everything that is different, by case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Cases that come out differently, or rest on something else.
    pub cases: Vec<CaseDifference>,
    /// Cases that only the first has.
    pub only_first: Vec<String>,
    /// Cases that only the second has.
    pub only_second: Vec<String>,
}

/// What is different in one case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CaseDifference {
    /// Its id.
    pub case: String,
    /// Verdicts and measures, before and after.
    pub changes: Vec<Change>,
    /// The first event that differs, in each half.
    pub events: Vec<FirstEvent>,
}

/// Something that is one thing in the first and another in the second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The case's outcome, a claim or a measure.
    pub what: String,
    /// In the first.
    pub before: String,
    /// In the second.
    pub after: String,
    /// Whether it is a verdict, and not only a measured value.
    pub verdict: bool,
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstEvent {
    /// `the case` or `the control`.
    pub half: &'static str,
    /// Its number among the events that are drawn, from 1.
    pub number: usize,
    /// What it is in the first; none if that has ended.
    pub before: Option<String>,
    /// What it is in the second.
    pub after: Option<String>,
}

/// One side: results, and pictures of their cases.
pub type Side<'a> = (&'a Results, &'a BTreeMap<String, Vec<Picture>>);

/// Compares two results. Times, numbers of tasks and addresses are no difference.
pub fn difference(first: Side<'_>, second: Side<'_>) -> Difference {
    let of = |results: &'_ Results| -> BTreeMap<String, Verdict> {
        results.verdicts.iter().map(|verdict| (verdict.case.clone(), verdict.clone())).collect()
    };
    let (before, after) = (of(first.0), of(second.0));
    let only = |here: &BTreeMap<String, Verdict>, there: &BTreeMap<String, Verdict>| {
        here.keys().filter(|case| !there.contains_key(*case)).cloned().collect()
    };
    let mut cases = Vec::new();
    for (case, one) in &before {
        let Some(other) = after.get(case) else { continue };
        let changes = changes(one, other);
        let none = Vec::new();
        let events = events(first.1.get(case).unwrap_or(&none), second.1.get(case).unwrap_or(&none));
        if !changes.is_empty() || !events.is_empty() {
            cases.push(CaseDifference { case: case.clone(), changes, events });
        }
    }
    Difference { cases, only_first: only(&before, &after), only_second: only(&after, &before) }
}

fn changes(before: &Verdict, after: &Verdict) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut compare = |what: String, before: String, after: String, verdict: bool| {
        if before != after && !changes.iter().any(|change: &Change| change.what == what) {
            changes.push(Change { what, before, after, verdict });
        }
    };
    compare("outcome".to_owned(), before.outcome.to_string(), after.outcome.to_string(), true);
    compare("evidence".to_owned(), before.grade.to_string(), after.grade.to_string(), false);
    for claim in &before.claims {
        let Some(other) = after.claims.iter().find(|other| other.id == claim.id) else { continue };
        let found = |claim: &crate::verdict::ClaimResult| {
            claim.found.map_or_else(|| "undecided".to_owned(), |found| found.to_string())
        };
        compare(claim.id.clone(), found(claim), found(other), true);
        measures(&claim.evidence, &other.evidence, &mut compare);
    }
    for finding in &before.expectations {
        let same = |other: &&crate::verdict::Finding| other.name == finding.name && other.point == finding.point;
        let Some(other) = after.expectations.iter().find(same) else { continue };
        let held = |held: Option<bool>| match held {
            Some(true) => "holds".to_owned(),
            Some(false) => "does not hold".to_owned(),
            None => "undecided".to_owned(),
        };
        compare(finding.name.clone(), held(finding.held), held(other.held), true);
        measures(&finding.evidence, &other.evidence, &mut compare);
    }
    changes
}

fn measures(before: &[Evidence], after: &[Evidence], compare: &mut impl FnMut(String, String, String, bool)) {
    for one in before {
        let same = |other: &&Evidence| other.measure == one.measure && other.run == one.run;
        if let Some(other) = after.iter().find(same).filter(|other| other.value != one.value) {
            compare(format!("measure {}", one.measure), bare(&one.value), bare(&other.value), false);
        }
    }
}

/// The first event of each half that differs.
fn events(before: &[Picture], after: &[Picture]) -> Vec<FirstEvent> {
    let pairs = before.iter().filter_map(|one| {
        let same = |other: &&Picture| other.half == one.half && other.point == one.point;
        Some((one, after.iter().find(same)?))
    });
    let mut events = Vec::new();
    for (one, other) in pairs {
        let (mine, theirs) = (said(one), said(other));
        let parting = mine.iter().zip(&theirs).position(|(one, other)| one != other);
        let shorter = mine.len().min(theirs.len());
        let Some(place) = parting.or((mine.len() != theirs.len()).then_some(shorter)) else { continue };
        events.push(FirstEvent {
            half: if one.half == Half::Subject { "the case" } else { "the control" },
            number: place + 1,
            before: mine.get(place).cloned(),
            after: theirs.get(place).cloned(),
        });
    }
    events
}

/// What each event says, without what is never the same twice.
fn said(picture: &Picture) -> Vec<String> {
    let one = |dot: &super::picture::Dot| format!("{}: {}", picture.lanes[dot.lane].name, picture.texts[dot.label]);
    picture.dots.iter().map(one).collect()
}

/// The difference for people.
pub fn text(difference: &Difference, look: Look) -> String {
    let mut out = String::new();
    for case in &difference.cases {
        _ = writeln!(out, "{}", paint(BOLD, &case.case));
        for change in &case.changes {
            let style = if change.verdict { BAD } else { DIM };
            let line = format!("{} -> {}", change.before, change.after);
            out.push_str(&hang(&format!("  {}  ", paint(style, &change.what)), &line, look.columns()));
        }
        for event in &case.events {
            let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing more".to_owned());
            let line = format!("{} -> {}", side(&event.before), side(&event.after));
            let first = format!("  first different event of {} (number {})  ", event.half, event.number);
            out.push_str(&hang(&paint(DIM, first), &line, look.columns()));
        }
    }
    for (which, cases) in [("first", &difference.only_first), ("second", &difference.only_second)] {
        if !cases.is_empty() {
            _ = writeln!(out, "only in the {which}: {}", cases.join(", "));
        }
    }
    let verdicts = difference.verdicts();
    let sum = if verdicts == 0 {
        paint(GOOD, "no verdict changed")
    } else {
        paint(BAD, format!("{} changed", counted(verdicts, "verdict")))
    };
    _ = writeln!(out, "{sum}");
    out
}

impl Difference {
    /// How many verdicts changed.
    pub fn verdicts(&self) -> usize {
        self.cases.iter().flat_map(|case| &case.changes).filter(|change| change.verdict).count()
    }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use super::super::testing;
    use super::*;

    fn pictures(results: &Results) -> BTreeMap<String, Vec<Picture>> {
        results.exhibits.iter().map(|(case, exhibit)| (case.clone(), exhibit.pictures.clone())).collect()
    }

    #[test]
    fn the_same_is_no_difference() {
        let results = testing::healthy();
        let pictures = pictures(&results);
        let difference = difference((&results, &pictures), (&results, &pictures));
        assert_eq!(difference, Difference::default());
        assert_eq!(difference.verdicts(), 0);
    }

    #[test]
    fn verdicts_and_the_first_different_event_are_told() {
        let (good, bad) = (testing::healthy(), testing::failing());
        let (one, mut other) = (pictures(&good), pictures(&bad));
        let picture = other.values_mut().flatten().next().expect("a picture");
        let dot = picture.dots[1];
        picture.texts[dot.label] = "epoll_wait: 2 ready".to_owned();
        let difference = difference((&good, &one), (&bad, &other));
        let look = Look { width: 100, utf8: true, skips: false };
        insta::assert_snapshot!(strip_str(&text(&difference, look)).to_string());
    }
}
