//! The stretch of a run that a measure is about.
use super::Gap;
use crate::recording::{Mark, RunHead};

/// From the first time to before the second, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    from: u64,
    until: u64,
}

impl Window {
    /// Between two marks; without them from `start`, or to `end`. Of marks with the same name the first counts.
    pub(super) fn between(from: Option<&str>, until: Option<&str>, run: &RunHead) -> Result<Self, Gap> {
        let time = |name: Option<&str>, usual: &str, otherwise: u64| match name {
            Some(name) => find(name, run).map(|mark| mark.time),
            None => Ok(find(usual, run).map_or(otherwise, |mark| mark.time)),
        };
        Ok(Self { from: time(from, "start", 0)?, until: time(until, "end", u64::MAX)? })
    }

    /// The window without load, if the run had one.
    pub(super) fn idle(run: &RunHead) -> Option<Self> {
        let (from, until) = (find("idle", run).ok()?.time, find("start", run).ok()?.time);
        (from < until).then_some(Self { from, until })
    }

    pub(super) fn contains(self, time: u64) -> bool {
        (self.from..self.until).contains(&time)
    }
}

/// A mark by its name.
pub(super) fn find<'a>(name: &str, run: &'a RunHead) -> Result<&'a Mark, Gap> {
    let mark = run.marks.iter().find(|mark| mark.name == name);
    mark.ok_or_else(|| Gap::Wrong(format!("the mark `{name}` was not reached")))
}
