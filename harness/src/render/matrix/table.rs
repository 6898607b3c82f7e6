//! The matrix for a terminal: one column of one sign for each kernel, a legend, and every change in words.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::changing::{Changing, changing};
use super::features::{Section, listed, sections};
use super::gaps::told;
use super::wrong::{Wrong, wrong};
use super::{Change, Column, Mark, Matrix, Row};
use crate::render::paint::{BAD, BOLD, DIM, DOUBT, GOOD, NAME, of_claim, of_outcome, paint};
use crate::render::screen::Look;
use crate::render::text::{columns, counted, duration, grouped, hang, left, right};

/// What of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Every row.
    All,
    /// Only rows that change.
    Changing,
}

/// Columns that ids get beside the signs before the kernels are set below each other.
const IDS: usize = 30;
/// Between two columns of signs.
const GAP: usize = 1;
/// Behind the signs of a row that changes.
const STAR: &str = " *";
/// Columns that kernels get before the reasons of what they skipped.
const KERNELS: usize = 16;
/// How many of these reasons are told.
const REASONS: usize = 12;
/// What stands above them.
pub(in crate::render) const SKIPPED: &str = "What was skipped, or passed in part";
/// What stands above what is wrong.
pub(in crate::render) const WRONG: &str = "What did not come out as it must";
/// What stands above the changes.
pub(in crate::render) const CHANGES: &str = "What changes from one kernel to the next";

/// The table, with colours.
pub fn table(matrix: &Matrix, shown: Shown, look: Look) -> String {
    let rows: Vec<&Row> = matrix.rows.iter().filter(|row| shown == Shown::All || !row.changes.is_empty()).collect();
    let mut out = String::new();
    for band in bands(&matrix.kernels, look) {
        out += &signs(matrix, &rows, band, look);
    }
    if rows.is_empty() && !matrix.rows.is_empty() {
        out += "no row changes from one kernel to another\n";
    }
    out += &legend(&matrix.kernels, &rows, look);
    out += &bad(matrix, look);
    out += &changes(matrix, look);
    out += &features(matrix, shown, look);
    out += &kernels(matrix, look);
    out += &gaps(matrix, look);
    out + &sums(matrix, look)
}

/// The columns that fit beside each other: all, or as many as there is room for.
fn bands(kernels: &[Column], look: Look) -> Vec<std::ops::Range<usize>> {
    let room = look.columns().saturating_sub(IDS + STAR.len());
    let mut bands = Vec::new();
    let (mut first, mut used) = (0, 0);
    for (place, kernel) in kernels.iter().enumerate() {
        let width = width(kernel) + GAP;
        if used + width > room && place > first {
            bands.push(first..place);
            (first, used) = (place, 0);
        }
        used += width;
    }
    bands.push(first..kernels.len());
    bands
}

fn width(kernel: &Column) -> usize {
    columns(&kernel.name)
}

/// Heads, then a line for each row under headings of their subjects.
fn signs(matrix: &Matrix, rows: &[&Row], band: std::ops::Range<usize>, look: Look) -> String {
    let kernels = &matrix.kernels[band.clone()];
    let used: usize = kernels.iter().map(|kernel| width(kernel) + GAP).sum::<usize>() + STAR.len();
    let ids = look
        .columns()
        .saturating_sub(used)
        .min(rows.iter().map(|row| columns(&row.id) + 3).max().unwrap_or(0).max(IDS));
    let heads: String = kernels.iter().map(|kernel| right(&kernel.name, width(kernel) + GAP)).collect();
    let mut out = format!("{}{}\n", " ".repeat(ids), paint(BOLD, heads));
    let mut subject = None;
    for row in rows {
        let here = row.case.split('/').next().unwrap_or_default();
        if subject != Some(here) {
            subject = Some(here);
            _ = writeln!(out, "{}", paint(BOLD, here));
        }
        let cells: String = kernels
            .iter()
            .zip(&row.cells[band.clone()])
            .map(|(kernel, cell)| {
                let sign = match (cell, &kernel.broken) {
                    (Some(cell), _) => paint(style(cell.mark), cell.mark.sign(look.signs())),
                    (None, Some(_)) => paint(BAD, BROKEN),
                    (None, None) => paint(DIM, NONE),
                };
                right(&sign, width(kernel) + GAP)
            })
            .collect();
        let changes = if row.changes.is_empty() { String::new() } else { paint(DOUBT, STAR) };
        let id = format!("  {}", row.id);
        if columns(&id) >= ids {
            // A long id stands on a line of its own.
            _ = writeln!(out, "{}", hang("  ", &row.id, look.columns()).trim_end());
            _ = writeln!(out, "{}{cells}{changes}", " ".repeat(ids));
        } else {
            _ = writeln!(out, "{}{cells}{changes}", left(&id, ids));
        }
    }
    out + "\n"
}

