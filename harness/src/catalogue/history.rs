//! What a claim has been on each kernel: the row of the matrix, with the names of its columns.
use serde::Serialize;

use super::Entry;
use crate::render::Results;
use crate::render::matrix::{self, Part, Row};

/// A claim from kernel to kernel.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    /// The kernels by short names, oldest first.
    pub kernels: Vec<String>,
    /// Their releases.
    pub releases: Vec<Option<String>>,
    /// What became of the claim on each, and where that changes.
    pub row: Row,
}

/// The history of a claim; none where results of fewer than two kernels are at hand.
pub(super) fn history(results: &[Results], entry: Entry<'_>) -> Option<History> {
    let case = &entry.case.id;
    let parts = results.iter().filter(|results| results.verdicts.iter().any(|verdict| verdict.case == *case));
    let parts: Vec<Part> = parts.map(|results| Part { results: Some(only(results, case)), machine: None }).collect();
    if parts.len() < 2 {
        return None;
    }
    let matrix = matrix::matrix(parts);
    let row = matrix.row(&entry.claim.id)?.clone();
    Some(History {
        kernels: matrix.kernels.iter().map(|kernel| kernel.name.clone()).collect(),
        releases: matrix.kernels.into_iter().map(|kernel| kernel.release).collect(),
        row,
    })
}

/// The results of one case alone.
fn only(results: &Results, case: &str) -> Results {
    let mut one = Results::new(results.kernel.clone(), results.grade, results.probes.clone());
    one.verdicts = results.verdicts.iter().filter(|verdict| verdict.case == case).cloned().collect();
    one.exhibits = results.exhibits.get(case).map(|exhibit| (case.to_owned(), exhibit.clone())).into_iter().collect();
    one
}

impl History {
    /// The releases on which something is new: the first, and the first after each change.
    pub(super) fn turns(&self) -> impl Iterator<Item = &str> {
        let first = self.row.cells.iter().position(Option::is_some);
        let places = first.into_iter().chain(self.row.changes.iter().map(|change| change.from));
        places.filter_map(|place| self.releases.get(place)?.as_deref())
    }
}
