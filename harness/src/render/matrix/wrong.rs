//! What did not come out as it must, each reason once for each case.
use std::collections::BTreeSet;

use super::Matrix;
use super::stretch::stretches;
use crate::verdict::Outcome;

/// A case that ended badly on some kernels, next to each other and for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::render) struct Wrong<'a> {
    pub(in crate::render) case: &'a str,
    pub(in crate::render) outcome: Outcome,
    /// On which kernels.
    pub(in crate::render) kernels: String,
    pub(in crate::render) reason: &'a str,
}

/// All of them, in the order of the rows.
pub(in crate::render) fn wrong(matrix: &Matrix) -> Vec<Wrong<'_>> {
    let names = matrix.names();
    let mut wrong = Vec::new();
    let mut told = BTreeSet::new();
    for row in &matrix.rows {
        // A good cell ends a stretch; one that is empty does not.
        let cells = row.cells.iter().map(|cell| {
            let cell = cell.as_ref()?;
            Some((!cell.mark.is_good()).then_some((cell.outcome, cell.reason.as_deref())))
        });
        for stretch in stretches(cells) {
            let Some((outcome, reason)) = stretch.value else { continue };
            if told.insert((&row.case, stretch.first, outcome, reason)) {
                let reason = reason.unwrap_or("no reason given");
                wrong.push(Wrong { case: &row.case, outcome, kernels: stretch.kernels(&names), reason });
            }
        }
    }
    wrong
}
