//! What runs have found of the claims of a page, or of its case, for a terminal.
use std::collections::BTreeSet;

use super::history::History;
use super::page::Page;
use super::seen::Seen;
use super::sides::{Attached, Sides};
use crate::case::ClaimVerdict;
use crate::render::matrix::stretch::{Stretch, stretches};
use crate::render::matrix::{Change, Mark, Part, change_text, unlike, word};
use crate::render::paint::{BAD, BOLD, DIM, NAME, of_claim, of_outcome, paint};
use crate::render::screen::{Look, bare, table};
use crate::render::text::{hang, left};
use crate::verdict::Outcome;

/// What something was found of: a claim, or the whole case.
pub(super) struct Subject<'a> {
    /// Its id.
    pub(super) id: &'a str,
    /// What must be found of a claim.
    verdict: Option<ClaimVerdict>,
    /// What each run has found.
    pub(super) seen: &'a [Seen],
    history: Option<&'a History>,
}

/// The case as a whole, then its claims.
pub(super) fn subjects<'a>(page: &'a Page<'_>) -> Vec<Subject<'a>> {
    let whole = page.whole.iter().map(|whole| Subject {
        id: page.experiment.case,
        verdict: None,
        seen: &whole.seen,
        history: whole.history.as_ref(),
    });
    let claims = page.claims.iter().map(|claim| Subject {
        id: claim.id,
        verdict: Some(claim.verdict),
        seen: &claim.seen,
        history: claim.history.as_ref(),
    });
    whole.chain(claims).collect()
}

/// Everything that was found; the events are those that the parts' verdicts point to.
pub(super) fn found(page: &Page<'_>, parts: &[Part], look: Look) -> String {
    let mut out = String::new();
    let subjects = subjects(page);
    let named = subjects.len() > 1;
    for subject in &subjects {
        if let Some(history) = subject.history {
            out += &from_kernel_to_kernel(subject, history, named, look);
        }
        // Kernels that are like the one before them have nothing to add.
        let turns: Option<BTreeSet<&str>> = subject.history.map(|history| history.turns().collect());
        let tells = |seen: &&Seen| turns.as_ref().is_none_or(|turns| turns.contains(seen.kernel.as_str()));
        for seen in subject.seen.iter().filter(tells) {
            out += &one(subject, seen, &parts[seen.place], named, look);
            out += &values(page.experiment.case, seen, &parts[seen.place], look);
        }
    }
    if out.is_empty() {
        out += &hang(
            "  ",
            "No results are at hand: run it, with --report-dir target/reports to keep them, or name a file with --results.",
            look.columns(),
        );
    }
    // A history tells these itself.
    if subjects.iter().all(|subject| subject.history.is_none()) {
        out += &parts.iter().filter_map(Part::lost).map(|(kernel, why)| broken(kernel, why, look)).collect::<String>();
    }
    out
}

/// A line of a history: kernels, and what became of them.
fn line(kernels: &str, text: &str, look: Look) -> String {
    hang(&format!("  {}  ", left(kernels, KERNELS)), text, look.columns())
}

fn broken(kernel: &str, why: &str, look: Look) -> String {
    line(&paint(BAD, kernel), &format!("broken: {why}"), look)
}

/// On which kernels it came out how, and what explains each change.
fn from_kernel_to_kernel(subject: &Subject<'_>, history: &History, named: bool, look: Look) -> String {
    let kernels: Vec<&str> = history.kernels.iter().map(String::as_str).collect();
    let mut out = if named { format!("  {}\n", paint(NAME, subject.id)) } else { String::new() };
    let marks = history.row.cells.iter().map(|cell| cell.as_ref().map(|cell| cell.mark));
    for stretch in stretches(marks) {
        let why = untold(history, &stretch).map_or_else(String::new, |why| format!(": {why}"));
        out += &line(&paint(BOLD, stretch.kernels(&kernels)), &format!("{}{why}", word(stretch.value)), look);
    }
    let absent: Vec<&str> = history.absent().collect();
    if !absent.is_empty() {
        out += &line(&paint(DIM, absent.join(", ")), "did not run", look);
    }
    for (kernel, what) in &history.broken {
        out += &broken(kernel, what, look);
    }
    for conflict in &history.conflicts {
        out += &line(&paint(BAD, "disagree"), conflict, look);
    }
    out += &changes(history, look);
    out + "\n"
}

/// Why it was not decided on these kernels, where no change says that.
fn untold<'a>(history: &'a History, stretch: &Stretch<Mark>) -> Option<&'a str> {
    let here = stretch.first..=stretch.last;
    let told = history.row.changes.iter().any(|change| here.contains(&change.from) || here.contains(&change.before));
    let cell = history.row.cells[stretch.first].as_ref().filter(|cell| !told && matches!(cell.mark, Mark::Case(_)))?;
    cell.reason.as_deref()
}

/// Where it changes, each time with what explains it. What is the same below all changes is said once.
fn changes(history: &History, look: Look) -> String {
    let changes = || history.row.changes.iter().zip(&history.sides);
    let below: BTreeSet<String> = changes().map(|(change, sides)| beside(change, sides, look)).collect();
    let once = below.first().filter(|_| below.len() == 1 && history.row.changes.len() > 1);
    let mut out = String::new();
    for (change, sides) in changes() {
        out += &change_text(change, "    ", look);
        if once.is_none() {
            out += &beside(change, sides, look);
        }
    }
    if let Some(text) = once.filter(|text| !text.is_empty()) {
        out += "    at each of these changes\n";
        out += text;
    }
    out
}

