//! `wakeproof judge`: the verdicts again, from recordings, without the kernel.
//!
//! A recording carries the text of its case, so that it is judged by what was run, not by what the suite says today.
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args as ClapArgs;

use super::test::Color;
use super::{Exit, bad_input, terminal};
use crate::load::load_as;
use crate::recording::{self, Recording};
use crate::render::{Exhibit, Results, screen};

/// Arguments of `wakeproof judge`.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = super::exit::HELP)]
pub struct Args {
    /// Recordings, as `wakeproof test --report-dir` writes them.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Show a line for each skipped case.
    #[arg(long)]
    show_skips: bool,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

/// Judges and shows: one screen for each kernel, in the order of the files.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    terminal::colors(args.color);
    let screens = results(&args.files)?;
    let look = screen::Look { skips: args.show_skips, ..terminal::look() };
    let mut out = anstream::stdout();
    for results in &screens {
        out.write_all(screen::screen(results, look).as_bytes())?;
    }
    out.flush()?;
    Ok(Exit::of(screens.iter().flat_map(|results| &results.verdicts).map(|verdict| verdict.outcome)))
}

/// The results of recordings: one for each kernel, in the order of the files.
pub(super) fn results(files: &[PathBuf]) -> anyhow::Result<Vec<Results>> {
    let mut screens = Vec::new();
    for file in files {
        let recording = recording::open(file).map_err(|error| unreadable(file, &error))?;
        add(file, &recording, &mut screens)?;
    }
    Ok(screens)
}

/// The results of one recording, which was read from this file.
pub(super) fn results_of(file: &Path, recording: &Recording) -> anyhow::Result<Results> {
    let mut screens = Vec::new();
    add(file, recording, &mut screens)?;
    screens.pop().context("a verdict has its results")
}

/// Judges a recording, read from this file, and puts its verdict to the results of its kernel.
fn add(file: &Path, recording: &Recording, screens: &mut Vec<Results>) -> anyhow::Result<()> {
    let head = &recording.head;
    let shown = format!("{} (in {})", head.case, file.display());
    let case = load_as(&head.case, &shown, &head.source).map_err(bad_input)?;
    let verdict = crate::judge::judge(&case, recording);
    // Recordings of one suite on one kernel share everything in the head but the case.
    let same = |results: &Results| {
        let setting = results.kernel == head.kernel
            && results.grade == head.grade
            && results.probes == head.probes
            && results.defect == head.defect;
        setting && !results.exhibits.contains_key(&head.case)
    };
    let place = screens.iter().position(same);
    let place = place.unwrap_or_else(|| {
        let results = Results::new(head.kernel.clone(), head.grade, head.probes.clone());
        screens.push(Results { defect: head.defect, ..results });
        screens.len() - 1
    });
    let results = &mut screens[place];
    results.millis += verdict.millis;
    results.exhibits.insert(verdict.case.clone(), Exhibit::new(&case, Some(recording), &verdict));
    results.verdicts.push(verdict);
    Ok(())
}

/// The error with its causes, and the file.
fn unreadable(file: &Path, error: &dyn std::error::Error) -> anyhow::Error {
    let mut text = format!("failed to judge {}: {error}", file.display());
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    bad_input(text)
}
