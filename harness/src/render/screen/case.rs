//! One case on the screen: a line, where the terminal is wide enough.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::paint::{BAD, BOLD, DIM, of_claim, of_outcome, paint};
use super::super::text::{columns, duration, left, right, wrap};
use super::Look;
use crate::case::ClaimVerdict;
use crate::verdict::{ClaimResult, Outcome, Verdict};

/// Columns of the claims' verdicts, the grade and the time.
const CLAIMS: usize = 21;
const GRADE: usize = 8;
const TIME: usize = 8;
/// A title needs so much room beside those; with less, they go below it.
const TITLE: usize = 36;
const MARK: usize = 4;

pub(super) fn heading(subject: &str) -> String {
    format!("\n{}\n", paint(BOLD, if subject.is_empty() { "cases" } else { subject }))
}

pub(super) fn line(verdict: &Verdict, look: Look) -> String {
    let style = of_outcome(verdict.outcome);
    let mark = paint(style, look.signs().outcome(verdict.outcome));
    let facts = CLAIMS + GRADE + TIME + 4;
    let wide = look.columns() >= MARK + TITLE + facts;
    let room = look.columns() - MARK - if wide { facts } else { 0 };
    let claims = if verdict.outcome == Outcome::Skip { String::new() } else { claims(&verdict.claims) };
    let (grade, time) = if verdict.outcome == Outcome::Skip {
        (paint(DIM, "skipped"), String::new())
    } else {
        (paint(DIM, verdict.grade), paint(DIM, duration(verdict.millis)))
    };
    let mut out = String::new();
    for (index, text) in wrap(&verdict.title, room).into_iter().enumerate() {
        let text = if verdict.outcome == Outcome::Pass { text } else { paint(style, text) };
        if index > 0 {
            _ = writeln!(out, "{}{text}", " ".repeat(MARK));
        } else if wide {
            let facts = format!("{} {} {}", left(&claims, CLAIMS), left(&grade, GRADE), right(&time, TIME));
            out.push_str(format!("  {mark} {}  {facts}", left(&text, room)).trim_end());
            out.push('\n');
        } else {
            _ = writeln!(out, "  {mark} {text}");
        }
    }
    if !wide {
        let facts: Vec<_> = [claims, grade, time].into_iter().filter(|fact| columns(fact) > 0).collect();
        _ = writeln!(out, "{}{}", " ".repeat(MARK), facts.join(&paint(DIM, format!(" {} ", look.signs().dot()))));
    }
    out
}

/// Claims that were decided, and are nothing that a claim can be: they stand behind the others.
const FAILED: u8 = u8::MAX - 1;

/// What became of a case's claims, in a few words: `refined, refuted`, or with numbers where there are many.
fn claims(claims: &[ClaimResult]) -> String {
    let mut counts: BTreeMap<u8, (Option<ClaimVerdict>, usize)> = BTreeMap::new();
    let mut surprises = 0;
    for claim in claims {
        if claim.found.is_some_and(|found| found != claim.expected) {
            surprises += 1;
        }
        let kind = claim.found.map_or(if claim.failed() { FAILED } else { u8::MAX }, |found| found as u8);
        counts.entry(kind).or_insert((claim.found, 0)).1 += 1;
    }
    let few = claims.len() <= 2 || counts.len() == 1;
    let style = |kind: u8, found: Option<ClaimVerdict>| found.map_or(if kind == FAILED { BAD } else { DIM }, of_claim);
    let word = |(&kind, &(found, count)): (&u8, &(Option<ClaimVerdict>, usize))| {
        let name = found
            .map_or_else(|| if kind == FAILED { "failed" } else { "undecided" }.to_owned(), |found| found.to_string());
        let name = if count == 1 && few { name } else { format!("{count} {name}") };
        paint(style(kind, found), &name)
    };
    let mut text = counts.iter().map(word).collect::<Vec<_>>().join(", ");
    if columns(&text) > CLAIMS - 2 {
        // Too many kinds to spell out: the first letters that tell them apart.
        let short = |(&kind, &(found, count)): (&u8, &(Option<ClaimVerdict>, usize))| {
            let name = match found {
                Some(ClaimVerdict::Confirmed) => "conf",
                Some(ClaimVerdict::Refined) => "refi",
                Some(ClaimVerdict::Refuted) => "refu",
                None if kind == FAILED => "fail",
                Some(ClaimVerdict::Undecidable) | None => "und",
            };
            paint(style(kind, found), format!("{count} {name}"))
        };
        text = counts.iter().map(short).collect::<Vec<_>>().join(" ");
    }
    if surprises > 0 { format!("{text}{}", paint(BAD, " !")) } else { text }
}
