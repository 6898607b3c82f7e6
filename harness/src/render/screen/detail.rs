//! A case that did not pass: what was expected, what was seen, and the events that show it.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use wakeproof_servers::Defect;

use super::super::paint::{BAD, BOLD, DIM, DOUBT, GOOD, of_claim, of_outcome, paint};
use super::super::text::{columns, counted, grouped, hang};
use super::super::{Excerpt, Exhibit};
use super::{Look, table};
use crate::case::Value;
use crate::recording::{End, Half};
use crate::verdict::{ClaimResult, Evidence, Finding, Outcome, Verdict};

const INDENT: usize = 4;

/// Everything that there is to say about one case.
pub(super) fn detail(verdict: &Verdict, exhibit: Option<&Exhibit>, defect: Option<Defect>, look: Look) -> String {
    let style = of_outcome(verdict.outcome);
    let signs = look.signs();
    let word = verdict.outcome.to_string();
    let title = format!("{} {} ", signs.outcome(verdict.outcome), verdict.case);
    let mut out = match look.columns().checked_sub(columns(&title) + columns(&word) + 1) {
        Some(rule) => format!("\n{}{} {}\n", paint(style, title), paint(DIM, signs.rule(rule)), paint(style, word)),
        None => format!("\n{}{}\n", paint(style, hang("", &title, look.columns())), paint(style, word)),
    };
    out.push_str(&hang("  ", &verdict.title, look.columns()));
    if let Some(reason) = &verdict.reason {
        out.push_str(&paint(style, hang("  ", reason, look.columns()).trim_end()));
        out.push('\n');
    }
    if matches!(verdict.outcome, Outcome::Xfail) {
        return out;
    }
    let empty = Exhibit::default();
    let mut page = Page { exhibit: exhibit.unwrap_or(&empty), look, shown: BTreeSet::new() };
    for finding in verdict.expectations.iter().filter(|finding| finding.held != Some(true)) {
        out.push_str(&page.finding(finding));
    }
    for claim in verdict.claims.iter().filter(|claim| claim.found != Some(claim.expected)) {
        out.push_str(&page.claim(claim));
    }
    if verdict.control.discriminates == Some(false) {
        let text =
            format!("control: {}. These must fail there, and did not:", verdict.control.title.trim_end_matches('.'));
        _ = write!(out, "\n{}", hang("  ", &text, look.columns()));
        for finding in verdict.control.findings.iter().filter(|finding| finding.held == Some(true)) {
            out.push_str(&page.finding(finding));
        }
    }
    out.push_str(&page.ends());
    let defect = defect.map_or_else(String::new, |defect| format!("--defect {}:{defect} ", defect.model()));
    let folder = page.exhibit.folder(&verdict.case).map_or_else(String::new, |folder| format!("--cases {folder} "));
    let again = format!("wakeproof test {folder}{defect}--exact {}", verdict.case);
    _ = write!(out, "\n{}", hang(&format!("  {}  ", paint(DIM, "again")), &again, look.columns()));
    out
}

struct Page<'a> {
    exhibit: &'a Exhibit,
    look: Look,
    /// Evidence that stands above already: a measure is shown once.
    shown: BTreeSet<(usize, String)>,
}

