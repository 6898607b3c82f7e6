//! Predicates: expressions of the Common Expression Language over parameters and measures.
use std::collections::BTreeSet;

use cel::Program;

/// What can be asked of a predicate without a recording.
#[derive(Clone, Copy, Debug)]
pub struct Predicate;

impl Predicate {
    /// The variables that a predicate names: none if it cannot be parsed.
    pub fn variables(source: &str) -> BTreeSet<String> {
        Program::compile(source)
            .map(|program| program.references().variables().into_iter().map(str::to_owned).collect())
            .unwrap_or_default()
    }
}
