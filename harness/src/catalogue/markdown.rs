//! A page as Markdown.
use std::fmt::Write as _;

use super::page::{ClaimPart, Experiment, Page};
use super::runs::{sentence, subjects};
use super::terminal::{DISCRIMINATES, rule};
use super::title;
use super::words::Line;
use crate::render::screen::bare;

/// The page under headings from this level on.
pub fn markdown(page: &Page<'_>, level: usize) -> String {
    let sharps = "#".repeat(level);
    let mut out = String::new();
    for claim in &page.claims {
        _ = write!(out, "{sharps} `{}`: {}\n\n{}", claim.id, claim.verdict, said(claim));
    }
    out += &experiment(&page.experiment, &sharps);
    _ = write!(out, "**What decides**\n\n");
    for claim in &page.claims {
        out += &decides(claim, page.claims.len() > 1);
    }
    for (name, predicate) in &page.experiment.expectations {
        _ = writeln!(out, "- {name}: `{predicate}`");
    }
    out.push('\n');
    out += &control(&page.experiment);
    out += &found(page);
    out
}

/// Quotes, sentence, truth and limits.
pub(super) fn said(claim: &ClaimPart<'_>) -> String {
    let mut out = String::new();
    for quote in &claim.quotes {
        let section = quote.section.map_or_else(String::new, |section| format!(", under “{section}”"));
        _ = writeln!(out, "> {}\n> ({}{section})\n", quote.text, title(quote.source));
    }
    _ = writeln!(out, "- Says: {}", claim.says);
    if let Some(truth) = claim.truth {
        _ = writeln!(out, "- Truth: {truth}");
    }
    if let Some(limits) = claim.limits {
        _ = writeln!(out, "- Limits: {limits}");
    }
    out + "\n"
}

fn experiment(experiment: &Experiment<'_>, sharps: &str) -> String {
    let mut out = format!("{sharps}# {}\n\n", experiment.title);
    _ = write!(out, "Case `{}`, evidence {} or stronger.", experiment.case, experiment.grade);
    if let Some(server) = &experiment.server {
        _ = write!(out, "\nServer: {server}.");
    }
    for (name, value) in &experiment.parameters {
        let each = if experiment.swept.contains(&name.as_str()) { ", one run for each" } else { "" };
        _ = write!(out, "\nWith `{name}` = {value}{each}.");
    }
    _ = write!(out, "\n\n```text\n{}\n```\n\n{}\n", experiment.wiring, steps(&experiment.steps, 0));
    if !experiment.measures.is_empty() {
        _ = write!(out, "**What is read off the recording**\n\n");
        for (name, means) in &experiment.measures {
            _ = writeln!(out, "- `{name}`: {means}");
        }
        out.push('\n');
    }
    out
}

fn steps(lines: &[Line], indent: usize) -> String {
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        _ = write!(out, "{}{}. {}\n{}", " ".repeat(indent), index + 1, line.text, steps(&line.below, indent + 3));
    }
    out
}

fn decides(claim: &ClaimPart<'_>, named: bool) -> String {
    let mut out = if named { format!("`{}`\n\n", claim.id) } else { String::new() };
    for predicate in &claim.predicates {
        _ = writeln!(out, "- {}: `{}`", predicate.role, predicate.text);
    }
    _ = write!(out, "- {}\n\n", rule(claim.verdict));
    out
}

fn control(experiment: &Experiment<'_>) -> String {
    let control = &experiment.control;
    let mut out = format!("**Control: how it would look if it were not so**\n\n{}.\n", control.title);
    for change in &control.changes {
        _ = writeln!(out, "Changed: {change}.");
    }
    if !control.steps.is_empty() {
        _ = write!(out, "Changed, the steps:\n\n{}\n", steps(&control.steps, 0));
    }
    let names: Vec<_> = control.must_fail.iter().map(|name| format!("`{name}`")).collect();
    _ = write!(out, "Must come out otherwise: {}. {DISCRIMINATES}\n\n", names.join(", "));
    for (when, because) in &experiment.differs {
        _ = writeln!(out, "Known to differ where `{when}`: {because}.\n");
    }
    if !experiment.kernel.is_empty() {
        _ = write!(out, "**Kernel source it rests on**\n\n");
        for source in &experiment.kernel {
            _ = writeln!(out, "- {source}");
        }
        out.push('\n');
    }
    out
}

fn found(page: &Page<'_>) -> String {
    let mut out = String::new();
    for subject in subjects(page) {
        for seen in subject.seen {
            if out.is_empty() {
                out += "**What runs have found**\n\n";
            }
            _ = writeln!(
                out,
                "- `{}` on Linux {}, evidence {}: {}",
                subject.id,
                seen.kernel,
                seen.grade,
                sentence(seen)
            );
            for evidence in &seen.evidence {
                _ = writeln!(out, "  - `{}` = {}", evidence.measure, bare(&evidence.value));
            }
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}
