//! Edge-triggered: what is left is not reported again.
use super::{Event, Hazard, Kind, Seen, in_wait, unburdened};
use crate::observe::calls::Class;
use crate::observe::facts::{Thing, asked};

const EPOLLIN: u32 = 1;
const EPOLLET: u32 = 1 << 31;
const LISTEN: u8 = 10;
const EAGAIN: i64 = -(libc::EAGAIN as i64);

pub(super) fn find(seen: &Seen<'_>) -> Vec<Hazard> {
    [not_drained(seen), accept_once(seen), blocking(seen)].into_iter().flatten().collect()
}

fn edge(mask: Option<u32>) -> bool {
    mask.is_some_and(|mask| mask & EPOLLET != 0 && mask & EPOLLIN != 0)
}

/// Everything sleeps, bytes wait, and the last read neither found nothing nor came back short: both prove a drain.
fn not_drained(seen: &Seen<'_>) -> Option<Hazard> {
    let mut instances = Vec::new();
    for rest in seen.settled() {
        for socket in
            rest.sockets.iter().filter(|socket| socket.state != LISTEN && socket.inode != 0 && socket.waiting > 0)
        {
            let Some(key) = seen.connection(socket.remote, rest.time) else { continue };
            let thing = Thing::Connection(key);
            if !edge(seen.mask(thing, rest.time)) {
                continue;
            }
            let before = || seen.on(key).rev().filter(|event| event.time < rest.time);
            let read = before().find(|event| event.class() == Some(Class::Read));
            let written = before().find(|event| event.class() == Some(Class::Write));
            // Who cannot send need not read.
            let held = written.is_some_and(|event| {
                event.result < 0 || asked(event).is_some_and(|asked| event.result.unsigned_abs() < asked)
            });
            let proven = read.is_some_and(|event| event.left == 0 || event.result == EAGAIN || event.result == 0);
            // The thread that would take them sleeps in a wait, and in nothing else.
            let tid = read.map(|event| event.tid).or_else(|| seen.acceptor(key));
            // What became of them may have gone unseen.
            let since = [read, written].map(|event| event.map_or(0, |event| event.time));
            let unseen = seen.gap(since[0].min(since[1]), rest.time);
            if held || proven || unseen || !tid.is_some_and(|tid| in_wait(rest, tid)) {
                continue;
            }
            let mut events: Vec<_> =
                seen.registration(thing, rest.time).into_iter().map(|event| seen.shown(event)).collect();
            events.extend(read.map(|event| seen.shown(event)));
            let silence = if seen.unanswered(socket.remote) { "; the client got no answer" } else { "" };
            let text = format!(
                "all tasks sleep, and {} bytes of client {} wait to be read{silence}",
                socket.waiting, socket.remote
            );
            events.push(seen.note(rest.time, text));
            instances.push(events);
        }
    }
    Hazard::of(
        Kind::EdgeNotDrained,
        instances,
        "an edge-triggered connection was left with bytes in its receive queue: they are not reported again before more arrive",
        "epoll(7): \"An application that employs the EPOLLET flag should use nonblocking file descriptors\" and read until EAGAIN; a short read proves the same",
    )
}

/// The listener's queue is not empty, and the last accept had a successor to take.
fn accept_once(seen: &Seen<'_>) -> Option<Hazard> {
    let mut instances = Vec::new();
    for rest in seen.settled() {
        for socket in rest.sockets.iter().filter(|socket| socket.state == LISTEN && socket.waiting > 0) {
            let thing = Thing::Listener(socket.local);
            if !edge(seen.mask(thing, rest.time)) {
                continue;
            }
            let accepts = |event: &&Event| {
                event.class() == Some(Class::Accept) && event.local == socket.local && event.time < rest.time
            };
            let Some(last) = seen.observation.events.iter().rev().find(accepts) else { continue };
            // A server that has as many as it wants may leave the others where they are.
            if last.result < 0 || !unburdened(rest, socket.local) {
                continue;
            }
            let mut events: Vec<_> =
                seen.registration(thing, rest.time).into_iter().map(|event| seen.shown(event)).collect();
            events.push(seen.shown(last));
            let next = seen.observation.events.iter().find(|event| {
                event.tid == last.tid && event.time > last.time && event.class().is_some_and(Class::waits)
            });
            events.extend(next.map(|event| seen.shown(event)));
            let text = format!(
                "all tasks sleep, and {} connections wait in the accept queue of port {}",
                socket.waiting, socket.local
            );
            events.push(seen.note(rest.time, text));
            instances.push(events);
        }
    }
    Hazard::of(
        Kind::AcceptOncePerEdge,
        instances,
        "connections were left in the accept queue of an edge-triggered listener: they are not reported again before another client comes",
        "epoll(7): with EPOLLET one report may stand for several connections; accept until EAGAIN",
    )
}

/// A read that could have slept, on an edge-triggered connection.
fn blocking(seen: &Seen<'_>) -> Option<Hazard> {
    let could_sleep = |event: &&Event| {
        const DONTWAIT: u64 = libc::MSG_DONTWAIT as u64;
        let flags = match i64::from(event.call) {
            libc::SYS_recvfrom => event.args[2],
            libc::SYS_recvmsg => event.args[1],
            _ => 0,
        };
        event.class() == Some(Class::Read) && event.remote != 0 && !event.nonblocking && flags & DONTWAIT == 0
    };
    let mut events = seen.observation.events.iter().filter(could_sleep).filter(|event| {
        let key = (event.object, event.remote);
        seen.facts.waited(key).is_some_and(|waited| waited.masks.iter().any(|mask| mask & EPOLLET != 0))
            && edge(seen.mask(Thing::Connection(key), event.time))
    });
    let first = events.next()?;
    let times = 1 + events.count();
    let registered = seen.registration(Thing::Connection((first.object, first.remote)), first.time);
    Some(Hazard::new(
        Kind::EdgeBlockingDescriptor,
        times,
        "an edge-triggered connection has no O_NONBLOCK: the read that ends the drain sleeps, and everybody waits with it",
        "epoll(7): \"Edge-triggered … should use nonblocking file descriptors to avoid having a blocking read or write starve a task that is handling multiple file descriptors\"",
        registered.into_iter().chain([first]).map(|event| seen.shown(event)).collect(),
    ))
}
