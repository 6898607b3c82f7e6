//! Markdown for the summary of a CI step: sums, then what is not good, then what is refuted.
use std::fmt::Write as _;

use super::super::Results;
use super::super::text::{counted, duration, grouped};
use super::complaint;

pub(super) fn summary(results: &Results) -> String {
    let claims = results.claims();
    let (recorded, lost) = results.events();
    let mut out = format!(
        "## Wakeproof on Linux {} ({}), evidence {}\n\n",
        results.kernel.release, results.kernel.machine, results.grade
    );
    let outcomes: Vec<_> = results.outcomes().iter().map(|(outcome, number)| format!("{number} {outcome}")).collect();
    _ = write!(
        out,
        "| cases | confirmed | refined | refuted | undecidable | failed | undecided here | events | time |\n\
         |---|---|---|---|---|---|---|---|---|\n\
         | {} | {} | {} | {} | {} | {} | {} | {}, {} lost | {} |\n",
        outcomes.join(", "),
        claims.confirmed,
        claims.refined,
        claims.refuted,
        claims.undecidable,
        claims.failed,
        claims.undecided,
        grouped(recorded),
        grouped(lost),
        duration(results.millis)
    );
    if !results.unfinished.is_empty() {
        _ = writeln!(out, "\nInterrupted: {} did not come to run.", counted(results.unfinished.len(), "case"));
    }
    let bad: Vec<_> = results.verdicts.iter().filter(|verdict| !verdict.outcome.is_good()).collect();
    if !bad.is_empty() {
        out.push_str("\n### Not good\n\n| case | outcome | why |\n|---|---|---|\n");
        for verdict in bad {
            let why: Vec<_> = complaint(verdict).iter().map(|line| cell(line)).collect();
            _ = writeln!(out, "| `{}` | {} | {} |", verdict.case, verdict.outcome, why.join("<br>"));
        }
    }
    let mut refuted = results.refuted().peekable();
    if refuted.peek().is_some() {
        out.push_str("\n### What the documents say and this kernel refutes\n\n| claim | what is true |\n|---|---|\n");
        for (verdict, claim) in refuted {
            let truth =
                results.exhibits.get(&verdict.case).and_then(|exhibit| exhibit.claim(&claim.id)?.truth.as_deref());
            _ = writeln!(out, "| {} | {} |", cell(&claim.says), cell(truth.unwrap_or_default()));
        }
    }
    out
}

/// Text in a table: no bars, no lines, no markup.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for letter in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if matches!(letter, '|' | '<' | '>' | '*' | '_' | '`' | '\\' | '[' | ']') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