/// Columns that the names of kernels take.
const KERNELS: usize = 16;

/// What stands below a change besides what it says itself: that nothing of the kernel differs, and how the probes are
/// attached. Where a case came to no end, nothing is compared.
fn beside(change: &Change, sides: &Sides, look: Look) -> String {
    if change.undecided {
        return String::new();
    }
    let row =
        |name: &str, text: &str| hang(&format!("      {}  ", paint(DIM, format!("{name:<8}"))), text, look.columns());
    let mut out = String::new();
    if change.differs.is_empty() {
        let none = "no function or member that the case names is known on both";
        let landmarks = sides.alike.iter().map(|(name, what)| (name.as_str(), what.clone()));
        out += &row("kernel", &alike(landmarks.collect()).unwrap_or_else(|| none.to_owned()));
    }
    let (same, other): (Vec<&Attached>, Vec<&Attached>) = sides.probes.iter().partition(|probe| probe.is_alike());
    for probe in other {
        let text = unlike(
            &probe.probe,
            (won(probe.before.as_ref()), &sides.before),
            (won(probe.after.as_ref()), &sides.after),
        );
        out += &row("probes", &text);
    }
    let same = same.into_iter().map(|probe| (probe.probe.as_str(), first(won(probe.after.as_ref()))));
    out + &alike(same.collect()).map_or_else(String::new, |text| row("probes", &text))
}

/// How many things that are alike are named.
const ALIKE: usize = 4;

/// What is the same on both sides of a change, each thing with what it is; none if there is nothing.
fn alike(all: Vec<(&str, String)>) -> Option<String> {
    let more = all.len().saturating_sub(ALIKE);
    let named: Vec<_> = all.into_iter().take(ALIKE).map(|(name, what)| format!("{name} ({what})")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("alike on both: {}{more}", named.join(", ")))
}

fn won(candidate: Option<&String>) -> &str {
    candidate.map_or("not known", String::as_str)
}

/// A candidate of several tracepoints by the first of them.
fn first(won: &str) -> String {
    won.split_once(", ").map_or_else(|| won.to_owned(), |(first, _)| format!("{first}, ..."))
}

/// What one run has found, in a sentence without colours.
pub(super) fn sentence(seen: &Seen) -> String {
    let found = match seen.found {
        Some(found) => format!("{found}{}", if seen.expected { "" } else { ", which was not expected" }),
        None if seen.whole || seen.outcome == Outcome::Skip => word(Mark::Case(seen.outcome)),
        None => format!("not decided ({})", seen.outcome),
    };
    let control = match seen.discriminates {
        Some(true) if seen.found.is_some() || seen.whole && seen.outcome != Outcome::Skip => {
            "; the control came out otherwise, as it must"
        }
        Some(false) => "; the control did not come out otherwise, so this says nothing",
        _ => "",
    };
    let reason = seen.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let broken = seen.broken.as_ref().map_or_else(String::new, |what| format!("; its run is broken: {what}"));
    format!("{found}{reason}{control}{broken}")
}

fn one(subject: &Subject<'_>, seen: &Seen, part: &Part, named: bool, look: Look) -> String {
    let style = match subject.verdict.filter(|_| seen.expected) {
        Some(verdict) => of_claim(verdict),
        None if seen.outcome.is_good() => of_outcome(seen.outcome),
        None => BAD,
    };
    let name = if named { format!("{}  ", paint(NAME, subject.id)) } else { String::new() };
    let series = seen.series.as_ref().map_or_else(String::new, |series| format!(" ({series})"));
    let head = hang(
        "  ",
        &format!("{name}Linux {}{series}, evidence {}{}:", seen.kernel, seen.grade, from(subject, seen, part)),
        look.columns(),
    );
    let text = hang("    ", &sentence(seen), look.columns());
    format!("{head}{}\n", text.lines().map(|line| paint(style, line)).collect::<Vec<_>>().join("\n"))
}

/// The file, where several runs are on one kernel.
fn from(subject: &Subject<'_>, seen: &Seen, part: &Part) -> String {
    let several = subject.seen.iter().filter(|other| other.kernel == seen.kernel).count() > 1;
    let file = part.results.as_ref().and_then(|results| results.from.as_ref()).filter(|_| several);
    file.map_or_else(String::new, |file| format!(", in {}", file.display()))
}

/// The measures of one run, each with its events.
fn values(case: &str, seen: &Seen, part: &Part, look: Look) -> String {
    let exhibit = part.results.as_ref().and_then(|results| results.exhibits.get(case));
    let mut out = String::new();
    let mut shown = BTreeSet::new();
    for evidence in &seen.evidence {
        out += &hang("      ", &format!("{} = {}", evidence.measure, bare(&evidence.value)), look.columns());
        if let Some(excerpt) = exhibit.and_then(|exhibit| exhibit.runs.get(evidence.run))
            && shown.insert((evidence.run, &evidence.events))
        {
            out += &table(excerpt, evidence.events.iter().copied(), 8, look);
        }
    }
    out
}
