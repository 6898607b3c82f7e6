//! The first two axes: what lets an accept go on, and what the reads of a connection.
use std::collections::BTreeMap;

use super::{Axis, Certainty, Gate};
use crate::observe::facts::{self, Facts, Thing, Waited, most};

const EPOLLEXCLUSIVE: u32 = 1 << 28;
const EPOLLONESHOT: u32 = 1 << 30;
const EPOLLET: u32 = 1 << 31;

/// What gates accept.
pub(super) fn accept(facts: &Facts) -> Axis<Gate> {
    let mut votes: BTreeMap<Gate, u32> = BTreeMap::new();
    let mut because = Vec::new();
    for (thing, waited) in facts.listeners() {
        let Some(gate) = gate(waited, true) else { continue };
        let accepted: u32 = waited.gates.values().sum();
        *votes.entry(gate).or_default() += accepted.max(1);
        let Thing::Listener(port) = thing else { continue };
        because.push(format!("port {port}: {}", tell(waited, "accepts")));
    }
    decide(&votes, because, "no accept was seen")
}

/// What gates a connection.
pub(super) fn connection(facts: &Facts) -> Axis<Gate> {
    let mut votes: BTreeMap<Gate, u32> = BTreeMap::new();
    let mut example: BTreeMap<Gate, String> = BTreeMap::new();
    // Where no connection was served at all, what they were waited for with is all there is.
    let idle = facts.connections.iter().all(|one| one.servers.is_empty());
    for connection in &facts.connections {
        let Some(waited) = facts.waited(connection.key) else { continue };
        // A loop that has one connection only is a loop all the same.
        let wide = |tid: &u32| facts.threads.get(tid).is_some_and(|thread| thread.widest >= 2);
        // One that never brought a byte says little of what its reads would have waited for.
        let Some(gate) = gate(waited, connection.servers.keys().any(wide)) else { continue };
        if !idle && connection.servers.is_empty() && most(&waited.gates).is_none() {
            continue;
        }
        *votes.entry(gate).or_default() += 1;
        example.entry(gate).or_insert_with(|| {
            let so = tell(waited, "reads");
            let set = waited.together.saturating_sub(u32::from(waited.with_listener));
            format!("connection from port {}: {so}; at most {set} connection(s) in one set", connection.key.1)
        });
    }
    // A connection of a loop that was alone while it lived is no timed wait if others were not.
    for (single, several) in [
        (Gate::TimedWaitPoll, Gate::Poll),
        (Gate::TimedWaitSelect, Gate::Select),
        (Gate::TimedWaitEpoll, Gate::EpollLt),
    ] {
        if votes.contains_key(&several) && votes.get(&single) <= votes.get(&several) {
            let alone = votes.remove(&single).unwrap_or(0);
            *votes.entry(several).or_default() += alone;
        }
    }
    let mut because: Vec<String> =
        votes.iter().map(|(gate, count)| format!("{count} connection(s) by {gate}")).collect();
    because.extend(example.into_iter().filter(|(gate, _)| votes.contains_key(gate)).map(|(_, text)| text));
    decide(&votes, because, "no bytes of a connection were taken")
}

fn decide(votes: &BTreeMap<Gate, u32>, because: Vec<String>, nothing: &str) -> Axis<Gate> {
    let all: u32 = votes.values().sum();
    // Reads that came with the connection say nothing against what the others waited for.
    match votes.iter().max_by_key(|(_, count)| **count) {
        None => Axis::new(Gate::Unknown, Certainty::Unknown, vec![nothing.to_owned()]),
        Some((gate, count)) => Axis::of_share(*gate, Gate::Unknown, *count as usize, all as usize, because),
    }
}

