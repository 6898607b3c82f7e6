//! What stays when all clients are gone: children that were not collected, descriptors that were not closed.
use std::collections::BTreeMap;

use super::{Hazard, Kind, Seen};
use crate::observe::calls::Class;
use crate::observe::observation::{Rest, What};

pub(super) fn find(seen: &Seen<'_>) -> Vec<Hazard> {
    [children(seen), descriptors(seen)].into_iter().flatten().collect()
}

fn last<'a>(seen: &Seen<'a>) -> Option<&'a Rest> {
    seen.observation.rests.iter().rev().find(|rest| rest.phase == "gone")
}

fn children(seen: &Seen<'_>) -> Option<Hazard> {
    let rest = last(seen)?;
    // A server that collects one when it makes the next leaves one.
    if rest.zombies.len() < 2 {
        return None;
    }
    let reaped =
        seen.observation.events.iter().filter(|event| event.class() == Some(Class::Reap) && event.result > 0).count();
    let ended =
        seen.observation.events.iter().find(|event| event.what == What::Death && rest.zombies.contains(&event.pid));
    let text = format!(
        "{} children have ended and are zombies; {reaped} were collected with wait4 or waitid",
        rest.zombies.len()
    );
    Some(Hazard::new(
        Kind::ChildrenNotReaped,
        rest.zombies.len(),
        "children have ended and nobody collects them: each keeps its process number for as long as the parent lives",
        "wait(2): \"As long as a zombie is not removed from the system via a wait, it will consume a slot in the kernel process table\"",
        ended.map(|event| seen.shown(event)).into_iter().chain([seen.note(rest.time, text)]).collect(),
    ))
}

fn descriptors(seen: &Seen<'_>) -> Option<Hazard> {
    let (first, rest) = (seen.observation.rests.first()?, last(seen)?);
    let count = |rest: &Rest| {
        let mut by_process: BTreeMap<u32, usize> = BTreeMap::new();
        for descriptor in &rest.descriptors {
            *by_process.entry(descriptor.pid).or_default() += 1;
        }
        by_process
    };
    let before = count(first);
    let grown = |(pid, now): (u32, usize)| {
        let grown = now.saturating_sub(before.get(&pid).copied().unwrap_or(0));
        let accepted = seen.facts.connections.iter().filter(|one| one.accepted.is_some_and(|(_, by, _)| by == pid));
        // Only who accepts can leak a descriptor for each connection.
        (grown >= 5 && grown * 4 >= accepted.count()).then_some((grown, pid))
    };
    let (grown, pid) = count(rest).into_iter().filter(|(pid, _)| before.contains_key(pid)).filter_map(grown).max()?;
    let kept = seen
        .facts
        .connections
        .iter()
        .find(|one| one.closed.is_none() && one.accepted.is_some_and(|(_, by, _)| by == pid));
    let accept = kept.and_then(|one| seen.on(one.key).find(|event| event.class() == Some(Class::Accept)));
    let waiting = rest.sockets.iter().filter(|socket| socket.state == 8).count();
    let text = format!(
        "all clients are gone, and process {pid} has {grown} sockets more than before the first came; {waiting} connections are in CLOSE_WAIT"
    );
    Some(Hazard::new(
        Kind::DescriptorLeak,
        grown,
        "descriptors of connections that are gone stay open: the client never sees the end, and the table fills up",
        "close(2): the end of a connection is sent when its last descriptor is closed; after fork(2) each process has its own",
        accept.map(|event| seen.shown(event)).into_iter().chain([seen.note(rest.time, text)]).collect(),
    ))
}
