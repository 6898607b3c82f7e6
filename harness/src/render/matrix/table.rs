//! The matrix for a terminal: one column of one sign for each kernel, a legend, and every change in words.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use indexmap::IndexMap;

use super::changes::word;
use super::stretch::stretches;
use super::wrong::{Wrong, wrong};
use super::{Change, Column, Feature, FeatureKind, Mark, Matrix, Row};
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
/// How many names of features are spelt out.
const NAMED: usize = 12;
/// Of a structure with more members than these only the numbers are told.
const LISTED: usize = 24;
/// What stands above what is wrong.
pub(in crate::render) const WRONG: &str = "What did not come out as it must";

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
    let empty: BTreeSet<bool> =
        cells.filter(|(_, cell)| cell.is_none()).map(|(kernel, _)| kernel.broken.is_some()).collect();
    words.extend(empty.contains(&false).then(|| format!("{} not run", paint(DIM, NONE))));
    words.extend(empty.contains(&true).then(|| format!("{} its guest broke", paint(BAD, BROKEN))));
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

/// Every change in words, with what explains it. Rows of which the same is to be said stand together.
fn changes(matrix: &Matrix, look: Look) -> String {
    let mut told: IndexMap<String, Vec<&str>> = IndexMap::new();
    for row in matrix.rows.iter().filter(|row| !row.changes.is_empty()) {
        let change =
            |change: &Change| one(&Change { words: words(matrix, row, change), ..change.clone() }, "    ", look);
        told.entry(row.changes.iter().map(change).collect()).or_default().push(&row.id);
    }
    let mut out = String::new();
    for (text, ids) in &told {
        if out.is_empty() {
            _ = writeln!(out, "\n{}", paint(BOLD, "What changes from one kernel to the next"));
        }
        for line in hang("  ", &ids.join(", "), look.columns()).lines() {
            _ = writeln!(out, "{}", paint(NAME, line));
        }
        out += text;
    }
    out
}

/// A change in words. How a claim was decided where its case came to no end elsewhere stands in the table.
fn words(matrix: &Matrix, row: &Row, change: &Change) -> String {
    let mark = |place: usize| row.cells[place].as_ref().map(|cell| cell.mark);
    let name = &matrix.kernels[change.from].name;
    match (mark(change.before), mark(change.from)) {
        (Some(Mark::Claim(_)), Some(now @ Mark::Case(_))) => format!("from {name}: {}, before decided", word(now)),
        (Some(then @ Mark::Case(_)), Some(Mark::Claim(_))) => format!("from {name}: decided, before {}", word(then)),
        _ => change.words.clone(),
    }
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

/// Probes, functions and members: those that differ with all their values, of the others how many there are.
fn features(matrix: &Matrix, shown: Shown, look: Look) -> String {
    let names: Vec<&str> = matrix.kernels.iter().map(|kernel| kernel.name.as_str()).collect();
    let mut out = String::new();
    for (kind, title) in [
        (FeatureKind::Probe, "How the probes are attached"),
        (FeatureKind::Function, "Functions that cases rest on"),
        (FeatureKind::Member, "Members that cases rest on"),
    ] {
        let all: Vec<&Feature> = matrix.features.iter().filter(|one| one.kind == kind).collect();
        let (same, differ): (Vec<&Feature>, Vec<&Feature>) = all.into_iter().partition(|one| one.is_constant());
        // Few probes are told whether they differ or not: which way is taken says what is seen.
        let told: Vec<&Feature> = if shown == Shown::All && kind != FeatureKind::Function {
            differ.iter().chain(&same).copied().collect()
        } else {
            differ
        };
        if told.is_empty() && (same.is_empty() || kind == FeatureKind::Member) {
            continue;
        }
        _ = writeln!(out, "\n{}", paint(BOLD, title));
        let counts = members(matrix);
        let (big, told): (Vec<&Feature>, Vec<&Feature>) =
            told.into_iter().partition(|feature| counts.get(structure(feature)).is_some_and(|(all, _)| *all > LISTED));
        let widest = told.iter().map(|feature| columns(&feature.name)).max().unwrap_or(0).min(36);
        for feature in &told {
            let stretches = stretches(feature.cells.iter().map(Option::as_deref));
            let parts: Vec<String> = match stretches.as_slice() {
                [one] => vec![one.value.to_owned()],
                several => several.iter().map(|one| format!("{}: {}", one.kernels(&names), one.value)).collect(),
            };
            out +=
                &hang(&format!("  {}  ", left(&paint(NAME, &feature.name), widest)), &parts.join("; "), look.columns());
        }
        let big: BTreeSet<&str> = big.into_iter().map(structure).collect();
        for (structure, (all, alike)) in big.into_iter().filter_map(|name| Some((name, counts.get(name)?))) {
            let text = format!("{all} members, {} of them not alike in all: `--output` writes them", all - alike);
            out += &hang(&format!("  {}  ", left(&paint(NAME, structure), widest)), &text, look.columns());
        }
        let others: Vec<&str> = same
            .iter()
            .filter(|feature| kind != FeatureKind::Member && !told.contains(feature))
            .map(|feature| feature.name.as_str())
            .collect();
        if !others.is_empty() {
            let mut list = others.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            if others.len() > NAMED {
                _ = write!(list, " and {} more", others.len() - NAMED);
            }
            out += &hang(&format!("  {}  ", paint(DIM, "alike")), &list, look.columns());
        }
    }
    out
}

/// The structure of a member; of anything else its name.
fn structure(feature: &Feature) -> &str {
    feature.name.split_once('.').map_or(feature.name.as_str(), |(structure, _)| structure)
}

/// How many members each structure has, and how many of them are alike.
fn members(matrix: &Matrix) -> BTreeMap<&str, (usize, usize)> {
    let mut members: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for feature in matrix.features.iter().filter(|feature| feature.kind == FeatureKind::Member) {
        let (all, alike) = members.entry(structure(feature)).or_default();
        *all += 1;
        *alike += usize::from(feature.is_constant());
    }
    members
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
            kernel.outcomes.iter().map(|(outcome, count)| paint(of_outcome(*outcome), format!("{count} {outcome}"))),
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
