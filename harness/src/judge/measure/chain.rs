//! The ways of segments along one connection.
//!
//! A chain begins with each event of the first name about the connection, and is complete once every further name has
//! been seen in order. What else happens in between does not matter. Which chain an event moves on:
//!
//! - What happens *inside of the receiving of one segment* (`tcp_v4_rcv`, `sk_data_ready`, `ep_poll_callback`,
//!   `sched_waking`, a watched write) moves on one chain only: the youngest that waits for it and was last seen in the same
//!   task on the same processor, as functions nest. Older ones there are given up: their receiving is over, and nothing
//!   came of it (a pure acknowledgement, a wake-up that was not needed). If there is none in the same task, the segment
//!   waited in the socket's backlog, which is worked off in order: then it is the oldest.
//! - A system call serves whatever there is, so it moves on every chain that waits for it: two segments that one
//!   `epoll_wait` reports are two chains that share their end.
//!
//! A wait call is about the connection if it reports it; its entry, and a task's switch, if it is made by the task that the
//! chain was last seen in.
use std::collections::VecDeque;

use serde_json::{Value as Json, json};

use super::{Gap, Reader, pattern};
use crate::case::{Chain, EventName, Filter};
use crate::judge::evidence::word;
use crate::matching::{Matcher, Pattern, Scene};
use crate::recording::{Event, Run};

/// Chains as `{steps, ns}`.
pub(super) struct Chains {
    links: Vec<Link>,
    /// Chains that wait for the link of this place.
    waiting: Vec<VecDeque<Way>>,
    complete: Vec<u64>,
    first: Vec<usize>,
}

struct Link {
    name: EventName,
    /// None if only the task tells.
    about: Option<Pattern>,
}

struct Way {
    began: u64,
    tid: u32,
    cpu: u16,
    /// The events of the first few only.
    places: Vec<usize>,
}

impl Chains {
    pub(super) fn new(chain: &Chain, run: &Run) -> Result<Self, Gap> {
        let link = |&name: &EventName| {
            let about = match name {
                EventName::EpollWait | EventName::Select | EventName::Poll => {
                    Some(Filter { reports: Some(chain.on.clone()), ..Filter::default() })
                }
                EventName::SysEnterEpollWait
                | EventName::SysEnterSelect
                | EventName::SysEnterPoll
                | EventName::SchedSwitch => None,
                _ => Some(Filter { on: Some(chain.on.clone()), ..Filter::default() }),
            };
            Ok(Link { name, about: about.map(|filter| pattern(name, &filter, run)).transpose()? })
        };
        let links: Vec<Link> = chain.of.iter().map(link).collect::<Result<_, Gap>>()?;
        let waiting = links.iter().map(|_| VecDeque::new()).collect();
        Ok(Self { links, waiting, complete: Vec::new(), first: Vec::new() })
    }

    fn advance(&mut self, link: usize, mut way: Way, place: usize, event: &Event) {
        if self.first.is_empty() {
            way.places.push(place);
        }
        (way.tid, way.cpu) = (event.tid, event.cpu);
        if link + 1 < self.links.len() {
            self.waiting[link + 1].push_back(way);
        } else {
            self.complete.push(event.time.saturating_sub(way.began));
            if self.first.is_empty() {
                self.first = way.places;
            }
        }
    }

    /// The one chain that something inside of a receiving belongs to.
    fn innermost(&mut self, link: usize, event: &Event) -> Option<Way> {
        let waiting = &mut self.waiting[link];
        let same = |way: &Way| way.tid == event.tid && way.cpu == event.cpu;
        let Some(place) = waiting.iter().rposition(same) else { return waiting.pop_front() };
        let way = waiting.remove(place);
        waiting.retain(|older| !same(older));
        way
    }
}

impl Reader for Chains {
    fn read(&mut self, place: usize, event: &Event, matcher: &Matcher, scene: Scene<'_>) {
        // Backwards, so that one event is not two links of the same chain.
        for link in (0..self.links.len()).rev() {
            let Link { name, about } = &self.links[link];
            if *name != event.name || !about.as_ref().is_none_or(|about| matcher.matches(about, event, scene)) {
                continue;
            }
            let (name, by_task) = (*name, about.is_none());
            if link == 0 {
                let way = Way { began: event.time, tid: event.tid, cpu: event.cpu, places: Vec::new() };
                self.advance(0, way, place, event);
            } else if is_nested(name) {
                if let Some(way) = self.innermost(link, event) {
                    self.advance(link, way, place, event);
                }
            } else {
                for way in std::mem::take(&mut self.waiting[link]) {
                    if by_task && way.tid != event.tid {
                        self.waiting[link].push_back(way);
                    } else {
                        self.advance(link, way, place, event);
                    }
                }
            }
        }
    }

    fn finish(self: Box<Self>) -> (Json, Vec<usize>) {
        let steps: Vec<String> = self.links.iter().map(|link| word(link.name)).collect();
        let chains: Vec<Json> = self.complete.iter().map(|ns| json!({"steps": steps, "ns": ns})).collect();
        (chains.into(), self.first)
    }
}

fn is_nested(name: EventName) -> bool {
    matches!(
        name,
        EventName::TcpV4Rcv
            | EventName::SkDataReady
            | EventName::EpPollCallback
            | EventName::SchedWaking
            | EventName::Watch
            | EventName::InetSockSetState
    )
}
