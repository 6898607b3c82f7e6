//! Queues that fill while those who should take from them wait for something else.
use super::{Event, Hazard, Kind, Seen, in_wait, unburdened};
use crate::observe::calls::Class;
use crate::observe::facts::{Thing, asked};

const LISTEN: u8 = 10;
const EPOLLET: u32 = 1 << 31;

pub(super) fn find(seen: &Seen<'_>) -> Vec<Hazard> {
    [listener(seen), connection(seen)].into_iter().flatten().collect()
}

fn edge(seen: &Seen<'_>, thing: Thing, time: u64) -> bool {
    seen.mask(thing, time).is_some_and(|mask| mask & EPOLLET != 0)
}

/// A level-triggered wait that named the listener would have returned.
fn listener(seen: &Seen<'_>) -> Option<Hazard> {
    let mut instances = Vec::new();
    for rest in seen.settled() {
        for socket in rest.sockets.iter().filter(|socket| socket.state == LISTEN && socket.waiting > 0) {
            let thing = Thing::Listener(socket.local);
            let several = seen.facts.things.get(&thing).is_some_and(|waited| waited.together >= 2);
            let accepted = |event: &&Event| {
                event.class() == Some(Class::Accept) && event.local == socket.local && event.result >= 0
            };
            let Some(last) = seen.observation.events.iter().rev().filter(|event| event.time < rest.time).find(accepted)
            else {
                continue;
            };
            if !unburdened(rest, socket.local) || !several || edge(seen, thing, rest.time) || !in_wait(rest, last.tid) {
                continue;
            }
            let text = format!(
                "all tasks sleep in waits that do not name the listener, and {} connections wait in its queue",
                socket.waiting
            );
            instances.push(vec![seen.shown(last), seen.note(rest.time, text)]);
        }
    }
    Hazard::of(
        Kind::ListenerNotWatched,
        instances,
        "nobody waits for the listener any more, while connections wait in its queue",
        "select(2): \"the sets are modified in place … they must be reinitialised before each call\"; a listener that is left out of a set, or taken off an epoll, is not reported",
    )
}

/// The same of a connection that was accepted and whose client waits for an answer.
fn connection(seen: &Seen<'_>) -> Option<Hazard> {
    let mut instances = Vec::new();
    for rest in seen.settled() {
        for socket in
            rest.sockets.iter().filter(|socket| socket.state != LISTEN && socket.inode != 0 && socket.waiting > 0)
        {
            let Some(key) = seen.connection(socket.remote, rest.time) else { continue };
            let thing = Thing::Connection(key);
            let Some(tid) = seen.acceptor(key) else { continue };
            let written =
                seen.on(key).rev().find(|event| event.time < rest.time && event.class() == Some(Class::Write));
            let held = written.is_some_and(|event| {
                event.result < 0 || asked(event).is_some_and(|asked| event.result.unsigned_abs() < asked)
            });
            let loops = seen.facts.things.values().any(|waited| waited.together >= 2);
            let unseen = seen.gap(written.map_or(0, |event| event.time), rest.time);
            if held
                || unseen
                || !loops
                || edge(seen, thing, rest.time)
                || !in_wait(rest, tid)
                || !seen.unanswered(socket.remote)
            {
                continue;
            }
            let last = seen.on(key).rev().find(|event| event.time < rest.time);
            let text = format!(
                "all tasks sleep in waits that do not name this connection, and {} bytes of client {} wait, who got no answer",
                socket.waiting, socket.remote
            );
            instances
                .push(last.map(|event| seen.shown(event)).into_iter().chain([seen.note(rest.time, text)]).collect());
        }
    }
    Hazard::of(
        Kind::ConnectionNotWatched,
        instances,
        "a connection was accepted and nobody waits for it, while its bytes wait",
        "select(2), poll(2), epoll_ctl(2): only what is in the set, or was added, is reported",
    )
}
