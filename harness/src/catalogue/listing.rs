//! The list of claims, document by document, for a terminal and as Markdown.
use std::fmt::Write as _;

use super::seen::{Seen, seen};
use super::{Catalogue, Passage, errata, known, title};
use crate::case::{ClaimVerdict, Source};
use crate::render::paint::{BAD, BOLD, DIM, NAME, of_claim, paint};
use crate::render::screen::{Look, bare};
use crate::render::text::hang;

const VERDICTS: [ClaimVerdict; 4] =
    [ClaimVerdict::Confirmed, ClaimVerdict::Refined, ClaimVerdict::Refuted, ClaimVerdict::Undecidable];

/// The list for a terminal.
pub fn text(catalogue: &Catalogue<'_>, look: Look) -> String {
    let mut out = String::new();
    for source in [Source::A, Source::B] {
        let passages = catalogue.passages(source);
        if passages.is_empty() {
            continue;
        }
        _ = writeln!(out, "{}{}", if out.is_empty() { "" } else { "\n" }, paint(BOLD, title(source)));
        let mut section = None;
        for passage in &passages {
            if passage.section != section {
                section = passage.section;
                _ = writeln!(out, "\n  {}", paint(BOLD, section.unwrap_or("before the first heading")));
            }
            out += &line(catalogue, passage, look);
        }
    }
    out + &errata::listed(&catalogue.slips, look) + &sums(catalogue, look)
}

/// One claim: verdict, id, quotes, sentence, truth, what was seen, case.
fn line(catalogue: &Catalogue<'_>, passage: &Passage<'_>, look: Look) -> String {
    let claim = passage.entry.claim;
    let style = of_claim(claim.verdict);
    let style = if claim.verdict == ClaimVerdict::Refuted { style.bold() } else { style };
    let row =
        |name: &str, text: &str| hang(&format!("        {}  ", paint(DIM, format!("{name:<5}"))), text, look.columns());
    let mut out = format!(
        "    {} {}  {}\n",
        paint(style, sign(claim.verdict)),
        paint(style, claim.verdict),
        paint(NAME, &claim.id)
    );
    for quote in &passage.quotes {
        out += &hang("        ", &look.signs().quotes(&quote.text), look.columns());
    }
    out += &row("says", &claim.says);
    if let Some(truth) = &claim.truth {
        out += &row("truth", truth);
    }
    for seen in seen(&catalogue.parts, passage.entry.case, Some(claim)) {
        out += &paint(if seen.expected { style } else { BAD }, row("seen", &short(&seen)).trim_end());
        out.push('\n');
    }
    out + &row("case", &passage.entry.case.id)
}

/// One column that tells verdicts apart without colours.
fn sign(verdict: ClaimVerdict) -> &'static str {
    match verdict {
        ClaimVerdict::Confirmed => " ",
        ClaimVerdict::Refined => "~",
        ClaimVerdict::Refuted => "!",
        ClaimVerdict::Undecidable => "?",
    }
}

/// What a run has found, on a line: `refuted on 6.18.44 (trace): wakes_later = 5`.
fn short(seen: &Seen) -> String {
    let found = seen.found.map_or_else(|| format!("not decided ({})", seen.outcome), |found| found.to_string());
    let unexpected = if seen.found.is_some() && !seen.expected { ", unexpectedly" } else { "" };
    let mut values: Vec<_> = seen
        .evidence
        .iter()
        .take(3)
        .map(|evidence| format!("{} = {}", evidence.measure, bare(&evidence.value)))
        .collect();
    values.extend(seen.reason.clone());
    values.extend(seen.broken.as_ref().map(|what| format!("its run is broken: {what}")));
    let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
    format!("{found}{unexpected} on {} ({}){values}", seen.kernel, seen.grade)
}

fn sums(catalogue: &Catalogue<'_>, look: Look) -> String {
    let number = |verdict| catalogue.entries.iter().filter(|entry| entry.claim.verdict == verdict).count();
    let dot = look.signs().dot();
    let mut counts: Vec<_> = VERDICTS
        .into_iter()
        .map(|verdict| paint(of_claim(verdict), format!("{verdict} {}", number(verdict))))
        .collect();
    if !catalogue.slips.is_empty() {
        counts.push(format!("errata {}", catalogue.slips.len()));
    }
    let mut out = format!(
        "\n{} of the {} claims: {}\n",
        catalogue.entries.len() + catalogue.slips.len(),
        known().len(),
        counts.join(&format!(" {dot} "))
    );
    out += &paint(DIM, "wakeproof explain ID shows the experiment; wakeproof claims refuted lists what is wrong");
    out + "\n"
}

/// The list as Markdown: one document, with links made by `link` from a claim's id and its case.
pub fn markdown(catalogue: &Catalogue<'_>, source: Source, link: impl Fn(&Passage<'_>) -> String) -> String {
    let mut out = String::new();
    let mut section = Some("");
    for passage in catalogue.passages(source) {
        if passage.section != section {
            section = passage.section;
            _ = write!(out, "## {}\n\n", section.unwrap_or("Before the first heading"));
        }
        let claim = passage.entry.claim;
        let verdict = if claim.verdict == ClaimVerdict::Refuted {
            format!("**{}**", claim.verdict)
        } else {
            claim.verdict.to_string()
        };
        let quotes: Vec<_> = passage.quotes.iter().map(|quote| format!("“{}”", quote.text)).collect();
        _ = writeln!(out, "- {} {verdict} {}  ", link(&passage), quotes.join(" and "));
        _ = writeln!(out, "  {}", claim.says);
        if let Some(truth) = &claim.truth {
            _ = writeln!(out, "  *{truth}*");
        }
        out.push('\n');
    }
    out
}
