//! The events of the run that is being made, as they come.
use std::collections::BTreeMap;

use indexmap::IndexMap;
use wakeproof_abi::FenceOp;

use super::decode::{Decoder, Fence, Record};
use super::probes::Probes;
use super::watch::Watches;
use crate::case::{EventName, Filter};
use crate::matching::{Matcher, Pattern, Scene};
use crate::recording::{Event, Named};

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) decoder: Decoder,
    pub(super) events: Vec<Event>,
    pub(super) fences: Vec<Fence>,
    matcher: Matcher,
}

/// A question about events: how many of a kind have come.
pub(super) struct Awaited {
    pattern: Pattern,
    since: u64,
    times: u64,
    seen: u64,
    /// The first event not looked at yet.
    next: usize,
    stacks: bool,
}

impl Live {
    /// Takes what is in the ring.
    pub(super) fn drain(&mut self, probes: &mut Probes) {
        while let Some(bytes) = probes.ring.next() {
            match self.decoder.record(&bytes) {
                Some(Record::Fence(fence)) => self.fences.push(fence),
                Some(Record::Event(event)) => {
                    self.matcher.observe(&event);
                    self.events.push(event);
                }
                None => {}
            }
        }
    }

    /// Threads that have said which actor they are.
    pub(super) fn actors(&self, names: &[String]) -> BTreeMap<u32, String> {
        let actors = self.fences.iter().filter(|fence| fence.op == FenceOp::Actor as u32);
        actors
            .filter_map(|fence| Some((fence.tid, names.get(usize::try_from(fence.argument).ok()?)?.clone())))
            .collect()
    }

    /// When a mark was passed, by the kernel's clock.
    pub(super) fn mark(&self, number: usize) -> Option<u64> {
        let number = i64::try_from(number).ok()?;
        self.fences.iter().find(|fence| fence.op == FenceOp::Mark as u32 && fence.argument == number).map(|fence| fence.time)
    }

    /// Whether the answer is known by now.
    pub(super) fn answered(&self, awaited: &mut Awaited, probes: &Probes, watches: &Watches) -> bool {
        let stacks = if awaited.stacks { self.decoder.stacks.names(&probes.symbols) } else { Vec::new() };
        let scene = Scene { stacks: &stacks, watches: &watches.names };
        for event in &self.events[awaited.next..] {
            if event.time > awaited.since && self.matcher.matches(&awaited.pattern, event, scene) {
                awaited.seen += 1;
            }
        }
        awaited.next = self.events.len();
        awaited.seen >= awaited.times
    }

    /// The last few events, as a sentence.
    pub(super) fn last(&self) -> String {
        let Some(end) = self.events.last().map(|event| event.time) else { return "no event was seen at all".into() };
        let last: Vec<String> = self
            .events
            .iter()
            .rev()
            .take(6)
            .rev()
            .map(|event| {
                let name = serde_json::to_value(event.name).ok();
                let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().to_owned();
                format!("{name} = {} (tid {}, {} µs before)", event.value, event.tid, end.saturating_sub(event.time) / 1000)
            })
            .collect();
        format!("the last events were {}", last.join(", "))
    }
}

impl Awaited {
    /// Compiles the question.
    pub(super) fn new(
        of: EventName,
        only: &Filter,
        (times, since): (u64, u64),
        names: &IndexMap<String, Vec<Named>>,
        actors: &BTreeMap<u32, String>,
    ) -> Result<Self, String> {
        let pattern = Pattern::new(of, only, names, actors).map_err(|error| error.to_string())?;
        Ok(Self { pattern, since, times, seen: 0, next: 0, stacks: !only.through.is_empty() || only.condition.is_some() })
    }

    /// How many were seen of how many.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.seen, self.times)
    }
}
