//! Counts of events, and lists of one of their fields.
use serde_json::Value as Json;

use super::{Reader, SHOWN};
use crate::judge::value::{Reading, json};
use crate::matching::{Matcher, Pattern, Scene, field};
use crate::recording::Event;

/// How many there are.
pub(super) struct Counted {
    pattern: Pattern,
    count: u64,
    first: Vec<usize>,
}

impl Counted {
    pub(super) fn new(pattern: Pattern) -> Self {
        Self { pattern, count: 0, first: Vec::with_capacity(SHOWN) }
    }
}

impl Reader for Counted {
    fn read(&mut self, place: usize, event: &Event, matcher: &Matcher, scene: Scene<'_>) {
        if matcher.matches(&self.pattern, event, scene) {
            self.count += 1;
            if self.first.len() < SHOWN {
                self.first.push(place);
            }
        }
    }

    fn finish(self: Box<Self>) -> (Reading, Vec<usize>) {
        (self.count.into(), self.first)
    }
}

/// One field of each.
pub(super) struct Listed {
    pattern: Pattern,
    take: String,
    values: Vec<Json>,
    first: Vec<usize>,
}

impl Listed {
    pub(super) fn new(pattern: Pattern, take: &str) -> Self {
        Self { pattern, take: take.to_owned(), values: Vec::new(), first: Vec::new() }
    }
}

impl Reader for Listed {
    fn read(&mut self, place: usize, event: &Event, matcher: &Matcher, scene: Scene<'_>) {
        if matcher.matches(&self.pattern, event, scene) {
            self.values.push(field(event, &self.take, scene).as_ref().map_or(Json::Null, json));
            if self.first.len() < SHOWN {
                self.first.push(place);
            }
        }
    }

    fn finish(self: Box<Self>) -> (Reading, Vec<usize>) {
        (self.values.into(), self.first)
    }
}