impl Page<'_> {
    fn finding(&mut self, finding: &Finding) -> String {
        let (word, style) = match finding.held {
            Some(true) => ("held", GOOD),
            Some(false) => ("did not hold", BAD),
            None => ("undecided", DOUBT),
        };
        let mut out = format!("\n  {} {}\n", paint(BOLD, &finding.name), paint(style, word));
        out.push_str(&self.row("expected", &finding.predicate));
        out.push_str(&self.point(&finding.point));
        if let Some(why) = &finding.undecided {
            out.push_str(&self.row("undecided", why));
        }
        out + &self.evidence(&finding.evidence)
    }

    fn claim(&mut self, claim: &ClaimResult) -> String {
        let found = match claim.found {
            Some(found) => format!("{}, not {}", paint(of_claim(found), found), claim.expected),
            None if claim.failed() => format!("{}, not {}", paint(BAD, "failed"), claim.expected),
            None => format!("{}, not {}", paint(DOUBT, "undecided"), claim.expected),
        };
        let mut out = format!("\n  {} {found}\n", paint(BOLD, &claim.id));
        out.push_str(&self.row("says", &claim.says));
        if let Some(text) = self.exhibit.claim(&claim.id) {
            for (name, predicate, held) in
                [("literal", &text.literal, claim.literal), ("repaired", &text.repaired, claim.repaired)]
            {
                let Some(predicate) = predicate else { continue };
                let held = held.map_or("undecided", |held| if held { "holds" } else { "does not hold" });
                out.push_str(&self.row(name, &format!("{predicate}  ({held})")));
            }
        }
        if let Some(why) = &claim.undecided {
            out.push_str(&self.row(if claim.failed() { "because" } else { "undecided" }, why));
        }
        out + &self.evidence(&claim.evidence)
    }

    fn evidence(&mut self, all: &[Evidence]) -> String {
        let mut out = String::new();
        for evidence in all {
            out.push_str(&self.row("seen", &format!("{} = {}", evidence.measure, table::bare(&evidence.value))));
            if !self.shown.insert((evidence.run, evidence.measure.clone())) {
                continue;
            }
            if let Some(excerpt) = self.exhibit.runs.get(evidence.run) {
                out.push_str(&table::table(excerpt, evidence.events.iter().copied(), INDENT + 2, self.look));
            }
        }
        out
    }

    /// Runs that did not come to their end, runs with losses, and servers that had something to say.
    fn ends(&self) -> String {
        let mut out = String::new();
        for excerpt in &self.exhibit.runs {
            let half = if excerpt.half == Half::Control { "the control" } else { "the case" };
            match &excerpt.end {
                End::Complete | End::LeftOut { .. } => {}
                End::Timeout { step, why } => {
                    _ = writeln!(out, "\n  {} in {half}", paint(DOUBT, "out of time"));
                    out.push_str(&(self.row("step", step) + &self.row("why", why) + &self.point(&excerpt.point)));
                    out.push_str(&self.last(excerpt));
                }
                End::Broken { step, why } => {
                    _ = writeln!(out, "\n  {} in {half}", paint(BAD, "set-up went wrong"));
                    out.push_str(&(self.row("step", step) + &self.row("why", why) + &self.point(&excerpt.point)));
                    out.push_str(&self.last(excerpt));
                }
            }
            for account in &excerpt.lossy {
                let [fired, delivered, lost] = [account.fired, account.delivered, account.lost].map(grouped);
                out.push_str(&self.row(
                    "lost",
                    &format!("{}: {lost} of {fired} events in {half}; {delivered} arrived", account.kind),
                ));
            }
            if let Some(server) = excerpt.server.as_deref().filter(|_| !excerpt.end.is_sound()) {
                out.push_str(&self.row("server", server));
            }
        }
        out
    }

    fn last(&self, excerpt: &Excerpt) -> String {
        if excerpt.events.is_empty() {
            return self.row("events", "none was seen");
        }
        let number = counted(excerpt.events.len(), "event");
        self.row("last", &number) + &table::table(excerpt, excerpt.events.keys().copied(), INDENT + 2, self.look)
    }

    fn point(&self, point: &BTreeMap<String, Value>) -> String {
        let value = |value: &Value| match value {
            Value::Int(number) => number.to_string(),
            Value::Text(text) => text.clone(),
        };
        let values: Vec<_> = point.iter().map(|(name, it)| format!("{name} = {}", value(it))).collect();
        if values.is_empty() { String::new() } else { self.row("with", &values.join(", ")) }
    }

    fn row(&self, name: &str, text: &str) -> String {
        let first = format!("{}{}  ", " ".repeat(INDENT), paint(DIM, format!("{name:<9}")));
        hang(&first, text, self.look.columns())
    }
}
