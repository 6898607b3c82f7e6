//! Waits with little room that report the same few again and again, while another is ready as well.
use std::collections::{BTreeMap, BTreeSet};

use super::spin::datas;
use super::{Event, Hazard, Kind, Seen};
use crate::observe::calls::Class;
use crate::observe::facts::Thing;
use crate::observe::observation::{More, What};

/// The kernel serves its ready list in turns, so that this many in a row are no chance: no turn is left.
const ROUNDS: usize = 32;
/// Of larger reports not all entries are known.
const LITTLE: u64 = 16;

pub(super) fn find(seen: &Seen<'_>) -> Vec<Hazard> {
    let found: Vec<_> = rows(seen).iter().filter_map(|row| instance(seen, row)).collect();
    let hazard = Hazard::of(
        Kind::MaxeventsStarvation,
        found,
        "each wait returns as many events as it has room for, always the same, and another that is ready is not reported",
        "epoll_wait(2): \"If more than maxevents file descriptors are ready … successive epoll_wait() calls will round robin\", which \"helps avoid starvation scenarios\"",
    );
    hazard.into_iter().collect()
}

/// Full waits of one thread that report the same, so many in a row.
fn rows<'a>(seen: &Seen<'a>) -> Vec<Vec<&'a Event>> {
    let mut rows: Vec<Vec<&Event>> = Vec::new();
    let mut last: BTreeMap<u32, Vec<&Event>> = BTreeMap::new();
    for event in &seen.observation.events {
        if event.what == What::Gap {
            rows.extend(std::mem::take(&mut last).into_values());
        }
        let More::Ready(ready) = &event.more else { continue };
        let full = event.result.unsigned_abs() == event.args[1] && event.args[1] <= LITTLE;
        let row = last.entry(event.tid).or_default();
        let same = row.last().is_none_or(|before| reported(before) == datas(ready));
        if !full || !same {
            rows.push(std::mem::take(row));
        }
        if full {
            row.push(event);
        }
    }
    rows.extend(last.into_values());
    rows.retain(|row| row.iter().map(|event| 1 + event.again as usize).sum::<usize>() >= ROUNDS);
    rows
}

fn reported(event: &Event) -> BTreeSet<u64> {
    if let More::Ready(ready) = &event.more { datas(ready) } else { BTreeSet::new() }
}

/// A client that had asked before the row began, is watched under another number than those reported, and is not read from
/// until the row is over.
fn instance(seen: &Seen<'_>, row: &[&Event]) -> Option<Vec<super::Shown>> {
    let (first, last) = (*row.first()?, *row.last()?);
    let busy = reported(first);
    let clients = seen.observation.phases.iter().flat_map(|phase| &phase.clients);
    clients.filter(|client| client.sent != 0 && client.sent < last.entered).find_map(|client| {
        let key = seen.connection(client.port, last.time)?;
        let read = seen.on(key).find(|event| event.class() == Some(Class::Read) && event.time > client.sent);
        // Those waits of the row at which it was watched, had asked, and had not been read from.
        let mut in_vain = row.iter().filter(|wait| {
            wait.entered > client.sent && read.is_none_or(|read| wait.time < read.time) && {
                let watched = seen.registration(Thing::Connection(key), wait.entered).map(|event| &event.more);
                matches!(watched, Some(More::Ctl { data, .. }) if !busy.contains(data))
            }
        });
        let from = *in_vain.next()?;
        let to = *in_vain.next_back()?;
        let times = 2 + in_vain.count();
        if times < ROUNDS {
            return None;
        }
        let text =
            format!("{times} full waits report the same, and not client {}, which had asked before", client.port);
        let registered = seen.registration(Thing::Connection(key), from.entered)?;
        let mut shown = vec![seen.shown(registered), seen.shown(from), seen.shown(to), seen.note(to.time, text)];
        shown.extend(read.map(|read| seen.shown(read)));
        Some(shown)
    })
}
