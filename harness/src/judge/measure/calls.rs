//! Counted calls of kernel functions. Counters live in the kernel by epoch, and lose nothing but what the
//! kernel itself says that it has let pass.
use super::Gap;
use super::window::find;
use crate::case::{Calls, OneOrMore};
use crate::matching::Target;
use crate::recording::{CountRow, RunHead};

/// The calls between the measure's marks, and those in the window without load.
pub(super) fn calls(measure: &Calls, run: &RunHead) -> (Result<u64, Gap>, u64) {
    let of = match &measure.of {
        OneOrMore::One(one) => one.as_str(),
        OneOrMore::More(more) => more.first().map_or("", String::as_str),
    };
    let target = measure.on.as_deref().map(|name| Target::of(name, &run.names));
    let eventpolls: Vec<u64> =
        target.iter().flat_map(Target::descriptors).filter_map(|fd| run.eventpolls.get(&fd).copied()).collect();
    let counted = |row: &&CountRow| {
        row.of == of
            && match measure.by.as_deref() {
                // What is named by its socket may happen on any task: the kernel's own, when it was busy.
                None => row.by.is_some() || target.is_some() && row.inside,
                Some("inside") => row.inside,
                Some(role) => row.by.as_deref() == Some(role),
            }
            && target
                .as_ref()
                .is_none_or(|target| target.is_connection(row.local, row.remote) || eventpolls.contains(&row.eventpoll))
    };
    let between = |from: u32, until: u32| -> u64 {
        run.counts.iter().filter(|row| (from..until).contains(&row.epoch)).filter(counted).map(|row| row.calls).sum()
    };
    let idle = match (find("idle", run), find("start", run)) {
        (Ok(idle), Ok(start)) => between(idle.epoch, start.epoch),
        _ => 0,
    };
    let value = attached(of, run).and_then(|()| {
        let epoch = |name: Option<&str>, usual: &str, otherwise: u32| match name {
            Some(name) => find(name, run).map(|mark| mark.epoch),
            None => Ok(find(usual, run).map_or(otherwise, |mark| mark.epoch)),
        };
        Ok(between(epoch(measure.from.as_deref(), "start", 0)?, epoch(measure.until.as_deref(), "end", u32::MAX)?))
    });
    (value, idle)
}

/// Whether the function, or an alternative, was counted at all.
fn attached(of: &str, run: &RunHead) -> Result<(), Gap> {
    let Some(report) = run.counters.iter().find(|report| report.of == of) else {
        return Err(Gap::Missing(format!("calls of {of} were not counted")));
    };
    if report.won.is_some() && report.missed > 0 {
        return Err(Gap::Lost(format!("{} calls of {of} passed without being counted", report.missed)));
    }
    if report.won.is_some() {
        return Ok(());
    }
    let tried: Vec<String> = report.lost.iter().map(|loser| format!("{}: {}", loser.candidate, loser.reason)).collect();
    Err(Gap::Missing(format!("calls of {of} cannot be counted on this kernel ({})", tried.join("; "))))
}
