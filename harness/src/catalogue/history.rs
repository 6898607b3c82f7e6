//! What a claim, or a case as a whole, has been on each kernel: its row of the matrix, with the names of the columns.
use indexmap::IndexMap;
use serde::Serialize;

use super::sides::{Sides, sides};
use crate::case::Claim;
use crate::load::LoadedCase;
use crate::plan;
use crate::recording::Landmarks;
use crate::render::matrix::{self, Matrix, Part, Row};
use crate::render::{Exhibit, Results};

/// A row from kernel to kernel.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    /// The kernels as the table's columns name them, oldest first.
    pub kernels: Vec<String>,
    /// Their releases.
    pub releases: Vec<Option<String>>,
    /// What became of the claim on each, and where that changes.
    pub row: Row,
    /// For each change, what the two kernels have of that which the case rests on.
    pub sides: Vec<Sides>,
    /// The kernels whose runs came to nothing, or not to their end, and why.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub broken: IndexMap<String, String>,
    /// Where two runs on one kernel do not agree, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
}

/// The history of a claim, or of a whole case where that has a row of its own; none where results of fewer than two
/// kernels are at hand.
pub(super) fn history(parts: &[Part], case: &LoadedCase, claim: Option<&Claim>) -> Option<History> {
    let only = |part: &Part| Part {
        results: part.results.as_ref().map(|results| only(results, case)),
        machine: part.machine.clone(),
    };
    let matrix = matrix::matrix(parts.iter().map(only).collect());
    let row = matrix.row(claim.map_or(&case.id, |claim| &claim.id))?.clone();
    if row.cells.iter().flatten().count() < 2 {
        return None;
    }
    let probes = plan::rests_on(case.case());
    let Matrix { kernels, conflicts, .. } = &matrix;
    let broken = kernels.iter().filter_map(|kernel| Some((kernel.name.clone(), kernel.broken.as_ref()?.what.clone())));
    Some(History {
        kernels: kernels.iter().map(|kernel| kernel.name.clone()).collect(),
        releases: kernels.iter().map(|kernel| kernel.release.clone()).collect(),
        sides: row.changes.iter().map(|change| sides(&matrix, change, &probes)).collect(),
        row,
        broken: broken.collect(),
        conflicts: conflicts.clone(),
    })
}

/// The results of one case alone, with what its row is made of.
fn only(results: &Results, case: &LoadedCase) -> Results {
    let mut one = Results::new(results.kernel.clone(), results.grade, results.probes.clone());
    one.verdicts = results.verdicts.iter().filter(|verdict| verdict.case == case.id).cloned().collect();
    one.from.clone_from(&results.from);
    if let Some(Exhibit { claims, lost, .. }) = results.exhibits.get(&case.id) {
        let (claims, lost, landmarks) = (claims.clone(), lost.clone(), landmarks(results, case));
        one.exhibits.insert(case.id.clone(), Exhibit { claims, lost, landmarks, ..Exhibit::default() });
    }
    one
}

/// What this kernel has of that which the case names. Where the case is skipped it has looked for nothing; but another
/// that names the same function has.
fn landmarks(results: &Results, case: &LoadedCase) -> Landmarks {
    let mut known = results.exhibits.get(&case.id).map(|exhibit| exhibit.landmarks.clone()).unwrap_or_default();
    let named = plan::named(case.case()).functions;
    let others = results.landmarks().functions.into_iter().filter(|(name, _)| named.contains(name));
    others.for_each(|(name, presence)| _ = known.functions.entry(name).or_insert(presence));
    known
}

impl History {
    /// The releases on which something is new: the first, and the first after each change.
    pub(super) fn turns(&self) -> impl Iterator<Item = &str> {
        let first = self.row.cells.iter().position(Option::is_some);
        let places = first.into_iter().chain(self.row.changes.iter().map(|change| change.from));
        places.filter_map(|place| self.releases.get(place)?.as_deref())
    }

    /// The kernels on which it did not run though others of its cases did, by name.
    pub(super) fn absent(&self) -> impl Iterator<Item = &str> {
        let cells = self.kernels.iter().zip(&self.row.cells);
        cells.filter(|(kernel, cell)| cell.is_none() && !self.broken.contains_key(*kernel)).map(|(kernel, _)| &**kernel)
    }
}
