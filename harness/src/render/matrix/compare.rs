//! What is different between two matrices. What was measured and how long it took is no difference: the same verdict may
//! rest on another number.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::super::paint::{BAD, BOLD, DIM, GOOD, paint};
use super::super::screen::Look;
use super::super::text::{counted, hang};
use super::{Cell, Column, FeatureKind, Matrix, Row};

/// Everything that is different.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// How many kernels both have.
    pub kernels: usize,
    /// How many rows both have.
    pub rows: usize,
    /// How many features both have.
    pub features: usize,
    /// What is one thing in the first and another in the second.
    pub changes: Vec<Changed>,
    /// Kernels, rows and disagreements of runs that only the first has.
    pub only_first: Vec<String>,
    /// Kernels, rows and disagreements of runs that only the second has.
    pub only_second: Vec<String>,
}

/// Something that both have and that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The claim, the case, the feature, or `kernel`, `run`, `evidence` or `cases` of the whole kernel.
    pub what: String,
    /// The name of the kernel's column.
    pub kernel: String,
    /// In the first.
    pub before: String,
    /// In the second.
    pub after: String,
    /// Whether it is a verdict, and not only the evidence or a feature of the kernel.
    pub verdict: bool,
}

/// Compares kernels of the same name, rows of the same id and case, and features of the same name.
pub fn compare(first: &Matrix, second: &Matrix) -> Comparison {
    let columns = pairs(&first.kernels, &second.kernels, |kernel| &kernel.name);
    let rows = pairs(&first.rows, &second.rows, |row| (&row.id, &row.case));
    let features = pairs(&first.features, &second.features, |feature| (feature.kind, &feature.name));
    let mut found = Comparison {
        kernels: columns.len(),
        rows: rows.len(),
        features: features.len(),
        only_first: only(first, second),
        only_second: only(second, first),
        changes: Vec::new(),
    };
    let mut note = |what: &str, column: usize, before: String, after: String, verdict: bool| {
        if before != after {
            let kernel = first.kernels[column].name.clone();
            found.changes.push(Changed { what: what.to_owned(), kernel, before, after, verdict });
        }
    };
    let told = |known: &Option<String>| known.clone().unwrap_or_else(none);
    for &(one, other) in &columns {
        let (before, after) = (&first.kernels[one], &second.kernels[other]);
        note("kernel", one, told(&before.release), told(&after.release), false);
        if before.broken.is_some() != after.broken.is_some() {
            let run = |kernel: &Column| match &kernel.broken {
                Some(broken) => format!("broken ({})", broken.what),
                None => "came to its end".to_owned(),
            };
            note("run", one, run(before), run(after), true);
        }
        let grade = |grade: Option<crate::case::Grade>| grade.map_or_else(none, |grade| grade.to_string());
        note("evidence", one, grade(before.grade), grade(after.grade), false);
        let cases = |kernel: &Column| {
            let outcomes = kernel.outcomes.iter().map(|(outcome, number)| format!("{number} {outcome}"));
            let absent = (kernel.absent() > 0).then(|| format!("{} did not run", kernel.absent()));
            outcomes.chain(absent).collect::<Vec<_>>().join(", ")
        };
        note("cases", one, cases(before), cases(after), false);
    }
    for (one, other) in rows {
        let (before, after) = (&first.rows[one], &second.rows[other]);
        for &(left, right) in &columns {
            let (mine, theirs) = (&before.cells[left], &after.cells[right]);
            if mine.as_ref().map(|cell| cell.mark) != theirs.as_ref().map(|cell| cell.mark) {
                note(&before.id, left, said(mine.as_ref()), said(theirs.as_ref()), true);
            }
            if let (Some(mine), Some(theirs)) = (mine, theirs) {
                note(&before.id, left, mine.grade.to_string(), theirs.grade.to_string(), false);
            }
            note(&before.id, left, turn(before, left), turn(after, right), true);
        }
    }
    for (one, other) in features {
        let (before, after) = (&first.features[one], &second.features[other]);
        let what = match before.kind {
            FeatureKind::Probe => format!("probe {}", before.name),
            FeatureKind::Function => format!("function {}", before.name),
            FeatureKind::Member => format!("member {}", before.name),
        };
        for &(left, right) in &columns {
            note(&what, left, told(&before.cells[left]), told(&after.cells[right]), false);
        }
    }
    found
}

