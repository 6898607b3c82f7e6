//! From results of several kernels, perhaps of several machines, to the matrix.
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use indexmap::IndexMap;

use super::changes::changes;
use super::gaps::gaps;
use super::{Cell, Column, Feature, FeatureKind, Mark, Matrix, Row, VERSION};
use crate::recording::Presence;
use crate::render::{Machine, Results};
use crate::verdict::{ClaimResult, Outcome, Verdict};

/// What one run has left: results, and what is known of where it ran. One of both may be missing.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// What came out.
    pub results: Option<Results>,
    /// Where it ran.
    pub machine: Option<Machine>,
}

impl Part {
    /// Of a run that has left no results: what its kernel is called, and why.
    pub fn lost(&self) -> Option<(&str, &str)> {
        let machine = self.machine.as_ref().filter(|_| self.results.is_none())?;
        Some((&machine.series, &machine.broken.as_ref()?.what))
    }
}

impl From<Results> for Part {
    /// Results of a machine that nothing is known of.
    fn from(results: Results) -> Self {
        Self { results: Some(results), machine: None }
    }
}

/// One kernel, with all its parts joined.
pub(super) struct Joined {
    pub(super) column: Column,
    /// None if nothing of it came back.
    pub(super) results: Option<Results>,
    /// What each case's verdict was read from, where that is known.
    from: BTreeMap<String, PathBuf>,
}

/// Joins the parts of each kernel and sets the kernels beside each other.
pub fn matrix(parts: Vec<Part>) -> Matrix {
    let mut conflicts = Vec::new();
    let mut kernels = join(parts, &mut conflicts);
    kernels.sort_by_key(|kernel| age(&kernel.column));
    name(&mut kernels);
    count_missing(&mut kernels);
    Matrix {
        version: VERSION,
        rows: rows(&kernels),
        features: features(&kernels),
        kernels: kernels.into_iter().map(|kernel| kernel.column).collect(),
        conflicts,
    }
}

/// One for each kernel and grade of evidence.
fn join(parts: Vec<Part>, conflicts: &mut Vec<String>) -> Vec<Joined> {
    let mut kernels: Vec<Joined> = Vec::new();
    // Results first: what broke on another machine belongs to a kernel that is known by then.
    let (with, without): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.results.is_some());
    for Part { results, machine } in with.into_iter().chain(without) {
        let series = machine.as_ref().map(|machine| machine.series.as_str());
        let same = |kernel: &Joined| match (&results, &kernel.results) {
            (Some(here), Some(there)) => here.kernel == there.kernel && here.grade == there.grade,
            _ => series == Some(kernel.column.name.as_str()),
        };
        let place = kernels.iter().position(same).unwrap_or_else(|| {
            kernels.push(Joined { column: Column::default(), results: None, from: BTreeMap::new() });
            kernels.len() - 1
        });
        let kernel = &mut kernels[place];
        if let Some(machine) = machine {
            kernel.column.name = machine.series;
            kernel.column.package = machine.package.or(kernel.column.package.take());
            kernel.column.broken = kernel.column.broken.take().or(machine.broken);
        }
        if let Some(here) = results {
            conflicts.extend(add(kernel, here));
        }
    }
    for kernel in &mut kernels {
        describe(kernel);
    }
    kernels
}

/// Adds the cases of a run on this kernel; says where two runs have one and disagree. The worse of them counts.
fn add(kernel: &mut Joined, here: Results) -> Vec<String> {
    let mut conflicts = Vec::new();
    let Joined { results, from, .. } = kernel;
    let there = results.get_or_insert_with(|| Results::new(here.kernel.clone(), here.grade, here.probes.clone()));
    let place_of = |from: Option<&PathBuf>, unknown: &str| {
        from.map_or_else(|| unknown.to_owned(), |from| from.display().to_string())
    };
    there.millis += here.millis;
    let mut exhibits = here.exhibits;
    for verdict in here.verdicts {
        let exhibit = exhibits.swap_remove(&verdict.case);
        let place = there.verdicts.iter().position(|other| other.case == verdict.case);
        let wins = match place {
            None => {
                there.verdicts.push(verdict.clone());
                true
            }
            Some(place) => {
                let other = &there.verdicts[place];
                if told(other) == told(&verdict) {
                    continue;
                }
                conflicts.push(format!(
                    "{} on {}: {} in {}, {} in {}",
                    verdict.case,
                    there.kernel.release,
                    other.outcome,
                    place_of(from.get(&verdict.case), "one run"),
                    verdict.outcome,
                    place_of(here.from.as_ref(), "another"),
                ));
                let worse = verdict.outcome.rank() > other.outcome.rank();
                if worse {
                    there.verdicts[place] = verdict.clone();
                }
                worse
            }
        };
        if wins {
            from.extend(here.from.clone().map(|from| (verdict.case.clone(), from)));
            there.exhibits.extend(exhibit.map(|exhibit| (verdict.case, exhibit)));
        }
    }
    let done = |case: &String| there.verdicts.iter().any(|verdict| verdict.case == *case);
    let unfinished: BTreeSet<String> = there.unfinished.iter().cloned().chain(here.unfinished).collect();
    there.unfinished = unfinished.into_iter().filter(|case| !done(case)).collect();
    conflicts
}

