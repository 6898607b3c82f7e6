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
//! A wait call is about the connection if it reports it; its entry, if it is made by the task that the chain was last seen
//! in; a task's switch also if it is the task that the chain has woken, as is that task's being put on a run queue; a soft
//! interrupt, if it is asked for or served by the processor that the chain was last seen on.
use std::collections::VecDeque;

use super::{Gap, Reader, pattern};
use crate::case::{self, Chain, EventName, Filter};
use crate::judge::evidence::word;
use crate::judge::value::Reading;
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
    about: Pattern,
    follows: Follows,
}

/// How an event is known to be the next of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    /// By the connection; it happens inside of the receiving of one segment.
    Receiving,
    /// By the connection; it serves whatever there is.
    Connection,
    /// By the task that the chain was last seen in.
    Task,
    /// By the task that the chain has woken.
    Woken,
    /// By the processor that the chain was last seen on.
    Processor,
}

impl Follows {
    fn of(name: EventName) -> Self {
        match name {
            EventName::TcpV4Rcv
            | EventName::SkDataReady
            | EventName::EpPollCallback
            | EventName::SchedWaking
            | EventName::NetifRx
            | EventName::NetifReceiveSkb
            | EventName::TcpProbe
            | EventName::InetSockSetState
            | EventName::Watch => Self::Receiving,
            EventName::SysEnterEpollWait
            | EventName::SysEnterSelect
            | EventName::SysEnterPoll
            | EventName::SysEnterFutex => Self::Task,
            EventName::SchedSwitch | EventName::SchedWakeup => Self::Woken,
            EventName::SoftirqRaise | EventName::SoftirqEntry | EventName::SoftirqExit | EventName::TlbFlush => {
                Self::Processor
            }
            _ => Self::Connection,
        }
    }

    /// What the filter of such an event must say beside what the case says of it.
    fn filter(self, name: EventName, on: &str, only: Filter) -> Filter {
        let on = Some(on.to_owned());
        match (self, name) {
            (Self::Connection, EventName::EpollWait | EventName::Select | EventName::Poll) => {
                Filter { reports: on, ..only }
            }
            (Self::Receiving | Self::Connection, _) => Filter { on, ..only },
            (Self::Task | Self::Woken | Self::Processor, _) => only,
        }
    }
}

struct Way {
    began: u64,
    tid: u32,
    cpu: u16,
    /// The task that was woken, if one was.
    woken: Option<i64>,
    /// The events of the first few only.
    places: Vec<usize>,
}

impl Way {
    fn is_followed(&self, follows: Follows, event: &Event) -> bool {
        match follows {
            Follows::Receiving | Follows::Connection => true,
            Follows::Task => self.tid == event.tid,
            Follows::Woken => match self.woken {
                Some(woken) => woken == event.value,
                None => self.tid == event.tid,
            },
            Follows::Processor => self.cpu == event.cpu,
        }
    }
}

impl Chains {
    pub(super) fn new(chain: &Chain, run: &Run) -> Result<Self, Gap> {
        let link = |link: &case::Link| {
            let follows = Follows::of(link.of());
            let filter = follows.filter(link.of(), &chain.on, link.only());
            Ok(Link { about: pattern(link.of(), &filter, run)?, follows })
        };
        let links: Vec<Link> = chain.of.iter().map(link).collect::<Result<_, Gap>>()?;
        let waiting = links.iter().map(|_| VecDeque::new()).collect();
        Ok(Self { links, waiting, complete: Vec::new(), first: Vec::new() })
    }

    fn advance(&mut self, link: usize, mut way: Way, place: usize, event: &Event) {
        if self.first.is_empty() {
            way.places.push(place);
        }
        // A task that is woken is put on a run queue by its waker, or by the processor that it will run on.
        if event.name != EventName::SchedWakeup {
            (way.tid, way.cpu) = (event.tid, event.cpu);
        }
        if event.name == EventName::SchedWaking {
            way.woken = Some(event.value);
        }
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
            let Link { about, follows } = &self.links[link];
            if about.of() != event.name || !matcher.matches(about, event, scene) {
                continue;
            }
            let follows = *follows;
            if link == 0 {
                let way = Way { began: event.time, tid: event.tid, cpu: event.cpu, woken: None, places: Vec::new() };
                self.advance(0, way, place, event);
            } else if follows == Follows::Receiving {
                if let Some(way) = self.innermost(link, event) {
                    self.advance(link, way, place, event);
                }
            } else {
                // Once around: who is not moved on stands where it stood.
                for _ in 0..self.waiting[link].len() {
                    let Some(way) = self.waiting[link].pop_front() else { break };
                    if way.is_followed(follows, event) {
                        self.advance(link, way, place, event);
                    } else {
                        self.waiting[link].push_back(way);
                    }
                }
            }
        }
    }

    fn finish(self: Box<Self>) -> (Reading, Vec<usize>) {
        let steps = self.links.iter().map(|link| word(link.about.of())).collect();
        (Reading::Chains { steps, ns: self.complete }, self.first)
    }
}
