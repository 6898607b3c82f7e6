//! The pure result of judging a recording.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{ClaimVerdict, Grade, Value};
use crate::recording::Kernel;

/// What became of one case on one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything came out as the case says, and the control failed as it must.
    Pass,
    /// Something did not.
    Fail,
    /// The harness, the set-up or the control went wrong.
    Broken,
    /// A capability is missing.
    Skip,
    /// Failed as a `differs` entry says it must here.
    Xfail,
    /// A `differs` entry says it must fail here, and it did not.
    Xpass,
    /// A step did not come to its end in time.
    Timeout,
    /// Events were lost, so that nothing exact can be said.
    Inconclusive,
}

impl Outcome {
    /// Whether it leaves the exit status at 0.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Pass | Self::Skip | Self::Xfail)
    }

    /// Which of several counts: the highest. The instrument comes before what it shows; what was not shown comes before what
    /// passed.
    pub fn rank(self) -> u8 {
        match self {
            Self::Broken => 7,
            Self::Timeout => 6,
            Self::Fail => 5,
            Self::Xpass => 4,
            Self::Inconclusive => 3,
            Self::Skip => 2,
            Self::Xfail => 1,
            Self::Pass => 0,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Broken => "broken",
            Self::Skip => "skip",
            Self::Xfail => "xfail",
            Self::Xpass => "xpass",
            Self::Timeout => "timeout",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// The verdict on one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The case's id.
    pub case: String,
    /// Its title.
    pub title: String,
    /// Which kernel.
    pub kernel: Kernel,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in a sentence; if it passed, which expectation could not be decided here, if any.
    pub reason: Option<String>,
    /// The strongest evidence that was used.
    pub grade: Grade,
    /// One for each claim.
    pub claims: Vec<ClaimResult>,
    /// One for each expectation of the subject, at each point of the sweep where it came out differently.
    pub expectations: Vec<Finding>,
    /// What the control did.
    pub control: ControlResult,
    /// The tables that the case asks for, filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// Why it was recorded again, once for each time before: events were lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<String>,
    /// Wall time of all runs in milliseconds.
    pub millis: u64,
}

/// What became of one claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimResult {
    /// The claim's id.
    pub id: String,
    /// What it says.
    pub says: String,
    /// What must be found.
    pub expected: ClaimVerdict,
    /// Why that is another verdict than elsewhere: the reason of the `differs` entry that applies here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What was found; none if it could not be decided here.
    pub found: Option<ClaimVerdict>,
    /// Whether the literal sentence held.
    pub literal: Option<bool>,
    /// Whether the corrected sentence held.
    pub repaired: Option<bool>,
    /// Why it could not be decided here.
    pub undecided: Option<String>,
    /// The measures it rests on, as they were.
    pub evidence: Vec<Evidence>,
}

impl ClaimResult {
    /// Whether its sentences were decided, and what was expected of them did not come out.
    pub fn failed(&self) -> bool {
        self.found.is_none()
            && match self.expected {
                ClaimVerdict::Confirmed => self.literal.is_some(),
                ClaimVerdict::Refined => self.repaired.is_some(),
                ClaimVerdict::Refuted => self.literal.is_some() && self.repaired.is_some(),
                ClaimVerdict::Undecidable => false,
            }
    }
}

/// One predicate, and how it came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The expectation's name, or the claim's id.
    pub name: String,
    /// The predicate.
    pub predicate: String,
    /// Where in the sweep.
    pub point: BTreeMap<String, Value>,
    /// Whether it held; none if it could not be decided here.
    pub held: Option<bool>,
    /// Why it could not be decided.
    pub undecided: Option<String>,
    /// The measures it rests on, as they were.
    pub evidence: Vec<Evidence>,
}

/// A measure as it was, and the events that show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The measure's name.
    pub measure: String,
    /// Its value. A list of more than 16 entries has only the first 16, and then a text: `and 9984 more`.
    pub value: serde_json::Value,
    /// In which run: place in the recording's `runs`.
    pub run: usize,
    /// The events, by their place in the run: the first few.
    pub events: Vec<usize>,
}

/// What the control did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlResult {
    /// What was different.
    pub title: String,
    /// What had to fail, and how it came out.
    pub findings: Vec<Finding>,
    /// Whether all of it failed; none if it could not be decided here.
    pub discriminates: Option<bool>,
}

/// A table over the runs of a case, for people to compare and quote; nothing is judged by it.
///
/// It holds all that a text, a page or a plot needs. With `across`, the columns of one name are one curve for each row:
/// [`Column::at`] is its abscissa, the cells are its ordinates, and both are meant for logarithmic axes. The cells of a
/// row stand in the order of `columns`, and each names the run of the recording that it was read off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The swept parameter whose values are the rows.
    pub rows_by: String,
    /// The swept parameter that spreads the columns, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub across: Option<String>,
    /// What holds for the whole table, such as the machine's limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// The columns, those of one name side by side.
    pub columns: Vec<Column>,
    /// The name of the column to draw, on a logarithmic scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<String>,
    /// The rows, in the order of the sweep.
    pub rows: Vec<Row>,
}

/// Something that holds for a whole table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// Its name.
    pub name: String,
    /// Its value, or why there is none.
    pub cell: Cell,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    /// Its name, with the unit where there is one.
    pub name: String,
    /// The value of the parameter that spreads the columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Value>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The value of the rows' parameter.
    pub is: Value,
    /// One for each column.
    pub cells: Vec<Cell>,
}

/// One value of a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// A number, a word, or yes or no; none if it could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// Why it could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The run that it was read off: place in the recording's `runs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_without_a_finding_has_failed_if_its_sentences_were_decided() {
        let claim = |expected, literal, repaired| ClaimResult {
            id: String::new(),
            says: String::new(),
            expected,
            because: None,
            found: None,
            literal,
            repaired,
            undecided: None,
            evidence: Vec::new(),
        };
        assert!(claim(ClaimVerdict::Confirmed, Some(false), None).failed());
        assert!(!claim(ClaimVerdict::Confirmed, None, None).failed(), "events were lost");
        assert!(claim(ClaimVerdict::Refuted, Some(false), Some(false)).failed());
        assert!(!claim(ClaimVerdict::Refuted, Some(false), None).failed(), "what is true instead is not known");
        assert!(claim(ClaimVerdict::Refined, Some(true), Some(false)).failed());
    }
}
