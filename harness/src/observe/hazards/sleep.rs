//! A call that sleeps in a loop that others wait for.
use super::{Event, Hazard, Kind, Seen};
use crate::observe::calls::Class;
use crate::observe::facts::Thing;

/// Shorter sleeps are locks and page faults.
const LONG: u64 = 1_000_000;

pub(super) fn find(seen: &Seen<'_>) -> Vec<Hazard> {
    let mut instances = Vec::new();
    for event in &seen.observation.events {
        let transfers = matches!(event.class(), Some(Class::Read | Class::Write | Class::Accept));
        if !transfers || event.slept == 0 || event.took() < LONG || event.remote == 0 {
            continue;
        }
        let thing = if event.class() == Some(Class::Accept) {
            Thing::Listener(event.local)
        } else if event.nonblocking {
            continue;
        } else {
            Thing::Connection((event.object, event.remote))
        };
        let loops = seen.facts.things.get(&thing).is_some_and(|waited| waited.together >= 2);
        // Who waits for this one alone holds up nobody else.
        let waits = seen.facts.threads.get(&event.tid).is_some_and(|thread| thread.widest >= 2);
        if loops && waits {
            instances.push(event);
        }
    }
    let Some(longest) = instances.iter().max_by_key(|event| event.took()) else { return Vec::new() };
    let wait = |event: &&Event| {
        event.tid == longest.tid && event.time <= longest.entered && event.class().is_some_and(Class::waits)
    };
    let before = seen.observation.events.iter().rev().find(wait);
    vec![Hazard::new(
        Kind::BlockingCallInLoop,
        instances.len(),
        "a call slept in a thread that waits for several clients: until it returned none of the others was served",
        "select(2), BUGS: a descriptor may be reported ready and the read block nevertheless; \"it may be safer to use O_NONBLOCK on sockets that should not block\"",
        before.into_iter().chain([*longest]).map(|event| seen.shown(event)).collect(),
    )]
}
