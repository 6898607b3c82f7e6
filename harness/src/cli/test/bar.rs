//! The bar below the last line, while cases run. It is there only on a terminal.
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::stderr::Stderr;
use crate::render::screen::Look;
use crate::verdict::Outcome;

pub(super) struct Bar {
    line: ProgressBar,
    bad: usize,
}

impl Bar {
    pub(super) fn new(cases: usize, look: Look) -> Self {
        // Nobody wants it between the lines of a file or a pipe, even if standard error is a terminal.
        let seen = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let target = if seen { ProgressDrawTarget::term_like(Box::new(Stderr)) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(cases as u64), target);
        let (ticks, full) =
            if look.utf8 { ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ", "━╸─") } else { ("|/-\\ ", "=>-") };
        if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {bar:24.cyan/dim} {pos}/{len} {wide_msg}") {
            bar.set_style(style.tick_chars(ticks).progress_chars(full));
        }
        Self { line: bar, bad: 0 }
    }

    /// One more case has ended.
    pub(super) fn advance(&mut self, outcome: Outcome) {
        self.bad += usize::from(!outcome.is_good());
        self.line.inc(1);
    }

    /// Says what is running now, and for how long where that is long.
    pub(super) fn show<'a>(&self, running: impl Iterator<Item = (&'a str, Duration)>) {
        let one = |(id, since): (&str, Duration)| {
            if since.as_secs() > 1 { format!("{id} ({} s)", since.as_secs()) } else { id.to_owned() }
        };
        let running = running.map(one).collect::<Vec<_>>().join(", ");
        let bad = if self.bad > 0 { format!("{} not good  ", self.bad) } else { String::new() };
        self.line.set_message(bad + &running);
        self.line.tick();
    }

    /// Says that Ctrl-C was heard.
    pub(super) fn stopping(&self) {
        self.line.set_message("stopping");
        self.line.tick();
    }

    /// Takes the bar away while something is printed.
    pub(super) fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.line.suspend(print)
    }

    /// Takes the bar away for good.
    pub(super) fn clear(&self) {
        self.line.finish_and_clear();
    }
}
