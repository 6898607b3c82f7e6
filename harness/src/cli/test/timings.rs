//! Where the time of a run goes.
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::render::paint::{BOLD, paint};

/// How many of the slowest cases are named.
const NAMED: usize = 10;

/// How long one case took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// All its runs.
    pub recording: Duration,
    /// From the recording to the verdict.
    pub judging: Duration,
}

/// What took how long.
#[derive(Debug)]
pub(super) struct Timings {
    began: Instant,
    phases: Vec<(&'static str, Duration)>,
    cases: Vec<(String, Took)>,
}

impl Timings {
    /// The run begins now.
    pub(super) fn begin() -> Self {
        Self { began: Instant::now(), phases: Vec::new(), cases: Vec::new() }
    }

    /// Does something that stands for itself.
    pub(super) fn phase<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let (done, took) = timed(work);
        self.phases.push((name, took));
        done
    }

    /// A case has ended.
    pub(super) fn case(&mut self, case: &str, took: Took) {
        self.cases.push((case.to_owned(), took));
    }

    /// As text, up to now.
    pub(super) fn text(&self) -> String {
        table(self.began.elapsed(), &self.phases, &self.cases)
    }
}

/// Does something, and says how long it took.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed())
}

fn table(all: Duration, phases: &[(&'static str, Duration)], cases: &[(String, Took)]) -> String {
    let recording = cases.iter().map(|(_, took)| took.recording).sum();
    let judging = cases.iter().map(|(_, took)| took.judging).sum();
    let mut rows: Vec<(&str, Duration)> = phases.to_vec();
    rows.extend([("recording", recording), ("judging", judging)]);
    let known: Duration = rows.iter().map(|(_, took)| *took).sum();
    rows.push(("everything else", all.saturating_sub(known)));
    let mut out = format!("\n{}\n", paint(BOLD, "Where the time went"));
    for (name, took) in rows {
        let share = 100.0 * took.as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE);
        _ = writeln!(out, "  {:>9}  {share:>3.0} %  {name}", millis(took));
    }
    let mut slowest: Vec<_> = cases.iter().collect();
    slowest.sort_by_key(|(_, took)| std::cmp::Reverse(took.recording + took.judging));
    for (case, took) in slowest.into_iter().take(NAMED) {
        _ = writeln!(
            out,
            "  {:>9}         {case}: recorded in {}, judged in {}",
            millis(took.recording + took.judging),
            millis(took.recording),
            millis(took.judging)
        );
    }
    out
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_whole_run_and_the_slowest_case_comes_first() {
        let millis = Duration::from_millis;
        let took = |recording, judging| Took { recording: millis(recording), judging: millis(judging) };
        let cases = [("a/fast".to_owned(), took(10, 1)), ("b/slow".to_owned(), took(40, 9))];
        let text = anstream::adapter::strip_str(&table(millis(100), &[("attaching", millis(25))], &cases)).to_string();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines[2], "25.0 ms   25 %  attaching");
        assert_eq!(lines[3], "50.0 ms   50 %  recording");
        assert_eq!(lines[4], "10.0 ms   10 %  judging");
        assert_eq!(lines[5], "15.0 ms   15 %  everything else");
        assert_eq!(lines[6], "49.0 ms         b/slow: recorded in 40.0 ms, judged in 9.0 ms");
        assert_eq!(lines.len(), 8);
    }
}