/// What two runs of a case have to agree on.
fn told(verdict: &Verdict) -> (Outcome, Vec<(&str, Option<crate::case::ClaimVerdict>)>) {
    (verdict.outcome, verdict.claims.iter().map(|claim| (claim.id.as_str(), claim.found)).collect())
}

fn describe(kernel: &mut Joined) {
    let Some(results) = &kernel.results else { return };
    let column = &mut kernel.column;
    column.release = Some(results.kernel.release.clone());
    column.build = Some(results.kernel.version.clone());
    column.grade = Some(results.grade);
    column.outcomes = results.outcomes();
    column.gaps = gaps(results);
    column.unfinished = results.unfinished.len();
    (column.recorded, column.lost) = results.events();
    column.millis = results.millis;
}

/// Counts for each kernel the cases that another has a verdict on. Of one that is broken, that says it all.
fn count_missing(kernels: &mut [Joined]) {
    let verdicts = kernels.iter().filter_map(|kernel| kernel.results.as_ref()).flat_map(|results| &results.verdicts);
    let all: BTreeSet<String> = verdicts.map(|verdict| verdict.case.clone()).collect();
    for kernel in kernels.iter_mut().filter(|kernel| kernel.column.broken.is_none()) {
        let unfinished = kernel.results.as_ref().map_or(&[][..], |results| &results.unfinished);
        let missing = all.iter().filter(|case| verdict(kernel, case).is_none() && !unfinished.contains(case));
        kernel.column.missing = missing.count();
    }
}

/// What orders kernels: the version, then whether it is known, then the name.
fn age(column: &Column) -> (bool, Vec<u64>, String) {
    let version = column.release.as_deref().unwrap_or(&column.name);
    let numbers: Vec<u64> = version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok()).collect();
    (numbers.is_empty(), numbers, column.name.clone())
}

/// Short names, no two of them the same: the series, else the first two numbers of the release, else all of it.
fn name(kernels: &mut [Joined]) {
    let short = |column: &Column| match &column.release {
        _ if column.name == HOST || column.name.starts_with(|c: char| c.is_ascii_digit()) => column.name.clone(),
        Some(release) => release.splitn(3, '.').take(2).collect::<Vec<_>>().join("."),
        None => column.name.clone(),
    };
    let names: Vec<String> = kernels.iter().map(|kernel| short(&kernel.column)).collect();
    let mut taken = BTreeSet::new();
    for (kernel, name) in kernels.iter_mut().zip(&names) {
        let unique = names.iter().filter(|other| *other == name).count() == 1;
        let mut name =
            if unique { name.clone() } else { kernel.column.release.clone().unwrap_or_else(|| name.clone()) };
        while !taken.insert(name.clone()) {
            name.push('+');
        }
        kernel.column.name = name;
    }
}

/// The series of the running kernel.
const HOST: &str = "host";

/// The claims of each case in the order of the cases' ids, and the cases that need a row of their own.
fn rows(kernels: &[Joined]) -> Vec<Row> {
    let mut cases: BTreeMap<&str, IndexMap<&str, &str>> = BTreeMap::new();
    for results in kernels.iter().filter_map(|kernel| kernel.results.as_ref()) {
        for verdict in &results.verdicts {
            let claims = cases.entry(&verdict.case).or_default();
            claims.extend(verdict.claims.iter().map(|claim| (claim.id.as_str(), claim.says.as_str())));
            let exhibit = results.exhibits.get(&verdict.case).map_or(&[][..], |exhibit| &exhibit.claims);
            claims.extend(exhibit.iter().map(|claim| (claim.id.as_str(), claim.says.as_str())));
        }
    }
    let mut rows = Vec::new();
    for (case, claims) in cases {
        let of_claims: Vec<Row> =
            claims.into_iter().map(|(id, says)| row(kernels, case, Some(id), says.to_owned())).collect();
        let title = kernels.iter().find_map(|kernel| Some(verdict(kernel, case)?.title.clone())).unwrap_or_default();
        let whole = row(kernels, case, None, title);
        if needs_row(&whole, &of_claims) {
            rows.push(whole);
        }
        rows.extend(of_claims);
    }
    rows
}

