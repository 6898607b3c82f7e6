//! Colours and marks, in one place. Colours are written always; who prints strips them where they are not wanted.
use anstyle::{AnsiColor, Color, Style};

use crate::case::ClaimVerdict;
use crate::verdict::Outcome;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = colour(AnsiColor::Green);
pub(crate) const BAD: Style = colour(AnsiColor::Red).bold();
pub(crate) const DOUBT: Style = colour(AnsiColor::Yellow);
pub(crate) const FINDING: Style = colour(AnsiColor::Magenta);
pub(crate) const NAME: Style = colour(AnsiColor::Cyan);

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// The text in this style.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How an outcome looks.
pub(crate) fn of_outcome(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Pass => GOOD,
        Outcome::Fail | Outcome::Broken | Outcome::Xpass => BAD,
        Outcome::Skip => DIM,
        Outcome::Xfail | Outcome::Timeout | Outcome::Inconclusive => DOUBT,
    }
}

/// How a claim's verdict looks. A refuted claim is a finding, not a failure.
pub(crate) fn of_claim(verdict: ClaimVerdict) -> Style {
    match verdict {
        ClaimVerdict::Confirmed => GOOD,
        ClaimVerdict::Refined => DOUBT,
        ClaimVerdict::Refuted => FINDING,
        ClaimVerdict::Undecidable => DIM,
    }
}

/// The signs that a terminal can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs {
    utf8: bool,
}

impl Signs {
    pub(crate) const fn new(utf8: bool) -> Self {
        Self { utf8 }
    }

    /// One column for each outcome.
    pub(crate) fn outcome(self, outcome: Outcome) -> &'static str {
        match (outcome, self.utf8) {
            (Outcome::Pass, true) => "✓",
            (Outcome::Pass, false) => "+",
            (Outcome::Fail, true) => "✗",
            (Outcome::Fail, false) => "x",
            (Outcome::Broken, _) => "!",
            (Outcome::Skip, true) => "○",
            (Outcome::Skip, false) => "-",
            (Outcome::Xfail, true) => "≁",
            (Outcome::Xfail, false) => "~",
            (Outcome::Xpass, true) => "≠",
            (Outcome::Xpass, false) => "#",
            (Outcome::Timeout, true) => "…",
            (Outcome::Timeout, false) => "t",
            (Outcome::Inconclusive, _) => "?",
        }
    }

    /// One column for each verdict on a claim, unlike every sign of an outcome that is not good.
    pub(crate) fn claim(self, verdict: ClaimVerdict) -> &'static str {
        match (verdict, self.utf8) {
            (ClaimVerdict::Confirmed, true) => "✓",
            (ClaimVerdict::Confirmed, false) => "+",
            (ClaimVerdict::Refined, true) => "≈",
            (ClaimVerdict::Refined, false) => "=",
            (ClaimVerdict::Refuted, true) => "⊘",
            (ClaimVerdict::Refuted, false) => "/",
            (ClaimVerdict::Undecidable, true) => "∅",
            (ClaimVerdict::Undecidable, false) => "0",
        }
    }

    pub(crate) fn yes(self) -> &'static str {
        self.outcome(Outcome::Pass)
    }

    pub(crate) fn no(self) -> &'static str {
        self.outcome(Outcome::Fail)
    }

    pub(crate) fn dot(self) -> &'static str {
        if self.utf8 { "·" } else { "|" }
    }

    pub(crate) fn caller(self) -> &'static str {
        if self.utf8 { "←" } else { "<-" }
    }

    /// A frame of a stack, or what stands for those that are left out.
    pub(crate) fn frame(self, frame: &str) -> &str {
        if self.utf8 || frame != super::excerpt::LEFT_OUT { frame } else { "..." }
    }

    pub(crate) fn rule(self, columns: usize) -> String {
        (if self.utf8 { "─" } else { "-" }).repeat(columns)
    }

    pub(crate) fn bar(self, columns: usize) -> String {
        (if self.utf8 { "▇" } else { "#" }).repeat(columns)
    }

    pub(crate) fn quotes(self, text: &str) -> String {
        if self.utf8 { format!("“{text}”") } else { format!("\"{text}\"") }
    }
}
