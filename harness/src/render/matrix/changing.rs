//! The rows that change, those together of which the same is to be said.
use super::changes::word;
use super::{Change, Mark, Matrix, Row};

/// Rows, and what is to be said of each of them.
pub(in crate::render) struct Changing<'a> {
    pub(in crate::render) rows: Vec<&'a Row>,
    pub(in crate::render) changes: Vec<Change>,
}

/// All of them, in the order of the first rows.
pub(in crate::render) fn changing(matrix: &Matrix) -> Vec<Changing<'_>> {
    let mut all: Vec<Changing> = Vec::new();
    for row in matrix.rows.iter().filter(|row| !row.changes.is_empty()) {
        let told = |change: &Change| Change { words: words(matrix, row, change), ..change.clone() };
        let changes: Vec<Change> = row.changes.iter().map(told).collect();
        match all.iter_mut().find(|known| known.changes == changes) {
            Some(known) => known.rows.push(row),
            None => all.push(Changing { rows: vec![row], changes }),
        }
    }
    all
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
