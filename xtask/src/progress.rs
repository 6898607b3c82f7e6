//! What is being done and for how long: a spinner on a terminal, plain lines everywhere else.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::process::{GREEN, paint, say};

/// One thing that takes a while.
#[derive(Debug)]
pub struct Activity {
    bar: ProgressBar,
    name: String,
    started: Instant,
}

impl Activity {
    /// Says that `name` begins.
    pub fn begin(name: impl Into<String>) -> Self {
        let name = name.into();
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {wide_msg:.dim}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.clone());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, name, started: Instant::now() }
    }

    /// Like [`Activity::begin`], for what takes minutes: says so where no spinner shows.
    pub fn begin_long(name: impl Into<String>, expectation: &str) -> Self {
        let activity = Self::begin(name);
        if activity.bar.is_hidden() {
            anstream::eprintln!("{} ({expectation}) …", activity.name);
        } else {
            activity.bar.set_message(expectation.to_owned());
        }
        activity
    }

    /// The latest detail, shown behind the name.
    pub fn detail(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// Shows text that stays, above the spinner.
    pub fn show(&self, text: &str) {
        self.bar.suspend(|| anstream::eprintln!("{text}"));
    }

    /// Says that it is done; short ones leave no line.
    pub fn done(self) {
        let took = self.started.elapsed();
        self.bar.finish_and_clear();
        if took > Duration::from_secs(1) {
            anstream::eprintln!("{} {} ({})", paint("done", GREEN), self.name, seconds(took));
        }
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Several things at once, a line each.
#[derive(Debug)]
pub struct Board {
    lines: MultiProgress,
}

/// One of them.
#[derive(Debug)]
pub struct Line {
    bar: ProgressBar,
    lines: MultiProgress,
    name: String,
    started: Instant,
}

impl Board {
    /// Nothing is under way yet.
    pub fn new() -> Self {
        Self { lines: MultiProgress::new() }
    }

    /// Says that `name` begins.
    pub fn line(&self, name: &str) -> Line {
        let bar = self.lines.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<12} {elapsed:>5}  {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        let line = Line { bar, lines: self.lines.clone(), name: name.to_owned(), started: Instant::now() };
        if line.bar.is_hidden() {
            anstream::eprintln!("{:<12} begins", line.name);
        }
        line
    }

    /// Shows text that stays, above the lines.
    pub fn say(&self, text: &str) {
        self.lines.suspend(|| anstream::eprintln!("{text}"));
    }
}

impl Line {
    /// How far it is; shown on terminals only.
    pub fn set(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// What came of it, on standard output, where it can be piped on.
    pub fn answer(self, text: &str) {
        self.bar.finish_and_clear();
        self.lines.suspend(|| say!("{:<14} {text}", self.name));
    }

    /// How it ended, in a line that stays.
    pub fn end(self, text: &str) {
        self.bar.finish_and_clear();
        let took = seconds(self.started.elapsed());
        self.lines.suspend(|| anstream::eprintln!("{:<12} {took:>12}  {text}", self.name));
    }
}

/// A duration as people read it: `0.4 s`, `12.3 s`, `2 min 31 s`.
pub fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(100) {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        assert_eq!(seconds(Duration::from_millis(440)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(151)), "2 min 31 s");
    }
}
