//! `wakeproof show`: the result screen again, from the results that a run has left.
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::test::Color;
use super::{Exit, bad_input, terminal};
use crate::render::{json, screen};

/// Arguments of `wakeproof show`.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = super::exit::HELP)]
pub struct Args {
    /// `results.json`, as `wakeproof test --report-dir` writes it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Show a line for each skipped case.
    #[arg(long)]
    show_skips: bool,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

/// Shows it, and ends as the run did.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    terminal::colors(args.color);
    let failed = |why: &dyn std::fmt::Display| bad_input(format!("failed to read {}: {why}", args.file.display()));
    let text = fs::read_to_string(&args.file).map_err(|error| failed(&error))?;
    let results = json::read(&text).map_err(|error| failed(&error))?;
    let look = screen::Look { skips: args.show_skips, ..terminal::look() };
    let mut out = anstream::stdout();
    out.write_all(screen::screen(&results, look).as_bytes())?;
    out.flush()?;
    Ok(if results.unfinished.is_empty() {
        Exit::of(results.verdicts.iter().map(|verdict| verdict.outcome))
    } else {
        Exit::Interrupted
    })
}
