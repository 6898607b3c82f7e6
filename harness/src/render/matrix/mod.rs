//! The kernel matrix: what became of each claim on each kernel, as one value. The table for a terminal, the JSON of
//! `wakeproof merge` and pages are made of it.
//!
//! # What it holds
//! - [`Matrix::kernels`]: the columns, oldest kernel first. A kernel whose run came to nothing has a column too: its
//!   [`Column::broken`] says what happened, and its cells are empty. [`Column::gaps`] says what was skipped there, or
//!   passed in part.
//! - [`Matrix::rows`]: the lines, in the order of the cases' ids and within a case in its own order of claims. A row is a
//!   claim; a case has a row of its own where it makes no claim, or where it came out badly and no claim of its shows that.
//! - [`Row::cells`]: one for each column, in the same order; none where the case did not run.
//! - [`Row::changes`]: between which kernels the row changes, in words, and what explains it. A change that nothing
//!   explains is [`Change::unexplained`], and makes the whole matrix bad. Where a case came to no end, its change is
//!   [`Change::undecided`]: the outcome says that something is wrong, and nothing is said of the kernels.
//! - [`Matrix::features`]: what is said of the kernels and not of claims, with one text for each column: by which way each
//!   probe is attached, and which functions and members there are of those that cases rest on.
mod build;
mod changes;
pub(in crate::render) mod changing;
mod compare;
pub(in crate::render) mod features;
pub(in crate::render) mod gaps;
pub(crate) mod stretch;
mod table;
#[cfg(test)]
mod tests;
pub(in crate::render) mod wrong;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use build::{Part, matrix};
pub(crate) use changes::{unlike, word};
pub use compare::{Comparison, compare, text as comparison};
pub use gaps::Gap;
pub(crate) use table::one as change_text;
pub(in crate::render) use table::{CHANGES, SKIPPED, WRONG};
pub use table::{Shown, table};

use super::paint::Signs;
use crate::case::{ClaimVerdict, Grade};
use crate::verdict::Outcome;

/// The version of the shape of [`Matrix`].
pub const VERSION: u32 = 1;

/// Claims × kernels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// [`VERSION`].
    pub version: u32,
    /// The columns, oldest kernel first.
    pub kernels: Vec<Column>,
    /// The lines.
    pub rows: Vec<Row>,
    /// What the kernels themselves differ in.
    pub features: Vec<Feature>,
    /// What did not fit together when results of several machines were joined, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
}

/// One kernel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    /// What heads the column: the series, such as `6.12`; unlike that of every other column.
    pub name: String,
    /// `uname -r`; none if it never came so far.
    pub release: Option<String>,
    /// `uname -v`.
    pub build: Option<String>,
    /// The package that it came in, or its path.
    pub package: Option<String>,
    /// The evidence that could be had.
    pub grade: Option<Grade>,
    /// How many cases ended how.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// Why cases were skipped, or passed in part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Cases that were selected and did not come to run.
    pub unfinished: usize,
    /// Cases, besides those, that another kernel has a verdict on and this one has none.
    #[serde(default)]
    pub missing: usize,
    /// Events recorded.
    pub recorded: u64,
    /// Events lost.
    pub lost: u64,
    /// Wall time of its cases in milliseconds.
    pub millis: u64,
    /// Why there is nothing, or not all, of this kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
}

impl Column {
    /// How many cases did not run, though they were to, or did elsewhere.
    pub fn absent(&self) -> usize {
        self.unfinished + self.missing
    }

    /// Why cells of this column are empty.
    pub(in crate::render) fn emptiness(&self) -> &'static str {
        if self.broken.is_some() { "its run broke" } else { "not run" }
    }

    /// How many cases ended how, and the words for it.
    pub(in crate::render) fn counts(&self) -> impl Iterator<Item = (Outcome, usize, String)> {
        let in_part: usize = self.gaps.iter().map(|gap| gap.in_part.len()).sum();
        self.outcomes.iter().map(move |(outcome, count)| match outcome {
            Outcome::Pass if in_part > 0 => (*outcome, *count, format!("pass, {in_part} of them in part")),
            _ => (*outcome, *count, outcome.to_string()),
        })
    }
}

/// A run that came to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Broken {
    /// What happened, in a sentence.
    pub what: String,
    /// The last lines of the guest's console.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub console: Vec<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One claim, or one case, on every kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The claim's id; of a row for a whole case, the case's.
    pub id: String,
    /// The case that decides it.
    pub case: String,
    /// What the claim says; of a row for a whole case, its title.
    pub says: String,
    /// One for each column.
    pub cells: Vec<Option<Cell>>,
    /// Where it changes.
    pub changes: Vec<Change>,
}

