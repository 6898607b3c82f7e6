//! The result screen. It can be written at once, or part by part while cases end: the text is the same.
mod case;
mod detail;
mod head;
mod summary;
mod table;
mod tables;

pub(crate) use table::{bare, name, probe_name, table};

use super::Results;
use super::paint::Signs;
use crate::verdict::{Outcome, Verdict};

/// How the screen is to look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether the terminal shows more than ASCII.
    pub utf8: bool,
    /// Whether each skipped case gets its line.
    pub skips: bool,
}

impl Look {
    /// Lines longer than this are hard to read.
    const WIDEST: usize = 120;

    pub(crate) fn columns(self) -> usize {
        self.width.clamp(40, Self::WIDEST)
    }

    pub(crate) fn signs(self) -> Signs {
        Signs::new(self.utf8)
    }
}

/// The whole screen, with colours.
pub fn screen(results: &Results, look: Look) -> String {
    let mut lines = Lines::new(look);
    let mut out = head(results, look);
    for verdict in &results.verdicts {
        out.push_str(&lines.case(verdict));
    }
    out.push_str(&tail(results, look));
    out
}

/// What stands above the cases.
pub fn head(results: &Results, look: Look) -> String {
    head::head(results, look)
}

/// What stands below the cases: each one that did not pass, then the sums.
pub fn tail(results: &Results, look: Look) -> String {
    let mut out = String::new();
    for verdict in results.verdicts.iter().filter(|verdict| !matches!(verdict.outcome, Outcome::Pass | Outcome::Skip)) {
        out.push_str(&detail::detail(verdict, results.exhibits.get(&verdict.case), results.defect, look));
    }
    out.push_str(&summary::summary(results, look));
    out
}

/// The lines of the cases, one after another as they end, under headings of their subjects.
#[derive(Debug)]
pub struct Lines {
    look: Look,
    subject: Option<String>,
}

impl Lines {
    /// Nothing written yet.
    pub fn new(look: Look) -> Self {
        Self { look, subject: None }
    }

    /// The line of the next case, with its subject's heading if that is new, and its tables.
    pub fn case(&mut self, verdict: &Verdict) -> String {
        if verdict.outcome == Outcome::Skip && !self.look.skips {
            return String::new();
        }
        let subject = verdict.case.rsplit_once('/').map_or("", |(subject, _)| subject);
        let mut out = String::new();
        if self.subject.as_deref() != Some(subject) {
            self.subject = Some(subject.to_owned());
            out.push_str(&case::heading(subject));
        }
        out.push_str(&case::line(verdict, self.look));
        for table in &verdict.tables {
            out.push_str(&tables::table(table, self.look));
        }
        out
    }
}

#[cfg(test)]
mod tests;
