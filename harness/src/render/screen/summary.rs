//! The sums: refuted claims with their counter-examples, skips by reason, what was not as it must be, and how many of
//! everything.
use std::fmt::Write as _;

use indexmap::IndexSet;

use super::super::paint::{BAD, BOLD, DIM, FINDING, NAME, of_claim, of_outcome, paint};
use super::super::text::{columns, counted, duration, grouped, hang};
use super::super::{Exhibit, Results};
use super::{Look, table};
use crate::case::{ClaimVerdict, Source};
use crate::recording::End;
use crate::verdict::{ClaimResult, Outcome};

pub(super) fn summary(results: &Results, look: Look) -> String {
    let mut out = refuted(results, look);
    out.push_str(&skipped(results, look));
    if !results.unfinished.is_empty() {
        let text = format!(
            "{} did not come to run: {}",
            counted(results.unfinished.len(), "case"),
            results.unfinished.join(", ")
        );
        _ = write!(out, "\n{}", hang(&format!("{} ", paint(BAD, "interrupted")), &text, look.columns()));
    }
    out.push_str(&troubled(results, look));
    out + &totals(results, look)
}

fn refuted(results: &Results, look: Look) -> String {
    let mut out = String::new();
    for (verdict, claim) in results.refuted() {
        if out.is_empty() {
            _ = writeln!(out, "\n{}", paint(BOLD, "What the documents say and this kernel refutes"));
        }
        out.push_str(&refutation(claim, results.exhibits.get(&verdict.case), look));
    }
    out
}

fn refutation(claim: &ClaimResult, exhibit: Option<&Exhibit>, look: Look) -> String {
    let row =
        |name: &str, text: &str| hang(&format!("    {}  ", paint(DIM, format!("{name:<5}"))), text, look.columns());
    let mut out = format!("  {}\n", paint(FINDING, &claim.id));
    let text = exhibit.and_then(|exhibit| exhibit.claim(&claim.id));
    for quote in text.into_iter().flat_map(|text| &text.quotes) {
        let source = match quote.source {
            Source::A => "A",
            Source::B => "B",
        };
        out.push_str(&row(source, &look.signs().quotes(&quote.text)));
    }
    out.push_str(&row("says", &claim.says));
    // The points of a sweep may all have seen the same.
    let seen: IndexSet<_> = claim
        .evidence
        .iter()
        .map(|evidence| format!("{} = {}", evidence.measure, table::bare(&evidence.value)))
        .collect();
    let seen: Vec<_> = seen.into_iter().collect();
    if !seen.is_empty() {
        out.push_str(&row("seen", &seen.join(", ")));
    }
    if let Some(truth) = text.and_then(|text| text.truth.as_deref()) {
        out.push_str(&row("truth", truth));
    }
    out
}

fn skipped(results: &Results, look: Look) -> String {
    let skips = results.skips();
    let mut out = String::new();
    for (reason, verdicts) in &skips {
        if out.is_empty() {
            _ = writeln!(out, "\n{}", paint(BOLD, "Skipped"));
        }
        out.push_str(&hang(&format!("  {:>3}  ", verdicts.len()), reason, look.columns()));
    }
    if !skips.is_empty() && !look.skips {
        out.push_str(&hang("       ", "(--show-skips names them, wakeproof doctor says what to do)", look.columns()));
    }
    out
}

/// The cases that were not as they must be, by name: what is told of them in full stands far above the end of a long screen.
fn troubled(results: &Results, look: Look) -> String {
    let mut out = String::new();
    for verdict in results.verdicts.iter().filter(|verdict| !verdict.outcome.is_good()) {
        if out.is_empty() {
            _ = writeln!(out, "\n{}", paint(BOLD, "Not as it must be"));
        }
        let mark = paint(of_outcome(verdict.outcome), look.signs().outcome(verdict.outcome));
        out.push_str(&hang(&format!("  {mark} "), &format!("{}: {}", verdict.case, verdict.outcome), look.columns()));
        let runs = results.exhibits.get(&verdict.case).map_or(&[][..], |exhibit| &exhibit.runs);
        let stopped = runs.iter().find_map(|run| match &run.end {
            End::Timeout { step, why } | End::Broken { step, why } => Some(format!("{step}: {why}")),
            End::Complete | End::LeftOut { .. } => None,
        });
        if let Some(why) = stopped.or_else(|| verdict.reason.clone()) {
            out.push_str(&hang("    ", &why, look.columns()));
        }
    }
    out
}

fn totals(results: &Results, look: Look) -> String {
    let dot = format!(" {} ", look.signs().dot());
    let outcomes: Vec<_> = results
        .outcomes()
        .into_iter()
        .map(|(outcome, count)| paint(of_outcome(outcome), format!("{count} {}", of(outcome))))
        .collect();
    let outcomes = if outcomes.is_empty() { "none".to_owned() } else { outcomes.join(&dot) };
    let claims = results.claims();
    let mut became = vec![
        paint(of_claim(ClaimVerdict::Confirmed), format!("confirmed {}", claims.confirmed)),
        paint(of_claim(ClaimVerdict::Refined), format!("refined {}", claims.refined)),
        paint(of_claim(ClaimVerdict::Refuted), format!("refuted {}", claims.refuted)),
        paint(of_claim(ClaimVerdict::Undecidable), format!("undecidable {}", claims.undecidable)),
    ];
    if claims.failed > 0 {
        became.push(paint(BAD, format!("failed {}", claims.failed)));
    }
    if claims.undecided > 0 {
        became.push(paint(DIM, format!("undecided here {}", claims.undecided)));
    }
    let (recorded, lost) = results.events();
    let lost = if lost == 0 { paint(DIM, "none lost") } else { paint(BAD, format!("{} lost", grouped(lost))) };
    let again = match results.verdicts.iter().filter(|verdict| !verdict.again.is_empty()).count() {
        0 => String::new(),
        some => format!("{dot}{} recorded again after a loss", counted(some, "case")),
    };
    let mut out = format!("\n{}\n", paint(DIM, look.signs().rule(look.columns())));
    for (name, text) in [
        ("cases", format!("{outcomes}{dot}{}", paint(DIM, duration(results.millis)))),
        ("claims", became.join(&dot)),
        ("events", format!("{} recorded{dot}{lost}{again}", grouped(recorded))),
    ] {
        out.push_str(&parts(name, &text, &dot, look));
    }
    out
}

/// Coloured parts beside a name, on as many lines as they need.
fn parts(name: &str, text: &str, dot: &str, look: Look) -> String {
    let mut out = paint(NAME, format!("{name:<8}"));
    let mut used = 8;
    for (index, part) in text.split(dot).enumerate() {
        let wanted = columns(part) + if index > 0 { columns(dot) } else { 0 };
        if index > 0 && used + wanted > look.columns() {
            out.push_str("\n        ");
            used = 8;
        } else if index > 0 {
            out.push_str(&paint(DIM, dot));
        }
        out.push_str(part);
        used += wanted;
    }
    out + "\n"
}

/// An outcome after its number.
fn of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "passed",
        Outcome::Fail => "failed",
        Outcome::Broken => "broken",
        Outcome::Skip => "skipped",
        Outcome::Xfail => "failed as expected",
        Outcome::Xpass => "passed unexpectedly",
        Outcome::Timeout => "out of time",
        Outcome::Inconclusive => "inconclusive",
    }
}