/// Nothing was selected to run there.
const NONE: &str = ".";
/// The whole run came to nothing.
const BROKEN: &str = "B";

fn style(mark: Mark) -> anstyle::Style {
    match mark {
        Mark::Claim(verdict) => of_claim(verdict),
        Mark::Case(outcome) => of_outcome(outcome),
    }
}

/// The signs that there are, and what they mean.
fn legend(kernels: &[Column], rows: &[&Row], look: Look) -> String {
    let explained = |mark: Mark| format!("{} {}", paint(style(mark), mark.sign(look.signs())), mark.meaning());
    let mut words: Vec<String> = Mark::all(rows.iter().copied()).into_iter().map(explained).collect();
    let cells = rows.iter().flat_map(|row| kernels.iter().zip(&row.cells));
    let empty =
        cells.filter(|(_, cell)| cell.is_none()).map(|(kernel, _)| (kernel.broken.is_some(), kernel.emptiness()));
    for (broken, means) in empty.collect::<BTreeSet<_>>() {
        words.push(format!("{} {means}", if broken { paint(BAD, BROKEN) } else { paint(DIM, NONE) }));
    }
    if rows.iter().any(|row| !row.changes.is_empty()) {
        words.push(format!("{} changes", paint(DOUBT, "*")));
    }
    let mut lines = vec![String::new()];
    for word in words {
        let line = lines.last_mut().expect("one is there");
        if columns(line) + columns(&word) + 3 > look.columns() {
            lines.push(word);
        } else {
            let gap = if line.is_empty() { "" } else { "   " };
            *line = format!("{line}{gap}{word}");
        }
    }
    lines.join("\n") + "\n"
}

/// What did not come out as it must.
fn bad(matrix: &Matrix, look: Look) -> String {
    let mut out = String::new();
    for Wrong { case, outcome, kernels, reason } in wrong(matrix) {
        if out.is_empty() {
            _ = writeln!(out, "\n{}", paint(BOLD, WRONG));
        }
        _ = writeln!(out, "  {} {case}", paint(of_outcome(outcome), outcome));
        out += &hang(&format!("    {}  ", paint(NAME, kernels)), reason, look.columns());
    }
    out
}

/// Every change in words, with what explains it.
fn changes(matrix: &Matrix, look: Look) -> String {
    let mut out = String::new();
    for Changing { rows, changes } in changing(matrix) {
        if out.is_empty() {
            _ = writeln!(out, "\n{}", paint(BOLD, CHANGES));
        }
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        for line in hang("  ", &ids.join(", "), look.columns()).lines() {
            _ = writeln!(out, "{}", paint(NAME, line));
        }
        out.extend(changes.iter().map(|change| one(change, "    ", look)));
    }
    out
}

/// One change: words, reasons, what differs in the kernels.
pub(crate) fn one(change: &Change, indent: &str, look: Look) -> String {
    let mut out = hang(indent, &change.words, look.columns());
    let below = |name: &str| format!("{indent}  {}  ", paint(DIM, format!("{name:<8}")));
    for reason in &change.reasons {
        out += &hang(&below("because"), reason, look.columns());
    }
    if change.unexplained() {
        let first = format!("{indent}  {}  ", paint(BAD, "because"));
        out += &hang(&first, "nothing explains it: no `differs` entry, no missing capability", look.columns());
    }
    if change.undecided {
        let first = format!("{indent}  {}  ", paint(BAD, "undecided"));
        out += &hang(&first, "where a case comes to no end, nothing can be said of the kernel", look.columns());
    }
    for differs in &change.differs {
        out += &hang(&below("kernel"), differs, look.columns());
    }
    out
}

/// Probes, functions and members, below a title each.
fn features(matrix: &Matrix, shown: Shown, look: Look) -> String {
    let mut out = String::new();
    for Section { title, lines, big, alike, .. } in sections(matrix, shown) {
        _ = writeln!(out, "\n{}", paint(BOLD, title));
        let widest = lines.iter().map(|(name, _)| columns(name)).max().unwrap_or(0).min(36);
        let big = big.into_iter().map(|(name, text)| (name, format!("{text}: `--output` writes them")));
        for (name, text) in lines.into_iter().chain(big) {
            out += &hang(&format!("  {}  ", left(&paint(NAME, name), widest)), &text, look.columns());
        }
        if !alike.is_empty() {
            out += &hang(&format!("  {}  ", paint(DIM, "alike")), &listed(&alike), look.columns());
        }
    }
    out
}