/// The gate of one thing, which may be known to be one of several.
fn gate(waited: &Waited, several: bool) -> Option<Gate> {
    let several = several || waited.with_listener || waited.together >= 2;
    let found = most(&waited.gates);
    // A loop may sleep in a read as well, by mistake: it is a loop all the same.
    let looped = |(gate, _): &(facts::Gate, u32)| !matches!(gate, facts::Gate::Call | facts::Gate::Tried);
    // Before it reads, a loop may make sure of the one with a wait of its own.
    let weight = |(gate, count): &(facts::Gate, u32)| {
        let several = waited.width.get(gate).is_some_and(|width| *width >= 2);
        (several, *count, matches!(gate, facts::Gate::Epoll(_)))
    };
    let in_loop = waited.gates.iter().map(|(gate, count)| (*gate, *count)).filter(looped).max_by_key(weight);
    let found = if several { in_loop.or(found) } else { found };
    let (found, count) = match found {
        Some((facts::Gate::Tried, tried)) => {
            // What was tried once may have stood in a set all the time.
            match most(&waited.member) {
                Some((member, _)) => (member, tried),
                None if waited.empty > 10 * tried.max(1) => return Some(Gate::Spin),
                None => return None,
            }
        }
        Some(found) => found,
        None => most(&waited.member)?,
    };
    debug_assert!(count > 0);
    Some(match found {
        facts::Gate::Call => Gate::Blocking,
        facts::Gate::Poll if several => Gate::Poll,
        facts::Gate::Poll => Gate::TimedWaitPoll,
        facts::Gate::Select if several => Gate::Select,
        facts::Gate::Select => Gate::TimedWaitSelect,
        facts::Gate::Epoll(_) if !several => Gate::TimedWaitEpoll,
        facts::Gate::Epoll(mask) => {
            // A mask that is armed later counts as much as the first.
            let all = waited.masks.iter().fold(mask, |all, mask| all | mask);
            match () {
                () if all & EPOLLONESHOT != 0 => Gate::EpollOneshot,
                () if mask & EPOLLET != 0 => Gate::EpollEt,
                () if mask & EPOLLEXCLUSIVE != 0 => Gate::EpollExclusive,
                () => Gate::EpollLt,
            }
        }
        facts::Gate::Ring => Gate::IoUring,
        facts::Gate::RingPoll => Gate::IoUringPoll,
        facts::Gate::Tried => Gate::Spin,
    })
}

/// What was seen, in words.
fn tell(waited: &Waited, calls: &str) -> String {
    let name = |gate: &facts::Gate| match gate {
        facts::Gate::Call => "after the call itself had slept".to_owned(),
        facts::Gate::Epoll(mask) => format!("reported by epoll [{}]", mask_words(*mask)),
        facts::Gate::Poll => "reported by poll".to_owned(),
        facts::Gate::Select => "in a set of select".to_owned(),
        facts::Gate::Ring => "submitted to a ring".to_owned(),
        facts::Gate::RingPoll => "after a ring's poll".to_owned(),
        facts::Gate::Tried => "without waiting".to_owned(),
    };
    let mut parts: Vec<String> =
        waited.gates.iter().map(|(gate, count)| format!("{count} {calls} {}", name(gate))).collect();
    if parts.is_empty() {
        parts = waited.member.iter().map(|(gate, count)| format!("{count} waits, {}", name(gate))).collect();
    }
    if waited.empty > 0 {
        parts.push(format!("{} found nothing (EAGAIN)", waited.empty));
    }
    if waited.unseen {
        parts.push("registered before it was watched, or through a ring (seen in fdinfo)".into());
    }
    parts.join(", ")
}

/// A mask by the names of its bits.
pub fn mask_words(mask: u32) -> String {
    const BITS: &[(u32, &str)] = &[
        (0x1, "IN"),
        (0x2, "PRI"),
        (0x4, "OUT"),
        (0x8, "ERR"),
        (0x10, "HUP"),
        (0x40, "RDNORM"),
        (0x100, "WRNORM"),
        (0x2000, "RDHUP"),
        (EPOLLEXCLUSIVE, "EXCLUSIVE"),
        (EPOLLONESHOT, "ONESHOT"),
        (EPOLLET, "ET"),
    ];
    let words: Vec<&str> = BITS.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, word)| *word).collect();
    if words.is_empty() { "nothing".into() } else { words.join("·") }
}
