//! From the text of a case file to a [`Case`], with everything that is wrong shown where it is wrong.
//!
//! The text becomes a tree in which every node knows its place; parameters are put in for each half and each point of the
//! sweep; each tree is compared with the schema, read into the types, and its names and predicates are checked.
mod any_server;
mod claims;
mod diagnostic;
mod errata;
mod names;
mod params;
mod plain;
mod predicate;
mod schema;
mod shape;
mod suite;
mod tables;
#[cfg(test)]
mod tests;
mod tree;
mod typed;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use errata::Errata;
pub use plain::{plain, unknown};
pub use predicate::Predicate;
pub use schema::{schema, schema_text};
pub use suite::{Suite, SuiteError};
pub use tree::Place;

use crate::case::{Case, Value};
use crate::recording::Half;
use names::Names;
use params::Params;
use tree::Node;

/// The parameters' values in one run.
pub type Point = BTreeMap<String, Value>;

/// A case file that is right for every point of its sweep, in both halves.
#[derive(Clone, Debug)]
pub struct LoadedCase {
    /// Its path below `cases/` without the extension.
    pub id: String,
    /// The file, as it was read.
    pub text: Arc<str>,
    file: String,
    root: Arc<Node>,
    params: Params,
    case: Arc<Case>,
    many: Arc<BTreeSet<String>>,
    halves: &'static [Half],
}

/// Reads a case; `id` is its path below `cases/` without the extension.
pub fn load(id: &str, text: &str) -> Result<LoadedCase, Diagnostics> {
    load_as(id, &format!("cases/{id}.yaml"), text)
}

/// As [`load`], for a file that is shown under another path.
pub fn load_as(id: &str, file: &str, text: &str) -> Result<LoadedCase, Diagnostics> {
    let fail = |found| Err(Diagnostics::new(file, text, found));
    let (root, mut found) = match tree::parse(text) {
        Ok(read) => read,
        Err(wrong) => return fail(vec![wrong]),
    };
    let params = Params::read(&root, &mut found);
    let mut check = Check { text, params: &params, found, many: BTreeSet::new(), first: None, names: BTreeMap::new() };
    for &half in any_server::BOTH {
        for point in params.points() {
            check.point(&root, half, &point);
        }
    }
    check.whole(&root);
    match check.first {
        Some(case) if check.found.is_empty() => Ok(LoadedCase {
            id: id.to_owned(),
            text: text.into(),
            file: file.to_owned(),
            many: Arc::new(check.many),
            root: Arc::new(root),
            params,
            case: Arc::new(case),
            halves: any_server::BOTH,
        }),
        _ => fail(check.found),
    }
}

/// The check of one file.
struct Check<'a> {
    text: &'a str,
    params: &'a Params,
    found: Vec<Diagnostic>,
    /// Results of which there can be several at some point.
    many: BTreeSet<String>,
    /// The case at the first point.
    first: Option<Case>,
    /// What the steps of each half name at its first point.
    names: BTreeMap<Half, Names>,
}

impl Check<'_> {
    /// Everything that can be wrong with one half at one point.
    fn point(&mut self, root: &Node, half: Half, point: &Point) {
        let tree = self.params.resolve(root, half, point, &mut self.found);
        let before = self.found.len();
        shape::check(&tree, &mut self.found);
        if self.found.len() > before {
            return;
        }
        let case: Case = match typed::read(&tree) {
            Ok(case) => case,
            // something that has been complained of already
            Err(_) if !self.found.is_empty() => return,
            Err(wrong) => return self.found.push(wrong),
        };
        let names = names::check(&case, &tree, half, self.params, &mut self.found);
        self.many.extend(names.many().iter().cloned());
        self.names.entry(half).or_insert(names);
        let mut conditions = Vec::new();
        variables::conditions(self.text, &case, &tree, &mut conditions);
        self.found.extend(conditions);
        self.first.get_or_insert(case);
    }

    /// What is the same everywhere.
    fn whole(&mut self, root: &Node) {
        let (Some(case), Some(subject)) = (&self.first, self.names.get(&Half::Subject)) else { return };
        claims::check(case, root, &mut self.found);
        any_server::check(case, root, &mut self.found);
        tables::check(case, root, &mut self.found);
        let variables = variables::variables(case, self.params, subject, &self.many);
        variables::predicates(self.text, root, &variables, &mut self.found);
        if let Some(control) = self.names.get(&Half::Control) {
            variables::control(case, root, subject, control, &mut self.found);
        }
    }
}

impl LoadedCase {
    /// The case as it stands in the file, at the first point of its sweep.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// Whether a result is a list in predicates, because several calls may give it: inside `repeat`, by several actors
    /// or on several files. It then is one at every point, and in both halves.
    pub fn is_many(&self, result: &str) -> bool {
        self.many.contains(result)
    }

    /// Every point of the sweep, with the values of the parameters that are not swept: one point if nothing is.
    pub fn points(&self) -> Vec<Point> {
        self.params.points()
    }

    /// The halves of which it has runs: both, but for a user's server, to which nothing is compared.
    pub fn halves(&self) -> &'static [Half] {
        self.halves
    }

    /// The parameters' values in one half at a point: the control may change some.
    pub fn values(&self, half: Half, point: &Point) -> Point {
        self.params.effective(half, point)
    }

    /// The path under which the file is shown.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where something stands in the file: `["claims", "0", "id"]`.
    pub fn place<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Place {
        self.root.at(path).place
    }

    /// One half at one point, parameters put in: of the control, its server and steps stand in place of the case's.
    /// Never fails for one of the [`points`](Self::points); another point may name too few parameters, or wrong ones.
    pub fn resolve(&self, half: Half, point: &Point) -> Result<Case, Diagnostics> {
        let mut found = Vec::new();
        let tree = self.params.resolve(&self.root, half, point, &mut found);
        let fail = |found| Err(Diagnostics::new(&self.file, &self.text, found));
        if !found.is_empty() {
            return fail(found);
        }
        let mut case: Case = typed::read(&tree).or_else(|wrong| fail(vec![wrong]))?;
        for (name, value) in self.params.effective(half, point) {
            case.sweep.shift_remove(&name);
            case.with.insert(name, value);
        }
        Ok(case)
    }
}

/// The known name nearest to a wrong one, if one is near enough to have been meant.
pub(crate) fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    let score = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_lowercase());
    let near = known.iter().copied().min_by_key(|name| score(name))?;
    if score(near) <= (wrong.chars().count() / 3).max(1) {
        return Some(near);
    }
    // cut short, or said too much
    let begins =
        |name: &&&str| name.len().min(wrong.len()) > 2 && (name.starts_with(wrong) || wrong.starts_with(**name));
    known.iter().find(begins).copied()
}
