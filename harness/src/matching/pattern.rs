//! One filter of a case, compiled.
use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::condition::{BadCondition, Condition};
use super::learned::Learned;
use super::stack::passes;
use super::{Scene, Target};
use crate::case::{EventName, Filter};
use crate::recording::{By, Event, Named};

/// Which events a [`Filter`] means, ready to be asked about each event. Marks are the judge's business: `from` and
/// `until` are not looked at.
#[derive(Debug)]
pub struct Pattern {
    of: EventName,
    on: Option<Target>,
    reports: Option<Target>,
    by: Option<Doer>,
    wakes: Option<Doer>,
    through: Vec<String>,
    /// For each known stack, whether it passes `through`.
    passing: Vec<bool>,
    condition: Option<Condition>,
}

#[derive(Debug)]
enum Doer {
    Role(By),
    /// The threads of an actor.
    Threads(Vec<u32>),
}

impl Pattern {
    /// Compiles a filter. A name that is not among `names` matches nothing: compile anew when there are more.
    pub fn new(
        of: EventName,
        filter: &Filter,
        names: &IndexMap<String, Vec<Named>>,
        actors: &BTreeMap<u32, String>,
    ) -> Result<Self, BadCondition> {
        let target = |name: &Option<String>| name.as_ref().map(|name| Target::of(name, names));
        Ok(Self {
            of,
            on: target(&filter.on),
            reports: target(&filter.reports),
            by: filter.by.as_ref().map(|by| doer(by, actors)),
            wakes: filter.wakes.as_ref().map(|wakes| doer(wakes, actors)),
            through: filter.through.clone(),
            passing: Vec::new(),
            condition: filter.condition.as_deref().map(|source| Condition::compile(source, of)).transpose()?,
        })
    }

    /// Looks through the stacks of a run beforehand, so that asking needs no comparison of names.
    #[must_use]
    pub fn with_stacks(mut self, stacks: &[Vec<Arc<str>>]) -> Self {
        if !self.through.is_empty() {
            self.passing = stacks.iter().map(|stack| passes(stack, &self.through)).collect();
        }
        self
    }

    /// The event that it is about.
    pub fn of(&self) -> EventName {
        self.of
    }

    pub(super) fn matches(&self, event: &Event, learned: &Learned, scene: Scene<'_>) -> bool {
        event.name == self.of
            && self.by.as_ref().is_none_or(|by| by.did(event))
            && self.wakes.as_ref().is_none_or(|wakes| wakes.is_woken_by(event))
            && (self.through.is_empty() || self.passes(event, scene))
            && self.on.as_ref().is_none_or(|target| target.is_subject_of(event, learned, scene))
            && self.reports.as_ref().is_none_or(|target| target.is_reported_by(event, learned, scene))
            && self.condition.as_ref().is_none_or(|condition| condition.holds(event, scene))
    }

    fn passes(&self, event: &Event, scene: Scene<'_>) -> bool {
        let Some(place) = event.stack else { return false };
        self.passing.get(place.index()).copied().unwrap_or_else(|| passes(scene.stack(event), &self.through))
    }
}

impl Doer {
    fn did(&self, event: &Event) -> bool {
        match self {
            Self::Role(role) => event.by == Some(*role),
            Self::Threads(threads) => threads.contains(&event.tid),
        }
    }

    /// Whether the event is the waking of one of these.
    fn is_woken_by(&self, event: &Event) -> bool {
        matches!(event.name, EventName::SchedWaking | EventName::SchedWakeup)
            && matches!(self, Self::Threads(threads) if threads.iter().any(|tid| i64::from(*tid) == event.value))
    }
}

fn doer(by: &str, actors: &BTreeMap<u32, String>) -> Doer {
    match by {
        "server" => Doer::Role(By::Server),
        "client" => Doer::Role(By::Client),
        actor => {
            Doer::Threads(actors.iter().filter(|(_, name)| is_or_is_of(name, actor)).map(|(tid, _)| *tid).collect())
        }
    }
}

/// `t` means every thread of that actor, `t[2]` one of them.
fn is_or_is_of(name: &str, actor: &str) -> bool {
    name.strip_prefix(actor).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}
