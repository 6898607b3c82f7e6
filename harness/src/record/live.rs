//! The events of the run that is being made, as they come.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use wakeproof_abi::FenceOp;

use super::decode::{Decoder, Fence, Record};
use super::probes::Probes;
use super::watch::Watches;
use crate::case::{EventName, Filter, Side};
use crate::derive::Deriver;
use crate::matching::{Matcher, Pattern, Scene};
use crate::recording::{Account, By, Event, Extra, Named, ProbeReport};

/// How long the last records may take to become visible.
const SETTLE: Duration = Duration::from_millis(500);

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) decoder: Decoder,
    pub(super) events: Vec<Event>,
    pub(super) fences: Vec<Fence>,
    matcher: Matcher,
}

/// Events that were taken, with what some of them carry beside.
#[derive(Debug, Default)]
pub struct Taken {
    /// What happened; only neighbours may have changed places.
    pub events: Vec<Event>,
    /// What the events refer to by place.
    pub extras: Vec<Extra>,
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
    /// What is awaited may be seen only through other events.
    deriver: Option<Deriver>,
}

impl Live {
    /// Takes what is in the ring.
    pub(super) fn drain(&mut self, probes: &mut Probes) {
        probes.flush_logs();
        while let Some(bytes) = probes.ring.next() {
            match self.decoder.record(&bytes) {
                Some(Record::Fence(fence)) => self.fences.push(fence),
                Some(Record::Event(event)) => {
                    self.matcher.observe(&event, Scene { extras: &self.decoder.extras, ..Scene::default() });
                    self.events.push(event);
                }
                None => {}
            }
        }
    }

    /// Hands over the events that have come so far. What they carry goes with them: places begin anew.
    pub(super) fn take(&mut self) -> Taken {
        Taken { events: std::mem::take(&mut self.events), extras: std::mem::take(&mut self.decoder.extras) }
    }

    /// Kernel stacks so far, by the place that an event names.
    pub(super) fn stacks(&self, probes: &Probes) -> Vec<Vec<Arc<str>>> {
        let stacks = &self.decoder.stacks;
        if stacks.is_empty() { Vec::new() } else { stacks.names(probes.symbols.get()) }
    }

    /// Threads that have said which actor they are.
    pub(super) fn actors(&self, names: &[String]) -> BTreeMap<u32, String> {
        let actors = self.fences.iter().filter(|fence| fence.op == FenceOp::Actor as u32);
        actors
            .filter_map(|fence| Some((fence.tid, names.get(usize::try_from(fence.argument).ok()?)?.clone())))
            .collect()
    }

    /// Eventpolls of the script by their descriptors, as its own `epoll_ctl` and `epoll_wait` calls tell.
    pub(super) fn eventpolls(&self) -> BTreeMap<i32, u64> {
        let calls = self.events.iter().filter(|event| {
            event.by == Some(By::Client)
                && event.object != 0
                && matches!(event.name, EventName::EpollCtl | EventName::EpollWait)
        });
        calls.map(|event| (event.detail.cast_signed(), event.object)).collect()
    }

    /// When a mark was passed, by the kernel's clock.
    pub(super) fn mark(&self, number: usize) -> Option<u64> {
        let number = i64::try_from(number).ok()?;
        self.fences
            .iter()
            .find(|fence| fence.op == FenceOp::Mark as u32 && fence.argument == number)
            .map(|fence| fence.time)
    }

    /// Whether the answer is known by now.
    pub(super) fn answered(&self, awaited: &mut Awaited, probes: &Probes, watches: &Watches) -> bool {
        let stacks = if awaited.stacks { self.stacks(probes) } else { Vec::new() };
        awaited.look(
            &self.events,
            &self.matcher,
            Scene { stacks: &stacks, watches: &watches.names, extras: &self.decoder.extras },
        )
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
                let what = match event.name.calls() {
                    // `value` is its second argument, most often an address.
                    Some((Side::Enter, _)) => format!("{name} of descriptor {}", event.detail.cast_signed()),
                    _ => format!("{name} = {}", event.value),
                };
                format!("{what} (tid {}, {} µs before)", event.tid, end.saturating_sub(event.time) / 1000)
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
        probes: &[ProbeReport],
    ) -> Result<Self, String> {
        let pattern = Pattern::new(of, only, names, actors).map_err(|error| error.to_string())?;
        let through_others = matches!(of, EventName::TcpV4Rcv | EventName::EpPollCallback | EventName::SchedWaking);
        let deriver = through_others.then(|| Deriver::new(probes));
        let stacks = through_others || !only.through.is_empty() || only.condition.is_some();
        Ok(Self { pattern, since, times, seen: 0, next: 0, stacks, deriver })
    }

    /// Looks at the events that are new among these. Whether the answer is known by now.
    fn look(&mut self, events: &[Event], matcher: &Matcher, scene: Scene<'_>) -> bool {
        let Self { pattern, since, seen, deriver, .. } = self;
        let mut count = |event: &Event| {
            if event.time > *since && matcher.matches(pattern, event, scene) {
                *seen += 1;
            }
        };
        for event in &events[self.next..] {
            match deriver {
                Some(deriver) => deriver.each(event, scene, &mut count),
                None => count(event),
            }
        }
        self.next = events.len();
        self.seen >= self.times
    }

    /// How many were seen of how many.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.seen, self.times)
    }
}

impl Probes {
    /// Stops recording; what became of the records of each kind, once all have come or are known to be lost.
    pub(super) fn settle(&mut self, live: &mut Live) -> Result<Vec<Account>, String> {
        self.disarm()?;
        let deadline = Instant::now() + SETTLE;
        loop {
            live.drain(self);
            let accounts = self.accounts(&live.decoder.delivered)?;
            let settled = accounts.iter().all(|account| account.fired == account.delivered + account.lost);
            if settled || Instant::now() > deadline {
                return Ok(accounts);
            }
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::event;

    #[test]
    fn a_callback_is_awaited_where_only_the_write_to_the_ready_list_is_seen() {
        let names = IndexMap::from([("conn".to_owned(), vec![Named::Connection { client: 2, server: 1 }])]);
        let only = Filter { on: Some("conn".to_owned()), ..Filter::default() };
        let mut awaited =
            Awaited::new(EventName::EpPollCallback, &only, (1, 5), &names, &BTreeMap::new(), &[]).expect("a question");
        let stacks = [["ep_poll_callback", "tcp_v4_rcv"].map(Arc::from).to_vec()];
        let scene = Scene { stacks: &stacks, ..Scene::default() };
        let write = |time| Event { local: 1, remote: 2, stack: Some(0.into()), ..event(time, EventName::Watch) };
        assert!(!awaited.look(&[write(4)], &Matcher::new(), scene), "it was before");
        assert!(awaited.look(&[write(4), write(6)], &Matcher::new(), scene));
    }
}