/// Whether something would not be seen without the case's own row.
fn needs_row(whole: &Row, claims: &[Row]) -> bool {
    let hidden = |place: usize, cell: &Cell| {
        let shown = claims.iter().filter_map(|row| row.cells[place].as_ref()).any(|cell| !cell.mark.is_good());
        matches!(cell.outcome, Outcome::Xfail) || (!cell.outcome.is_good() && !shown)
    };
    claims.is_empty()
        || whole.cells.iter().enumerate().any(|(place, cell)| cell.as_ref().is_some_and(|cell| hidden(place, cell)))
}

fn row(kernels: &[Joined], case: &str, claim: Option<&str>, says: String) -> Row {
    let cells: Vec<_> = kernels.iter().map(|kernel| cell(kernel, case, claim)).collect();
    let changes = changes(kernels, case, &cells);
    Row { id: claim.unwrap_or(case).to_owned(), case: case.to_owned(), says, cells, changes }
}

fn verdict<'a>(kernel: &'a Joined, case: &str) -> Option<&'a Verdict> {
    kernel.results.as_ref()?.verdicts.iter().find(|verdict| verdict.case == case)
}

fn cell(kernel: &Joined, case: &str, claim: Option<&str>) -> Option<Cell> {
    let verdict = verdict(kernel, case)?;
    let claim = claim.and_then(|id| verdict.claims.iter().find(|claim| claim.id == id));
    let mut values = IndexMap::new();
    for evidence in claim.iter().flat_map(|claim| &claim.evidence) {
        values.entry(evidence.measure.clone()).or_insert_with(|| evidence.value.clone());
    }
    let exhibit = kernel.results.as_ref().and_then(|results| results.exhibits.get(case));
    Some(Cell {
        mark: mark(verdict, claim),
        outcome: verdict.outcome,
        expected: claim.map(|claim| claim.expected),
        found: claim.and_then(|claim| claim.found),
        grade: verdict.grade,
        reason: claim.and_then(|claim| claim.undecided.clone()).or_else(|| verdict.reason.clone()),
        because: claim.and_then(|claim| claim.because.clone()),
        values,
        lost: exhibit.map_or(0, |exhibit| exhibit.lost.values().sum()),
    })
}

/// The claim's verdict, unless the case says that it counts for nothing.
fn mark(verdict: &Verdict, claim: Option<&ClaimResult>) -> Mark {
    let void = matches!(verdict.outcome, Outcome::Broken | Outcome::Timeout | Outcome::Inconclusive | Outcome::Skip);
    match claim.and_then(|claim| claim.found.filter(|found| *found == claim.expected)) {
        Some(found) if !void => Mark::Claim(found),
        _ => Mark::Case(verdict.outcome),
    }
}

/// Probes, functions and members, each with what it is on each kernel.
fn features(kernels: &[Joined]) -> Vec<Feature> {
    let mut features: BTreeMap<(FeatureKind, String), Vec<Option<String>>> = BTreeMap::new();
    for (place, kernel) in kernels.iter().enumerate() {
        let Some(results) = &kernel.results else { continue };
        let mut put = |kind, name: String, what: String| {
            features.entry((kind, name)).or_insert_with(|| vec![None; kernels.len()])[place] = Some(what);
        };
        for report in &results.probes {
            let won = report.won.clone().unwrap_or_else(|| "none".to_owned());
            put(FeatureKind::Probe, crate::render::screen::probe_name(report.probe), won);
        }
        let landmarks = results.landmarks();
        for (name, presence) in &landmarks.functions {
            put(FeatureKind::Function, name.clone(), presence.to_string());
        }
        for name in landmarks.members.keys() {
            put(FeatureKind::Member, name.clone(), landmarks.member(name).unwrap_or_default().to_owned());
        }
    }
    // What another kernel has of a structure that this one has too, this one lacks.
    for ((kind, name), cells) in &mut features {
        for (cell, kernel) in
            cells.iter_mut().zip(kernels).filter(|(cell, _)| cell.is_none() && *kind == FeatureKind::Member)
        {
            let landmarks = kernel.results.as_ref().map(Results::landmarks);
            *cell = landmarks.and_then(|landmarks| landmarks.member(name).map(str::to_owned));
        }
    }
    // A name that no kernel has is no function's: the case's text only looks so.
    let absent = Presence::Absent.to_string();
    features.retain(|(kind, _), cells| {
        *kind != FeatureKind::Function || cells.iter().flatten().any(|cell| *cell != absent)
    });
    features.into_iter().map(|((kind, name), cells)| Feature { kind, name, cells }).collect()
}
