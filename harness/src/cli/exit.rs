//! How the command ends: the exit status, and an error on one screen.
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::verdict::Outcome;

/// The exit status of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Every verdict is good: pass, xfail, or a skip with its reason.
    Good = 0,
    /// A verdict is not good: fail, xpass, timeout or inconclusive.
    Verdicts = 1,
    /// The input is wrong: a flag, a case file, a recording.
    Input = 2,
    /// The harness, the set-up or a control is broken: nothing can be said about the kernel.
    Broken = 3,
    /// What libtest ends with when a test failed; only with a format of libtest.
    Libtest = 101,
    /// Interrupted by Ctrl-C or a request to terminate.
    Interrupted = 130,
    /// Nobody read the output any more.
    NoReader = 141,
}

pub(super) const HELP: &str =
    "Exit status: 0 good, 1 verdicts that are not, 2 wrong input, 3 broken harness or set-up (see --help).";

impl Exit {
    /// The exit status that these outcomes leave: the worst of them.
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        outcomes.into_iter().map(Self::of_one).max().unwrap_or(Self::Good)
    }

    fn of_one(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Broken => Self::Broken,
            outcome if outcome.is_good() => Self::Good,
            _ => Self::Verdicts,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Marks an error as the user's to mend: the command ends with [`Exit::Input`].
#[derive(Debug)]
struct BadInput(String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// An error that is the user's to mend. The message is shown as it is, so it may be a diagnostic of several lines.
pub fn bad_input(message: impl fmt::Display) -> anyhow::Error {
    BadInput(message.to_string()).into()
}

/// Shows what went wrong, and says how the process ends.
pub(super) fn conclude(result: anyhow::Result<Exit>) -> ExitCode {
    let error = match result {
        Ok(exit) => return exit.into(),
        Err(error) => error,
    };
    if is_broken_pipe(&error) {
        return Exit::NoReader.into();
    }
    let exit = if error.is::<BadInput>() { Exit::Input } else { Exit::Broken };
    let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
    let mut stderr = anstream::stderr().lock();
    // Diagnostics of case files say that themselves, for each.
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let _ = writeln!(stderr, "{red}error{red:#}: {text}");
    for cause in error.chain().skip(1) {
        let _ = writeln!(stderr, "  because {cause}");
    }
    exit.into()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe))
}

/// Ends the process without a word when a printer of a library panics because nobody reads any more.
pub(super) fn quietly_without_reader() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload_as_str().unwrap_or_default();
        if text.contains("BrokenPipe") || text.contains("Broken pipe") {
            std::process::exit(i32::from(Exit::NoReader as u8));
        }
        before(panic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_set_up_outweighs_a_failed_case() {
        assert_eq!(Exit::of([Outcome::Pass, Outcome::Broken, Outcome::Fail]), Exit::Broken);
        assert_eq!(Exit::of([Outcome::Pass, Outcome::Xpass]), Exit::Verdicts);
        assert_eq!(Exit::of([Outcome::Pass, Outcome::Skip, Outcome::Xfail]), Exit::Good);
    }
}
