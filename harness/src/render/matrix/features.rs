//! What is told of the kernels themselves: how the probes are attached, and which functions and members there are.
//! Those that differ are told with all their values, of the others that they are alike.
use std::collections::{BTreeMap, BTreeSet};

use super::stretch::stretches;
use super::{Feature, FeatureKind, Matrix, Shown};

/// How many names are spelt out.
const NAMED: usize = 12;
/// Of a structure with more members than these only the numbers are told.
const LISTED: usize = 24;

/// Everything about one kind of feature.
pub(in crate::render) struct Section<'a> {
    pub(in crate::render) title: &'static str,
    /// How many there are.
    pub(in crate::render) all: usize,
    /// How many of them are not the same on all kernels.
    pub(in crate::render) differ: usize,
    /// A name, and what it is on which kernels.
    pub(in crate::render) lines: Vec<(&'a str, String)>,
    /// A structure with very many members, and how many of them differ.
    pub(in crate::render) big: Vec<(&'a str, String)>,
    /// What is the same on all kernels, and only named.
    pub(in crate::render) alike: Vec<&'a str>,
}

/// A section for each kind of which there is something to tell.
pub(in crate::render) fn sections(matrix: &Matrix, shown: Shown) -> Vec<Section<'_>> {
    let kinds = [
        (FeatureKind::Probe, "How the probes are attached"),
        (FeatureKind::Function, "Functions that cases rest on"),
        (FeatureKind::Member, "Members that cases rest on"),
    ];
    let sections = kinds.into_iter().map(|(kind, title)| section(matrix, kind, title, shown));
    sections.filter(|told| !(told.lines.is_empty() && told.big.is_empty() && told.alike.is_empty())).collect()
}

fn section<'a>(matrix: &'a Matrix, kind: FeatureKind, title: &'static str, shown: Shown) -> Section<'a> {
    let all = matrix.features.iter().filter(|one| one.kind == kind);
    let (same, differ): (Vec<&Feature>, Vec<&Feature>) = all.partition(|one| one.is_constant());
    let (all, differing) = (same.len() + differ.len(), differ.len());
    // Few probes are told whether they differ or not: which way is taken says what is seen.
    let (told, alike) = match (shown, kind) {
        (Shown::All, FeatureKind::Probe | FeatureKind::Member) => ([differ, same].concat(), Vec::new()),
        (Shown::Changing, FeatureKind::Member) => (differ, Vec::new()),
        _ => (differ, same),
    };
    let counts = members(matrix);
    let is_big = |feature: &&Feature| counts.get(structure(feature)).is_some_and(|(all, _)| *all > LISTED);
    let (big, told): (Vec<&Feature>, Vec<&Feature>) = told.into_iter().partition(is_big);
    let big: BTreeSet<&str> = big.into_iter().map(structure).collect();
    let numbers = |(all, alike): (usize, usize)| format!("{all} members, {} of them not alike in all", all - alike);
    let names = matrix.names();
    Section {
        title,
        all,
        differ: differing,
        lines: told.into_iter().map(|feature| (feature.name.as_str(), values(feature, &names))).collect(),
        big: big.into_iter().filter_map(|name| Some((name, numbers(*counts.get(name)?)))).collect(),
        alike: alike.into_iter().map(|feature| feature.name.as_str()).collect(),
    }
}

/// What it is, and where it is not the same everywhere, on which kernels.
fn values(feature: &Feature, names: &[&str]) -> String {
    match stretches(feature.cells.iter().map(Option::as_deref)).as_slice() {
        [one] => one.value.to_owned(),
        several => {
            let parts: Vec<_> = several.iter().map(|one| format!("{}: {}", one.kernels(names), one.value)).collect();
            parts.join("; ")
        }
    }
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

/// The first names, and how many more there are.
pub(in crate::render) fn listed(names: &[&str]) -> String {
    let first = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
