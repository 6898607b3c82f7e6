//! A page for a terminal. Colours are written always; who prints strips them where they are not wanted.
use std::fmt::Write as _;

use super::page::{ClaimPart, Experiment, Page, Predicate};
use super::words::Line;
use super::{runs, title};
use crate::case::ClaimVerdict;
use crate::render::matrix::Part;
use crate::render::paint::{BOLD, DIM, NAME, of_claim, paint};
use crate::render::screen::Look;
use crate::render::text::{columns, hang};

/// The page; the events are those that the parts' verdicts point to.
pub fn page(page: &Page<'_>, parts: &[Part], look: Look) -> String {
    let mut out = String::new();
    for claim in &page.claims {
        out += &head(claim, look);
    }
    out += &experiment(&page.experiment, look);
    if !page.experiment.measures.is_empty() {
        out += &heading("What is read off the recording");
        out += &rows(page.experiment.measures.iter().map(|(name, means)| (paint(NAME, name), means.as_str())), look);
    }
    out += &heading("What decides");
    for claim in &page.claims {
        out += &decides(claim, page.claims.len() > 1, look);
    }
    for (name, predicate) in &page.experiment.expectations {
        out += &hang(&format!("  {}  ", paint(DIM, format!("{name}:"))), predicate, look.columns());
    }
    out += &control(&page.experiment, look);
    if !page.experiment.kernel.is_empty() {
        out += &heading("Kernel source it rests on");
        out += &page.experiment.kernel.iter().map(|source| hang("  ", source, look.columns())).collect::<String>();
    }
    out += &heading("What runs have found");
    out += &runs::found(page, parts, look);
    out += &hang(
        &format!("\n{}  ", paint(DIM, "again")),
        &format!("wakeproof test --exact {}", page.experiment.case),
        look.columns(),
    );
    out
}

fn heading(text: &str) -> String {
    format!("\n{}\n", paint(BOLD, text))
}

/// Names with what they stand for, below each other.
fn rows<'r>(rows: impl Iterator<Item = (String, &'r str)>, look: Look) -> String {
    let rows: Vec<_> = rows.collect();
    let widest = rows.iter().map(|(name, _)| columns(name)).max().unwrap_or_default().min(24);
    let line = |(name, text): &(String, &str)| {
        hang(&format!("  {name}{}  ", " ".repeat(widest.saturating_sub(columns(name)))), text, look.columns())
    };
    rows.iter().map(line).collect()
}

fn row(name: &str, text: &str, look: Look) -> String {
    hang(&format!("  {}  ", paint(DIM, format!("{name:<8}"))), text, look.columns())
}

fn head(claim: &ClaimPart<'_>, look: Look) -> String {
    let verdict = paint(of_claim(claim.verdict).bold(), claim.verdict);
    let mut out = format!("{}  {verdict}\n\n", paint(BOLD, claim.id));
    for quote in &claim.quotes {
        out += &hang("  ", &look.signs().quotes(quote.text), look.columns());
        let section =
            quote.section.map_or_else(String::new, |section| format!(", under {}", look.signs().quotes(section)));
        out += &hang("      ", &format!("{}{section}", title(quote.source)), look.columns());
    }
    out += &row("says", claim.says, look);
    if let Some(truth) = claim.truth {
        out += &row("truth", truth, look);
    }
    if let Some(limits) = claim.limits {
        out += &row("limits", limits, look);
    }
    out + "\n"
}

fn experiment(experiment: &Experiment<'_>, look: Look) -> String {
    let mut out = hang("", experiment.title, look.columns());
    out = format!("{}\n", paint(BOLD, out.trim_end()));
    out += &row("case", experiment.case, look);
    out += &row("evidence", &format!("{} or stronger", experiment.grade), look);
    if let Some(server) = &experiment.server {
        out += &row("server", server, look);
    }
    for (name, value) in &experiment.parameters {
        let each = if experiment.swept.contains(&name.as_str()) { ": one run for each" } else { "" };
        out += &row("with", &format!("{name} = {value}{each}"), look);
    }
    out.push('\n');
    for line in experiment.wiring.lines() {
        _ = writeln!(out, "    {line}");
    }
    out.push('\n');
    out + &steps(&experiment.steps, 2, look)
}

fn steps(lines: &[Line], indent: usize, look: Look) -> String {
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let first = format!("{}{} ", " ".repeat(indent), paint(DIM, format!("{:>2}.", index + 1)));
        out += &hang(&first, &line.text, look.columns());
        out += &steps(&line.below, indent + 4, look);
    }
    out
}

fn decides(claim: &ClaimPart<'_>, named: bool, look: Look) -> String {
    let mut out = if named { format!("  {}\n", paint(NAME, claim.id)) } else { String::new() };
    let line = |Predicate { role, text }: &Predicate<'_>| {
        hang(&format!("  {}  ", paint(DIM, format!("{role:<25}"))), text, look.columns())
    };
    out += &claim.predicates.iter().map(line).collect::<String>();
    out + &hang("  ", rule(claim.verdict), look.columns())
}

/// When a claim comes out as it is expected to.
pub(super) fn rule(verdict: ClaimVerdict) -> &'static str {
    match verdict {
        ClaimVerdict::Confirmed => "Confirmed: the sentence as it stands holds.",
        ClaimVerdict::Refined => "Refined: what is true holds; the sentence as it stands needs that correction.",
        ClaimVerdict::Refuted => "Refuted: the sentence as it stands must fail, and what is true must hold.",
        ClaimVerdict::Undecidable => "Undecidable: nothing is evaluated.",
    }
}

/// What a control is for.
pub(super) const DISCRIMINATES: &str = "Every one of these must come out otherwise here. If one did not, its predicate could not tell the difference, and the case would be broken.";

fn control(experiment: &Experiment<'_>, look: Look) -> String {
    let control = &experiment.control;
    let mut out = heading("Control: how it would look if it were not so");
    out += &hang("  ", control.title, look.columns());
    for change in &control.changes {
        out += &row("changed", change, look);
    }
    if !control.steps.is_empty() {
        out += &row("changed", "the steps:", look);
        out += &steps(&control.steps, 6, look);
    }
    out += &row("differs", &control.must_fail.join(", "), look);
    out += &hang("  ", DISCRIMINATES, look.columns());
    for (when, because) in &experiment.differs {
        out += &row("but", &format!("where {when}: {because}"), look);
    }
    out
}
