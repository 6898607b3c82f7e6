//! What the names of a case stand for: which of them an event is about, or reports.
use std::collections::HashMap;

use crate::case::{EventName, Filter};
use crate::matching::{Matcher, Pattern, Scene};
use crate::recording::{Event, Run};

/// Names with more objects than this have one lane together.
const APART: usize = 6;
/// More names than this are not drawn.
const NAMES: usize = 16;
/// What the harness calls its own connections.
const SENTINEL: &str = "sentinel";

/// An object of the case, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who(pub(super) usize);

/// The named objects of a run.
pub(super) struct Objects {
    names: Vec<String>,
    subjects: HashMap<EventName, Vec<Pattern>>,
    reports: HashMap<EventName, Vec<Pattern>>,
}

impl Objects {
    pub(super) fn new(run: &Run) -> Self {
        let names: Vec<String> = run
            .head
            .names
            .iter()
            .flat_map(|(name, all)| {
                let apart = (2..=APART).contains(&all.len());
                let parts = (0..all.len()).filter(move |_| apart).map(move |place| format!("{name}[{place}]"));
                parts.chain((!apart).then(|| name.clone()))
            })
            .take(NAMES)
            .collect();
        let patterns = |event: EventName, filter: &dyn Fn(&String) -> Filter| {
            let pattern = |name| Pattern::new(event, &filter(name), &run.head.names, &run.head.actors).ok();
            (event, names.iter().filter_map(pattern).collect::<Vec<_>>())
        };
        let about = |name: &String| Filter { on: Some(name.clone()), ..Filter::default() };
        let reported = |name: &String| Filter { reports: Some(name.clone()), ..Filter::default() };
        let waits = [EventName::EpollWait, EventName::Select, EventName::Poll];
        Self {
            subjects: EventName::ALL.iter().map(|event| patterns(*event, &about)).collect(),
            reports: waits.into_iter().map(|event| patterns(event, &reported)).collect(),
            names,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", String::as_str)
    }

    pub(super) fn is_sentinel(&self, place: usize) -> bool {
        self.name(place).starts_with(SENTINEL)
    }

    /// The object that an event is about.
    pub(super) fn subject(&self, event: &Event, matcher: &Matcher, scene: Scene<'_>) -> Option<Who> {
        let patterns = self.subjects.get(&event.name)?;
        patterns.iter().position(|pattern| matcher.matches(pattern, event, scene)).map(Who)
    }

    /// The objects that a wait call reports.
    pub(super) fn reported(&self, event: &Event, matcher: &Matcher, scene: Scene<'_>) -> Vec<Who> {
        let patterns = self.reports.get(&event.name).map(Vec::as_slice).unwrap_or_default();
        let matching = patterns.iter().enumerate().filter(|(_, pattern)| matcher.matches(pattern, event, scene));
        matching.map(|(place, _)| Who(place)).collect()
    }
}