/// What became of one claim on one kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The one thing that the table shows.
    pub mark: Mark,
    /// What became of the whole case.
    pub outcome: Outcome,
    /// What must be found here; none for a whole case, and where the case did not run.
    pub expected: Option<ClaimVerdict>,
    /// What was found.
    pub found: Option<ClaimVerdict>,
    /// The strongest evidence that was used.
    pub grade: Grade,
    /// Why it was not decided, or what was wrong; if the case passed, what of it could not be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the case expects something else here than elsewhere: the reason of its `differs` entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The measures that it rests on, each with its first value.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, serde_json::Value>,
    /// Events that were lost in the case's runs.
    #[serde(default)]
    pub lost: u64,
}

/// What a cell shows: a claim's verdict where it has one as it should, else what became of its case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "kind", content = "is")]
pub enum Mark {
    /// The claim was decided as it must be here.
    Claim(ClaimVerdict),
    /// The case says it all: it makes no claim, did not run, or did not come out as it must.
    Case(Outcome),
}

impl Mark {
    /// The marks of these rows, each once and in order.
    pub(in crate::render) fn all<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<Self> {
        let marks = rows.into_iter().flat_map(|row| row.cells.iter().flatten()).map(|cell| cell.mark);
        marks.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Its sign in a table.
    pub(in crate::render) fn sign(self, signs: Signs) -> &'static str {
        match self {
            Self::Claim(verdict) => signs.claim(verdict),
            Self::Case(outcome) => signs.outcome(outcome),
        }
    }

    /// What the sign means.
    pub(in crate::render) fn meaning(self) -> String {
        match self {
            Self::Claim(verdict) => verdict.to_string(),
            Self::Case(outcome) => format!("case: {outcome}"),
        }
    }

    /// Whether nothing is wrong.
    pub fn is_good(self) -> bool {
        match self {
            Self::Claim(_) => true,
            Self::Case(outcome) => outcome.is_good(),
        }
    }
}

/// A row changes from one kernel to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The column before the change.
    pub before: usize,
    /// The first column after it.
    pub from: usize,
    /// What it is from then on, and what was measured on both sides, such as `from 7.0: refuted, not confirmed
    /// (stored: 2 entries, then 0)`.
    pub words: String,
    /// What explains it: the reasons of `differs` entries, or the missing capability. Without any the change is unexplained.
    pub reasons: Vec<String>,
    /// Functions, members and probes of the case that differ between the two kernels, in words.
    pub differs: Vec<String>,
    /// Whether the case came to no end on one of the two kernels, so that nothing can be said of a difference.
    #[serde(default)]
    pub undecided: bool,
}

impl Change {
    /// Whether nothing says why.
    pub fn unexplained(&self) -> bool {
        self.reasons.is_empty() && !self.undecided
    }
}

/// Something about the kernels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Feature {
    /// What kind of thing it is.
    pub kind: FeatureKind,
    /// Its name: a probe, a function, or `structure.member`.
    pub name: String,
    /// One for each column: what it is there; none where it is not known.
    pub cells: Vec<Option<String>>,
}

/// What can be said of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeatureKind {
    /// The way in which a probe is attached.
    Probe,
    /// Whether there is a function.
    Function,
    /// The type of a member of a structure.
    Member,
}

impl Feature {
    /// Whether it is the same on all kernels on which it is known.
    pub fn is_constant(&self) -> bool {
        let mut known = self.cells.iter().flatten();
        let first = known.next();
        known.all(|cell| Some(cell) == first)
    }
}

impl Matrix {
    /// A row or feature that has more or fewer cells than there are kernels: a table that somebody else has made.
    pub fn misshapen(&self) -> Option<&str> {
        let rows = self.rows.iter().map(|row| (&row.id, row.cells.len()));
        let mut all = rows.chain(self.features.iter().map(|feature| (&feature.name, feature.cells.len())));
        all.find(|&(_, cells)| cells != self.kernels.len()).map(|(name, _)| name.as_str())
    }

    /// Changes that nothing explains, with their rows.
    pub fn unexplained(&self) -> impl Iterator<Item = (&Row, &Change)> {
        self.rows
            .iter()
            .flat_map(|row| row.changes.iter().map(move |change| (row, change)))
            .filter(|(_, c)| c.unexplained())
    }

    /// The rows of which somewhere nothing can be said.
    pub fn undecided(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.changes.iter().any(|change| change.undecided))
    }

    /// Counts no case as missing: what is here is a part, and the others have them.
    pub fn expect_no_more(&mut self) {
        self.kernels.iter_mut().for_each(|kernel| kernel.missing = 0);
    }

    /// How many cases did not run, on all kernels together.
    pub fn absent(&self) -> usize {
        self.kernels.iter().map(Column::absent).sum()
    }

    /// What heads the columns.
    pub(in crate::render) fn names(&self) -> Vec<&str> {
        self.kernels.iter().map(|kernel| kernel.name.as_str()).collect()
    }

    /// The row of a claim, or of a case.
    pub fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }
}
