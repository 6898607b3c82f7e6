//! Which events a case's [`Filter`](crate::case::Filter) means.
//!
//! Used twice: by the recorder, live, to know when an awaited event has come, and by the judge, over a whole recording.
//! So it is incremental: a [`Matcher`] is shown every event once, in order, and learns what later events need to be
//! understood ([`Matcher::observe`]); a [`Pattern`] is one filter, compiled once, that is then asked about single events
//! ([`Matcher::matches`]). Asking allocates nothing.
//!
//! Show an event to the matcher *before* asking about it, unless it is a `close`, which is about a descriptor that is
//! forgotten by observing it; [`Matcher::step`] does this right.
mod condition;
mod field;
mod learned;
mod pattern;
mod stack;
mod target;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use condition::BadCondition;
pub use field::{field, mask_names, packet, skb};
pub use learned::Learned;
pub use pattern::Pattern;
pub use stack::{function, passes, writer};
pub use target::Target;

use crate::case::EventName;
use crate::recording::{Event, Extra, RunHead};

/// What events refer to by number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scene<'a> {
    /// Kernel stacks, innermost frame first.
    pub stacks: &'a [Vec<Arc<str>>],
    /// Names of watches.
    pub watches: &'a [String],
    /// What some events carry beside.
    pub extras: &'a [Extra],
}

impl<'a> Scene<'a> {
    /// What the events of a recorded run refer to.
    pub fn of(run: &'a RunHead) -> Self {
        Self { stacks: &run.stacks, watches: &run.watches, extras: &run.extras }
    }

    /// The event's kernel stack; empty if it has none.
    pub fn stack(&self, event: &Event) -> &'a [Arc<str>] {
        event.stack.and_then(|place| self.stacks.get(place.index())).map_or(&[], Vec::as_slice)
    }

    /// What the event carries beside.
    pub fn extra(&self, event: &Event) -> &'a Extra {
        event.extra.and_then(|place| self.extras.get(place.index())).unwrap_or(&Extra::None)
    }
}

/// Understands events in the light of those before.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    learned: Learned,
}

impl Matcher {
    /// One that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns from an event.
    pub fn observe(&mut self, event: &Event, scene: Scene<'_>) {
        self.learned.observe(event, scene);
    }

    /// Whether the pattern means this event.
    pub fn matches(&self, pattern: &Pattern, event: &Event, scene: Scene<'_>) -> bool {
        pattern.matches(event, &self.learned, scene)
    }

    /// Learns from an event and tells whether the pattern means it, in the order that is right for it.
    pub fn step(&mut self, pattern: &Pattern, event: &Event, scene: Scene<'_>) -> bool {
        self.around(event, scene, |matcher| matcher.matches(pattern, event, scene))
    }

    /// Learns from an event before the questions about it, or after them if it makes something be forgotten.
    pub fn around<T>(&mut self, event: &Event, scene: Scene<'_>, ask: impl FnOnce(&Self) -> T) -> T {
        if matches!(event.name, EventName::Close | EventName::Exit) {
            let answer = ask(self);
            self.observe(event, scene);
            answer
        } else {
            self.observe(event, scene);
            ask(self)
        }
    }
}
