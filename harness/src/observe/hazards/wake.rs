//! Wake-ups for which there is nothing: the thundering herd, and descriptors that were closed.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Hazard, Kind, Seen};
use crate::observe::calls::Class;
use crate::observe::observation::{Event, More, What};

/// Fewer losses than these are chance.
const LOSSES: usize = 4;
const EAGAIN: i64 = -(libc::EAGAIN as i64);

pub(super) fn find(seen: &Seen<'_>) -> Vec<Hazard> {
    [herd(seen), closed(seen)].into_iter().flatten().collect()
}

/// The first accept after a wake-up finds nothing, since another was quicker. The one at the end of a drain is none.
fn herd(seen: &Seen<'_>) -> Option<Hazard> {
    let mut woken: BTreeMap<u32, Option<&Event>> = BTreeMap::new();
    let mut lost = Vec::new();
    let mut won = 0;
    let mut by = BTreeSet::new();
    for event in &seen.observation.events {
        match event.class() {
            Some(class) if class.waits() => {
                woken.insert(event.tid, (event.result > 0 && event.slept > 0).then_some(event));
            }
            Some(Class::Accept) => {
                if let Some(wait) = woken.insert(event.tid, None).flatten() {
                    by.insert(event.tid);
                    if event.result == EAGAIN {
                        lost.push((wait, event));
                    } else if event.result >= 0 {
                        won += 1;
                    }
                }
            }
            None if event.what == What::Gap => woken.clear(),
            _ => {}
        }
    }
    if by.len() < 2 || lost.len() < LOSSES || lost.len() * 5 < won {
        return None;
    }
    let (wait, accept) = lost[0];
    Some(Hazard::new(
        Kind::ThunderingHerd,
        lost.len(),
        format!(
            "{} of {} wake-ups for a new connection found that another of {} threads had taken it",
            lost.len(),
            lost.len() + won,
            by.len()
        ),
        "epoll_ctl(2), EPOLLEXCLUSIVE: \"avoid thundering herd problems in certain scenarios\"",
        vec![seen.shown(wait), seen.shown(accept)],
    ))
}

/// A registration goes with the last descriptor of the open file, not with the one that was registered.
fn closed(seen: &Seen<'_>) -> Option<Hazard> {
    let mut registered: HashMap<(u64, u64), (u32, i32)> = HashMap::new();
    let mut gone: HashMap<(u64, u64), &Event> = HashMap::new();
    let mut instances: Vec<(&Event, &Event)> = Vec::new();
    for event in &seen.observation.events {
        match (event.class(), &event.more) {
            (Some(Class::EpollCtl), More::Ctl { op, fd, data, .. }) if event.result == 0 => {
                let key = (event.object, *data);
                match op {
                    2 => registered.retain(|place, of| !(place.0 == event.object && *of == (event.pid, *fd))),
                    _ => drop(registered.insert(key, (event.pid, *fd))),
                }
                gone.remove(&key);
            }
            (Some(Class::Close), _) if event.result == 0 => {
                let same = registered.iter().filter(|(_, of)| **of == (event.pid, event.fd)).map(|(key, _)| *key);
                gone.extend(same.map(|key| (key, event)));
                registered.retain(|_, of| *of != (event.pid, event.fd));
            }
            (Some(Class::EpollWait), More::Ready(ready)) => {
                for (_, data) in ready {
                    if let Some(close) = gone.get(&(event.object, *data)).filter(|close| event.entered > close.time) {
                        instances.push((close, event));
                    }
                }
            }
            _ => {}
        }
    }
    let (close, wait) = *instances.first()?;
    Some(Hazard::new(
        Kind::ClosedStillReported,
        instances.len(),
        "a descriptor was closed and is still reported, since a copy of it is open: EPOLL_CTL_DEL can no longer name it",
        "epoll(7), question 6: \"closing a file descriptor will cause it to be removed … if all file descriptors referring to the same open file description have been closed\"",
        vec![seen.shown(close), seen.shown(wait)],
    ))
}
