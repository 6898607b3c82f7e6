//! `wakeproof show`: the result screen again from results, and the timeline of a recording as text; or either in another
//! shape.
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::test::Color;
use super::{Exit, bad_input, terminal};
use crate::recording::{self, Recording};
use crate::render::picture::{text, whole};
use crate::render::reporter::{self, Reporter};
use crate::render::{Results, json, screen};

/// Arguments of `wakeproof show`.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = super::exit::HELP, after_long_help = AFTER)]
pub struct Args {
    /// `results.json` or a recording (`.jsonl`), as `wakeproof test --report-dir` writes them.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Another shape; of a recording only `trace` and `csv` show every event.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Reporter>,
    /// Of a recording: only what happened on this connection or descriptor, by its name in the case.
    #[arg(long, value_name = "NAME")]
    on: Option<String>,
    /// Of a recording: only events whose name contains this (can be given again).
    #[arg(long, value_name = "EVENT")]
    event: Vec<String>,
    /// Show a line for each skipped case.
    #[arg(long)]
    show_skips: bool,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

const AFTER: &str = concat!(
    "Examples:\n",
    "  wakeproof show out/results.json                                  the screen again\n",
    "  wakeproof show out/results.json --format html > report.html      the page\n",
    "  wakeproof show out/epoll.some-case.jsonl                         what happened, connection by connection\n",
    "  wakeproof show out/epoll.some-case.jsonl --on conn --event epoll only some of it\n",
    "  wakeproof show out/epoll.some-case.jsonl --format trace > t.json for ui.perfetto.dev\n",
    "\n",
    "Exit status: as the run had it; of a recording 0.\n",
);

/// Shows it, and ends as the run did.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    terminal::colors(args.color);
    match open(&args.file)? {
        Shown::Results(results) => of_results(args, &results),
        Shown::Recording(recording) => of_recording(args, &recording),
    }
}

/// What a file holds.
pub(super) enum Shown {
    Results(Box<Results>),
    Recording(Box<Recording>),
}

/// Reads results or a recording: of several lines only a recording is made.
pub(super) fn open(file: &Path) -> anyhow::Result<Shown> {
    let failed = |why: &dyn std::fmt::Display| unreadable(file, why);
    let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
    if text.trim_end().contains('\n') && file.extension().is_some_and(|extension| extension == "jsonl") {
        let recording = recording::read(text.as_bytes()).map_err(|error| failed(&error))?;
        return Ok(Shown::Recording(Box::new(recording)));
    }
    Ok(Shown::Results(Box::new(json::read(&text).map_err(|error| failed(&error))?)))
}

pub(super) fn unreadable(file: &Path, why: &dyn std::fmt::Display) -> anyhow::Error {
    bad_input(format!("failed to read {}: {why}", file.display()))
}

fn of_results(args: &Args, results: &Results) -> anyhow::Result<Exit> {
    let look = screen::Look { skips: args.show_skips, ..terminal::look() };
    let mut out = anstream::stdout();
    match args.format {
        None => out.write_all(screen::screen(results, look).as_bytes())?,
        Some(reporter) => out.write_all(reporter.write(results)?.as_bytes())?,
    }
    out.flush()?;
    Ok(if results.unfinished.is_empty() {
        Exit::of(results.verdicts.iter().map(|verdict| verdict.outcome))
    } else {
        Exit::Interrupted
    })
}

fn of_recording(args: &Args, recording: &Recording) -> anyhow::Result<Exit> {
    let text = match args.format {
        None => {
            if let Some(on) = &args.on {
                known(recording, on)?;
            }
            let wanted = text::Wanted { on: args.on.clone(), events: args.event.clone() };
            text::text(recording, &wanted, terminal::look())
        }
        Some(shape @ (Reporter::Trace | Reporter::Csv)) => {
            let pictures = whole(recording);
            let all = pictures.iter().map(|picture| (recording.head.case.as_str(), picture));
            if shape == Reporter::Csv { reporter::csv(all) } else { reporter::trace(all)? }
        }
        Some(reporter) => reporter.write(&super::judge::results_of(&args.file, recording)?)?,
    };
    let mut out = anstream::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Good)
}

/// Whether the case has such a name, with or without a place: `conn`, `conn[3]`.
fn known(recording: &Recording, on: &str) -> anyhow::Result<()> {
    let plain = on.split_once('[').map_or(on, |(name, _)| name);
    let names: BTreeSet<&str> =
        recording.runs.iter().flat_map(|run| run.head.names.keys()).map(String::as_str).collect();
    if names.contains(plain) {
        return Ok(());
    }
    let names: Vec<_> = names.into_iter().collect();
    let has = if names.is_empty() { "no names".to_owned() } else { format!("`{}`", names.join("`, `")) };
    Err(bad_input(format!("{} has no `{on}`: there is {has}", recording.head.case)))
}
