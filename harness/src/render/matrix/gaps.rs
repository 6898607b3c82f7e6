//! What could not be said on a kernel, and why: cases that were skipped, and passes with an expectation that could not
//! be decided there.
use std::cmp::Reverse;
use std::collections::BTreeSet;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Matrix;
use super::features::listed;
use super::stretch::stretches;
use crate::render::Results;
use crate::render::text::counted;
use crate::verdict::{Outcome, Verdict};

/// Why something could not be said on one kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The reason, without what was tried; the cells have it in full.
    pub why: String,
    /// The cases that were skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// The cases that passed in part: an expectation of theirs could not be decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_part: Vec<String>,
}

/// Each reason once, in the order of the cases.
pub(super) fn gaps(results: &Results) -> Vec<Gap> {
    let mut gaps: IndexMap<&str, Gap> = IndexMap::new();
    for (reason, verdicts) in results.skips() {
        for verdict in verdicts {
            let why = without_details(bare(verdict, reason));
            let gap = gaps.entry(why).or_insert_with(|| Gap { why: why.to_owned(), ..Gap::default() });
            let cases = if verdict.outcome == Outcome::Skip { &mut gap.skipped } else { &mut gap.in_part };
            cases.push(verdict.case.clone());
        }
    }
    gaps.into_values().collect()
}

/// The reason alone. A verdict's names the expectation before it, which is another in every case.
fn bare<'a>(verdict: &'a Verdict, reason: &'a str) -> &'a str {
    let claims = verdict.claims.iter().map(|claim| &claim.undecided);
    let findings = verdict.expectations.iter().chain(&verdict.control.findings).map(|finding| &finding.undecided);
    claims.chain(findings).flatten().map(String::as_str).find(|why| reason.contains(why)).unwrap_or(reason)
}

/// A sentence without the brackets at its end, which have every attempt and its error.
fn without_details(why: &str) -> &str {
    let mut open = 0;
    for (place, letter) in why.char_indices().rev() {
        match letter {
            ')' => open += 1,
            '(' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return if letter == '(' && place > 0 { why[..place].trim_end() } else { why };
        }
    }
    why
}

/// A reason, with the kernels on which it holds.
pub(in crate::render) struct Told<'a> {
    words: Vec<&'a str>,
    /// Where sentences differ that are told as one, and what each has there.
    place: Option<usize>,
    names: Vec<&'a str>,
    /// For each column whether it holds there; none where nothing is known.
    holds: Vec<Option<bool>>,
    /// The cases that were skipped, on any of these kernels.
    pub(in crate::render) skipped: BTreeSet<&'a str>,
    /// The cases that passed in part.
    pub(in crate::render) in_part: BTreeSet<&'a str>,
}

/// The reasons of all kernels: those of the first kernels first, and of one kernel those with most cases.
pub(in crate::render) fn told(matrix: &Matrix) -> Vec<Told<'_>> {
    let mut all: IndexMap<&str, Told> = IndexMap::new();
    for (place, kernel) in matrix.kernels.iter().enumerate() {
        for gap in &kernel.gaps {
            let told = all.entry(&gap.why).or_insert_with(|| Told::new(matrix, &gap.why));
            told.holds[place] = Some(true);
            told.skipped.extend(gap.skipped.iter().map(String::as_str));
            told.in_part.extend(gap.in_part.iter().map(String::as_str));
        }
    }
    let mut joined: Vec<Told> = Vec::new();
    for one in all.into_values() {
        match joined.iter_mut().find_map(|known| Some((known.joint(&one)?, known))) {
            Some((place, known)) => known.join(place, one),
            None => joined.push(one),
        }
    }
    joined.sort_by_key(|told| (told.first(), Reverse(told.skipped.len() + told.in_part.len())));
    joined
}

impl<'a> Told<'a> {
    fn new(matrix: &Matrix, why: &'a str) -> Self {
        Self {
            words: why.split(' ').collect(),
            place: None,
            names: Vec::new(),
            holds: matrix.kernels.iter().map(|kernel| kernel.grade.map(|_| false)).collect(),
            skipped: BTreeSet::new(),
            in_part: BTreeSet::new(),
        }
    }

    fn first(&self) -> Option<usize> {
        self.holds.iter().position(|holds| *holds == Some(true))
    }

    /// Where the other sentence has another name, if that is all, as in `calls of tcp_poll cannot be counted`.
    fn joint(&self, other: &Self) -> Option<usize> {
        if self.words.len() != other.words.len() || self.holds != other.holds {
            return None;
        }
        let mut places = (0..self.words.len()).filter(|&place| self.words[place] != other.words[place]);
        let place = places.next().filter(|place| self.place.is_none_or(|known| known == *place))?;
        let name = |word: &str| word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        (places.next().is_none() && name(self.words[place]) && name(other.words[place])).then_some(place)
    }

    fn join(&mut self, place: usize, other: Self) {
        if self.place.replace(place).is_none() {
            self.names.push(self.words[place]);
        }
        self.names.push(other.words[place]);
        self.skipped.extend(other.skipped);
        self.in_part.extend(other.in_part);
    }

    /// The sentence.
    pub(in crate::render) fn why(&self) -> String {
        let word = |(place, word): (usize, &&str)| {
            if self.place == Some(place) { listed(&self.names) } else { (*word).to_owned() }
        };
        self.words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
    }

    /// On which kernels: `5.10, 6.12 to 7.0`.
    pub(in crate::render) fn kernels(&self, names: &[&str]) -> String {
        let all = stretches(self.holds.iter().copied());
        let held = all.iter().filter(|stretch| stretch.value);
        held.map(|stretch| stretch.kernels(names)).collect::<Vec<_>>().join(", ")
    }

    /// How many cases: `1 case skipped, 9 in part`.
    pub(in crate::render) fn cases(&self) -> String {
        match (self.skipped.len(), self.in_part.len()) {
            (skipped, 0) => format!("{} skipped", counted(skipped, "case")),
            (0, in_part) => format!("{} in part", counted(in_part, "case")),
            (skipped, in_part) => format!("{} skipped, {in_part} in part", counted(skipped, "case")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_is_no_part_of_a_reason() {
        assert_eq!(
            without_details("calls of f cannot be counted (fentry f: EPERM (1): no; kprobe f: no)"),
            "calls of f cannot be counted"
        );
        for whole in ["no veth (os error 95): is it there?", "all right", "", "odd)"] {
            assert_eq!(without_details(whole), whole);
        }
    }
}
