//! A case in plain words: each step a sentence, each measure what it stands for. Who knows sockets and has never seen a
//! case file can follow.
mod calls;
mod events;
mod measures;
mod network;
mod server;
mod steps;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::case::{Case, Value};
use crate::load::{LoadedCase, Point};
use crate::recording::Half;

pub(super) use measures::measure;
pub(super) use server::server;
pub(super) use steps::steps;

/// A sentence, and those that belong to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The sentence.
    pub text: String,
    /// The steps that are repeated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<Self>,
}

impl Line {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), below: Vec::new() }
    }
}

/// A number that stands for the parameter at this place: none that a case would name.
fn stand_in(place: usize) -> i64 {
    // Prime, so that no sum or product of a case's own numbers looks like it.
    7_368_787_000 + i64::try_from(place).unwrap_or_default()
}

/// The parameters of a case by their stand-ins.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    /// Puts the names in.
    pub fn put(&self, mut line: Line) -> Line {
        for (number, name) in &self.0 {
            line.text = line.text.replace(number, &code(name));
        }
        line.below = line.below.into_iter().map(|line| self.put(line)).collect();
        line
    }

    /// Puts the names in.
    pub fn put_text(&self, text: String) -> String {
        self.put(Line::new(text)).text
    }
}

/// One half of a case with its parameters as names, as far as they may stand there.
pub(super) fn with_names(case: &LoadedCase, half: Half) -> (Case, Names) {
    let first = case.points().into_iter().next().unwrap_or_default();
    let (mut point, mut names) = (Point::new(), Names::default());
    for (place, (name, value)) in first.iter().enumerate() {
        let value = match value {
            Value::Int(_) => {
                let number = stand_in(place);
                names.0.push((number.to_string(), name.clone()));
                Value::Int(number)
            }
            Value::Text(text) => Value::Text(text.clone()),
        };
        point.insert(name.clone(), value);
    }
    if let Ok(named) = case.resolve(half, &point) {
        return (named, names);
    }
    // A number was too large where it stands: then the numbers themselves.
    (case.resolve(half, &first).unwrap_or_else(|_| case.case().clone()), Names::default())
}

/// Values of parameters: `arrivals = 5, n = 1, 10 or 100`.
pub(super) fn parameters(case: &LoadedCase) -> BTreeMap<String, String> {
    let fixed = case.case().with.iter().map(|(name, it)| (name.clone(), value(it)));
    let swept = case
        .case()
        .sweep
        .iter()
        .map(|(name, all)| (name.clone(), either(&all.iter().map(value).collect::<Vec<_>>(), "and")));
    fixed.chain(swept).collect()
}

/// A parameter's value.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

/// `a`, `a or b`, `a, b or c`.
fn either(words: &[String], joined: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {joined} {last}", first.join(", ")),
    }
}

/// Code in a text.
fn code(text: impl std::fmt::Display) -> String {
    format!("`{text}`")
}

/// `1 byte`, `8 bytes`.
fn many(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
