//! The names that steps give, and whether everything that is referred to has been named by then.
mod descriptors;
mod inspect;
mod measures;
mod network;
mod steps;
mod table;

pub(super) use table::{Kind, Names, RESULTS};

use super::tree::Node;
use super::{Diagnostic, Params};
use crate::case::Case;
use crate::recording::Half;

/// Checks every name in one half at one point, and returns what the steps name.
pub(super) fn check(case: &Case, tree: &Node, half: Half, params: &Params, found: &mut Vec<Diagnostic>) -> Names {
    let mut walk = Walk {
        tree,
        path: Vec::new(),
        names: Names::default(),
        server: case.server.is_some(),
        control: half == Half::Control && case.control.steps.is_some(),
        repeated: false,
        found,
    };
    if let Some(server) = &case.server
        && let Err(error) = server.options.check(server.model)
    {
        walk.within("server", |walk| walk.wrong(format!("{error}"), "the server would not start"));
    }
    walk.within("steps", |walk| walk.steps(&case.steps));
    walk.measures(case, params);
    walk.names
}

/// Where the check is, and what it knows by then.
struct Walk<'a> {
    tree: &'a Node,
    path: Vec<String>,
    names: Names,
    server: bool,
    control: bool,
    repeated: bool,
    found: &'a mut Vec<Diagnostic>,
}

impl Walk<'_> {
    /// Goes one step down.
    fn within<T>(&mut self, step: impl Into<String>, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.into());
        let result = work(self);
        self.path.pop();
        result
    }

    /// Something is wrong here.
    fn wrong(&mut self, message: impl Into<String>, label: impl Into<String>) {
        let diagnostic = self.diagnostic(message).label(label);
        self.found.push(diagnostic);
    }

    fn diagnostic(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.tree.at(self.path.iter().map(String::as_str)).place, message)
    }

    /// A name must be there by now.
    fn refer(&mut self, key: &str, name: &str, kinds: &[Kind]) {
        let (plain, place) = split(name);
        let known = self.names.of(kinds);
        let what = kinds.first().map_or("name", |kind| kind.word());
        self.path.push(key.to_owned());
        if let Some((_, times)) = known.iter().find(|named| named.0 == plain) {
            if place.is_some_and(|place| place >= *times) {
                self.wrong(format!("`{name}` does not exist"), format!("`{plain}` stands for {times}, counted from 0"));
            }
        } else {
            let other = self.names.kind(plain).map(|kind| format!("`{plain}` is {}", kind.article()));
            let since = if self.control {
                "no step of the control has named it by here"
            } else {
                "no step has named it by here"
            };
            let wrong =
                self.diagnostic(format!("unknown {what} `{plain}`")).label(other.unwrap_or_else(|| since.to_owned()));
            self.found.push(wrong.nearest(plain, known.iter().map(|named| named.0)));
        }
        self.path.pop();
    }

    /// A name is given.
    fn name(&mut self, key: &str, name: &str, kind: Kind, times: u64) {
        self.path.push(key.to_owned());
        if name.is_empty() || name.contains(['[', ']']) || (RESULTS.contains(&kind) && !super::params::is_name(name)) {
            let expected =
                if RESULTS.contains(&kind) { "expected small letters, digits and `_`" } else { "expected a word" };
            self.wrong(format!("`{name}` is no name"), expected);
        } else if kind.reserved().contains(&name) {
            self.wrong(format!("`{name}` has a meaning of its own"), "choose another name");
        } else if let Err(before) = self.names.give(name, kind, times, self.repeated) {
            self.wrong(format!("`{name}` is already {}", before.article()), "choose another name");
        }
        self.path.pop();
    }
}

/// `idle[3]` is the fourth of those called `idle`.
fn split(name: &str) -> (&str, Option<u64>) {
    let indexed = name.strip_suffix(']').and_then(|name| name.split_once('['));
    match indexed.map(|(plain, place)| (plain, place.parse())) {
        Some((plain, Ok(place))) => (plain, Some(place)),
        _ => (name, None),
    }
}