/// Whether the row changes with this column, and nothing says why.
fn turn(row: &Row, column: usize) -> String {
    let unexplained = row.changes.iter().any(|change| change.from == column && change.unexplained());
    if unexplained { "changes, which nothing explains" } else { "no change, or one that is explained" }.to_owned()
}

/// What stands for nothing.
fn none() -> String {
    "not known".to_owned()
}

/// What became of it, and why where it is bad.
fn said(cell: Option<&Cell>) -> String {
    let Some(cell) = cell else { return "did not run".to_owned() };
    let mark = cell.mark.meaning();
    match (cell.mark.is_good(), &cell.reason) {
        (false, Some(reason)) => format!("{mark} ({reason})"),
        _ => mark,
    }
}

/// Where what has the same key stands in both.
fn pairs<'a, T, K: PartialEq>(first: &'a [T], second: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<(usize, usize)> {
    let place = |one: &'a T| second.iter().position(|other| key(other) == key(one));
    first.iter().enumerate().filter_map(|(at, one)| Some((at, place(one)?))).collect()
}

/// Kernels, rows and disagreements that the other has not.
fn only(here: &Matrix, there: &Matrix) -> Vec<String> {
    let kernels: BTreeSet<&String> = there.kernels.iter().map(|kernel| &kernel.name).collect();
    let rows: BTreeSet<_> = there.rows.iter().map(|row| (&row.id, &row.case)).collect();
    let kernels =
        here.kernels.iter().filter(|kernel| !kernels.contains(&kernel.name)).map(|kernel| kernel.name.clone());
    let rows = here.rows.iter().filter(|row| !rows.contains(&(&row.id, &row.case))).map(|row| row.id.clone());
    let conflicts = here.conflicts.iter().filter(|told| !there.conflicts.contains(told)).cloned();
    kernels.chain(rows).chain(conflicts).collect()
}

impl Comparison {
    /// How many verdicts changed.
    pub fn verdicts(&self) -> usize {
        self.changes.iter().filter(|change| change.verdict).count()
    }

    /// Whether both have the same kernels and rows, with the same verdicts.
    pub fn is_same(&self) -> bool {
        self.verdicts() == 0 && self.only_first.is_empty() && self.only_second.is_empty()
    }
}

/// The comparison for people: what changed, by row, and how much was compared.
pub fn text(found: &Comparison, look: Look) -> String {
    let mut out = String::new();
    let mut above = None;
    for change in &found.changes {
        if above != Some(&change.what) {
            _ = writeln!(out, "{}", paint(BOLD, &change.what));
            above = Some(&change.what);
        }
        let style = if change.verdict { BAD } else { DIM };
        let line = format!("{} -> {}", change.before, change.after);
        out.push_str(&hang(&format!("  {}  ", paint(style, format!("{:<5}", change.kernel))), &line, look.columns()));
    }
    for (which, names) in [("first", &found.only_first), ("second", &found.only_second)] {
        if !names.is_empty() {
            out.push_str(&hang("", &format!("only in the {which}: {}", names.join(", ")), look.columns()));
        }
    }
    let [kernels, rows, features] =
        [(found.kernels, "kernel"), (found.rows, "row"), (found.features, "feature")].map(|(n, word)| counted(n, word));
    let others = match found.changes.len() - found.verdicts() {
        0 => String::new(),
        some => format!(", {}", counted(some, "other change")),
    };
    let sum = match found.verdicts() {
        0 if found.is_same() => paint(GOOD, "no verdict changed"),
        0 => paint(BAD, "no verdict changed of what stands in both"),
        some => paint(BAD, format!("{} changed", counted(some, "verdict"))),
    };
    _ = writeln!(out, "{sum}{others} ({kernels}, {rows}, {features})");
    out
}
