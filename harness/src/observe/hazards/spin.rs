//! Waits that return at once, again and again, while nothing is taken.
use std::collections::{BTreeMap, BTreeSet};

use super::{Hazard, Kind, Seen};
use crate::observe::calls::Class;
use crate::observe::observation::{Event, More, What};

/// So many reports in a row without a call that could have taken anything. A loop that waits for a lock of one of its own
/// workers may turn some hundred times.
const ROUNDS: u32 = 1000;
const ERR_OR_HUP: u32 = 0x18;

#[derive(Default)]
struct Run<'a> {
    length: u32,
    longest: u32,
    /// What each report of the run was about.
    same: BTreeSet<u64>,
    hangups: u32,
    first: Vec<&'a Event>,
}

pub(super) fn find(seen: &Seen<'_>) -> Vec<Hazard> {
    let mut runs: BTreeMap<(u32, u32), Run<'_>> = BTreeMap::new();
    let mut found = Vec::new();
    for event in &seen.observation.events {
        match event.class() {
            None if event.what == What::Gap => runs.values_mut().for_each(|run| run.length = 0),
            Some(class) if class.waits() && event.result > 0 => {
                let run = runs.entry((event.pid, event.tid)).or_default();
                let reported = reported(event);
                let same: BTreeSet<u64> = run.same.intersection(&reported).copied().collect();
                if run.length == 0 || same.is_empty() {
                    run.first.clear();
                    run.length = 0;
                    run.hangups = 0;
                    run.same = reported;
                } else {
                    run.same = same;
                }
                let times = 1 + event.again;
                let before = run.length;
                run.length += times;
                run.hangups += if hangs_up(event) { times } else { 0 };
                if run.first.len() < 3 {
                    run.first.push(event);
                }
                if before < ROUNDS && run.length >= ROUNDS {
                    found.push(((event.pid, event.tid), run.hangups * 2 > run.length, run.first.clone()));
                }
                run.longest = run.longest.max(run.length);
            }
            Some(Class::RingEnter) if event.what == What::Call => {}
            // Whichever thread takes it: a loop may hand over to others what is reported to it.
            Some(_) => runs.range_mut((event.pid, 0)..=(event.pid, u32::MAX)).for_each(|(_, run)| run.length = 0),
            None => {}
        }
    }
    let hazard = |hangup: bool| {
        let mut of = found.iter().filter(|(_, hangs, _)| *hangs == hangup);
        let (tid, _, first) = of.next()?;
        let longest = runs.get(tid).map_or(0, |run| run.longest);
        let mut events: Vec<_> = first.iter().map(|event| seen.shown(event)).collect();
        events.push(seen.note(
            first.last()?.time,
            format!("and so on, {longest} times in a row, without a read, write, accept or close between"),
        ));
        let (kind, what, rests_on) = if hangup {
            (
                Kind::HangupIgnored,
                "EPOLLHUP or EPOLLERR is reported again and again, and nobody closes the descriptor",
                "epoll_ctl(2): EPOLLERR and EPOLLHUP are always reported, \"it is not necessary to set it in events\"",
            )
        } else {
            (
                Kind::LevelSpin,
                "what a level-triggered wait reports is never taken, so that each wait returns at once",
                "epoll(7): level-triggered reports again for as long as the condition holds",
            )
        };
        Some(Hazard::new(kind, 1 + of.count(), what, rests_on, events))
    };
    [hazard(true), hazard(false)].into_iter().flatten().collect()
}

/// What a wait reports: by the user's data, or by descriptor. Of `select` it is only known what was asked.
fn reported(event: &Event) -> BTreeSet<u64> {
    let number = |fd: i32| u64::from(fd.unsigned_abs());
    match &event.more {
        More::Ready(ready) => datas(ready),
        More::Poll(entries) => entries.iter().filter(|(.., found)| *found != 0).map(|(fd, ..)| number(*fd)).collect(),
        More::Select(set) => set.iter().map(|fd| number(*fd)).collect(),
        _ => BTreeSet::new(),
    }
}

fn hangs_up(event: &Event) -> bool {
    match &event.more {
        More::Ready(ready) => ready.iter().any(|(mask, _)| mask & ERR_OR_HUP != 0),
        More::Poll(entries) => entries.iter().any(|(.., found)| u32::from(found.cast_unsigned()) & ERR_OR_HUP != 0),
        _ => false,
    }
}

/// What was reported, by the user's data.
pub(super) fn datas(ready: &[(u32, u64)]) -> BTreeSet<u64> {
    ready.iter().map(|(_, data)| *data).collect()
}
