//! KTAP, version 1 (Documentation/dev-tools/ktap.rst): a line for each case, below it a line for each of its claims.
use std::fmt::Write as _;

use super::super::Results;
use super::complaint;
use crate::verdict::{ClaimResult, Outcome, Verdict};

pub(super) fn ktap(results: &Results) -> String {
    let mut out = format!("KTAP version 1\n1..{}\n", results.verdicts.len());
    for (place, verdict) in results.verdicts.iter().enumerate() {
        case(&mut out, place + 1, verdict);
    }
    for case in &results.unfinished {
        _ = writeln!(out, "# {case} did not come to run");
    }
    out
}

fn case(out: &mut String, number: usize, verdict: &Verdict) {
    if !verdict.claims.is_empty() {
        _ = writeln!(out, "  KTAP version 1\n  1..{}", verdict.claims.len());
        for (place, claim) in verdict.claims.iter().enumerate() {
            _ = writeln!(out, "  {}", of_claim(place + 1, claim));
        }
    }
    let directive = match verdict.outcome {
        Outcome::Pass | Outcome::Fail | Outcome::Xpass => "",
        Outcome::Skip => " # SKIP",
        Outcome::Xfail => " # XFAIL",
        Outcome::Timeout => " # TIMEOUT",
        Outcome::Broken | Outcome::Inconclusive => " # ERROR",
    };
    let reason = verdict
        .reason
        .as_deref()
        .filter(|_| !directive.is_empty())
        .map_or_else(String::new, |reason| format!(" {}", one_line(reason)));
    if !verdict.outcome.is_good() {
        for line in complaint(verdict) {
            _ = writeln!(out, "# {}", one_line(&line));
        }
    }
    let ok = if verdict.outcome.is_good() { "ok" } else { "not ok" };
    _ = writeln!(out, "{ok} {number} {}{directive}{reason}", verdict.case);
}

fn of_claim(number: usize, claim: &ClaimResult) -> String {
    match claim.found {
        Some(found) if found == claim.expected => format!("ok {number} {} {found}", claim.id),
        Some(found) => format!("not ok {number} {} {found}, expected {}", claim.id, claim.expected),
        None if claim.failed() => format!("not ok {number} {} failed, expected {}", claim.id, claim.expected),
        None => {
            format!("ok {number} {} # SKIP {}", claim.id, one_line(claim.undecided.as_deref().unwrap_or("undecided")))
        }
    }
}

/// A `#` begins a directive, and a line ends a result.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('#', "\\#")
}
