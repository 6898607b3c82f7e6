//! Packets on their way to a socket, place by place.
use serde_json::{Value as Json, json};

use super::{Reader, SHOWN};
use crate::case::{EventName, Packets};
use crate::judge::evidence::word;
use crate::judge::value::Reading;
use crate::matching::{Matcher, Scene, Target, packet, skb};
use crate::recording::{Event, Run};

/// Where packets were seen, as `{at, skb, head, headroom, bytes}`.
pub(super) struct Passed {
    to: Target,
    seen: Vec<Json>,
    first: Vec<usize>,
}

impl Passed {
    pub(super) fn new(packets: &Packets, run: &Run) -> Self {
        Self { to: Target::of(&packets.to, &run.head.names), seen: Vec::new(), first: Vec::new() }
    }

    /// On the way down an event is about the socket that sends, from then on about the one that receives.
    fn is_for_it(&self, event: &Event) -> bool {
        let down = matches!(event.name, EventName::IpQueueXmit | EventName::NetDevQueue | EventName::NetDevStartXmit);
        let (local, remote) = if down { (event.remote, event.local) } else { (event.local, event.remote) };
        self.to.is_connection(local, remote)
    }
}

impl Reader for Passed {
    fn read(&mut self, place: usize, event: &Event, _: &Matcher, scene: Scene<'_>) {
        if self.is_for_it(event) {
            let (head, headroom, bytes) = packet(event, scene);
            let address = |at: u64| format!("{at:#x}");
            self.seen.push(json!({
                "at": word(event.name),
                "skb": address(skb(event)),
                "head": address(head),
                "headroom": headroom,
                "bytes": bytes,
            }));
            if self.first.len() < SHOWN {
                self.first.push(place);
            }
        }
    }

    fn finish(self: Box<Self>) -> (Reading, Vec<usize>) {
        (self.seen.into(), self.first)
    }
}