/// What was skipped or passed in part, a line for each reason.
fn gaps(matrix: &Matrix, look: Look) -> String {
    let names = matrix.names();
    let all = told(matrix);
    let mut out = String::new();
    let widest = all.iter().map(|told| columns(&told.kernels(&names))).max().unwrap_or(0).min(KERNELS);
    for told in all.iter().take(REASONS) {
        if out.is_empty() {
            _ = writeln!(out, "\n{}", paint(BOLD, SKIPPED));
        }
        let first = format!("  {}  ", left(&paint(NAME, told.kernels(&names)), widest));
        out += &hang(&first, &format!("{}: {}", told.cases(), told.why()), look.columns());
    }
    if all.len() > REASONS {
        let more = counted(all.len() - REASONS, "more reason");
        out += &hang("  ", &format!("and {more}: `--output` writes them"), look.columns());
    }
    out
}

/// A line for each kernel: what it is, and how its run ended.
fn kernels(matrix: &Matrix, look: Look) -> String {
    let mut out = format!("\n{}\n", paint(BOLD, "Kernels"));
    let widest = matrix.kernels.iter().map(width).max().unwrap_or_default();
    for kernel in &matrix.kernels {
        let mut parts = vec![kernel.release.clone().unwrap_or_else(|| "never came to run".to_owned())];
        parts.extend(kernel.package.clone());
        parts.extend(kernel.grade.map(|grade| format!("evidence {grade}")));
        parts.extend(
            kernel.counts().map(|(outcome, count, words)| paint(of_outcome(outcome), format!("{count} {words}"))),
        );
        if kernel.absent() > 0 {
            parts.push(paint(BAD, absent(kernel.absent())));
        }
        if kernel.lost > 0 {
            let events = if kernel.lost == 1 { "event" } else { "events" };
            parts.push(paint(BAD, format!("{} {events} lost", grouped(kernel.lost))));
        }
        parts.push(paint(DIM, duration(kernel.millis)));
        let dot = format!(" {} ", look.signs().dot());
        let first = format!("  {}  ", left(&paint(NAME, &kernel.name), widest));
        out += &spread(&first, &parts, &dot, look);
        if let Some(broken) = &kernel.broken {
            out += &hang(&format!("    {}  ", paint(BAD, "broken")), &broken.what, look.columns());
            for line in &broken.console {
                _ = writeln!(out, "      | {line}");
            }
            if let Some(next) = &broken.next {
                out += &hang(&format!("    {}    ", paint(DIM, "next")), next, look.columns());
            }
        }
    }
    out
}

fn absent(cases: usize) -> String {
    format!("{} did not run", counted(cases, "case"))
}

/// Coloured parts behind a name, on as many lines as they need.
fn spread(first: &str, parts: &[String], dot: &str, look: Look) -> String {
    let indent = columns(first);
    let mut out = first.to_owned();
    let mut used = indent;
    for (index, part) in parts.iter().enumerate() {
        let wanted = columns(part) + if index > 0 { columns(dot) } else { 0 };
        if index > 0 && used + wanted > look.columns() {
            out.push('\n');
            out += &" ".repeat(indent);
            used = indent;
        } else if index > 0 {
            out += dot;
        }
        out += part;
        used += wanted;
    }
    out + "\n"
}

/// How many rows there are, and what is wrong with them.
fn sums(matrix: &Matrix, look: Look) -> String {
    let changing = matrix.rows.iter().filter(|row| !row.changes.is_empty()).count();
    let broken = matrix.kernels.iter().filter(|kernel| kernel.broken.is_some()).count();
    let unexplained = matrix.unexplained().count();
    let mut out = format!("\n{}\n", paint(DIM, look.signs().rule(look.columns())));
    let mut parts = vec![
        counted(matrix.kernels.len(), "kernel"),
        counted(matrix.rows.len(), "row"),
        format!("{changing} changing"),
    ];
    if broken > 0 {
        parts.push(paint(BAD, format!("{} broken", counted(broken, "kernel"))));
    }
    if matrix.absent() > 0 {
        parts.push(paint(BAD, absent(matrix.absent())));
    }
    let undecided = matrix.undecided().count();
    if undecided > 0 {
        parts.push(paint(BAD, format!("{} undecided", counted(undecided, "row"))));
    }
    if unexplained > 0 {
        parts.push(paint(BAD, format!("{} unexplained", counted(unexplained, "difference"))));
    } else if !matrix.rows.is_empty() && matrix.absent() == 0 && undecided == 0 && broken == 0 {
        // Of what did not run, or was not decided, nobody knows whether it differs.
        parts.push(paint(GOOD, "every difference explained"));
    }
    out += &spread(&paint(NAME, "matrix  "), &parts, &format!(" {} ", look.signs().dot()), look);
    for kernel in matrix.kernels.iter().filter(|kernel| kernel.absent() > 0) {
        let text = format!("{}: {}", kernel.name, absent(kernel.absent()));
        out += &hang(&format!("{}  ", paint(BAD, "missing ")), &text, look.columns());
    }
    for conflict in &matrix.conflicts {
        out += &hang(&format!("{}  ", paint(BAD, "disagree")), conflict, look.columns());
    }
    out
}
