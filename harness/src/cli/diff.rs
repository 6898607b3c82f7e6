//! `wakeproof diff`: what is different between two results, or between two recordings.
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::show::{Shown, open};
use super::test::Color;
use super::{Exit, judge, terminal};
use crate::render::Results;
use crate::render::difference::{difference, text};
use crate::render::picture::{Picture, whole};

/// Arguments of `wakeproof diff`.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// Results (`results.json`) or a recording (`.jsonl`), before.
    #[arg(value_name = "A")]
    first: PathBuf,
    /// The same, after.
    #[arg(value_name = "B")]
    second: PathBuf,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

const AFTER: &str = concat!(
    "Of recordings every event is compared, of results those that the report draws. Times, numbers of tasks and\n",
    "addresses are no difference.\n",
    "\n",
    "Examples:\n",
    "  wakeproof diff old/results.json new/results.json               which verdicts changed\n",
    "  wakeproof diff old/epoll.some-case.jsonl new/epoll.some-case.jsonl   where the runs part\n",
    "\n",
    "Exit status:\n",
    "  0  no verdict changed\n",
    "  1  a verdict changed\n",
    "  2  the input is wrong\n",
);

/// Compares, and shows.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    terminal::colors(args.color);
    let (first, second) = (side(&args.first)?, side(&args.second)?);
    let found = difference((&first.0, &first.1), (&second.0, &second.1));
    let mut out = anstream::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
    } else {
        out.write_all(text(&found, terminal::look()).as_bytes())?;
    }
    out.flush()?;
    Ok(if found.verdicts() == 0 { Exit::Good } else { Exit::Verdicts })
}

type Side = (Results, BTreeMap<String, Vec<Picture>>);

fn side(file: &Path) -> anyhow::Result<Side> {
    match open(file)? {
        Shown::Results(results) => {
            let pictures = results.exhibits.iter().map(|(case, exhibit)| (case.clone(), exhibit.pictures.clone()));
            let pictures = pictures.collect();
            Ok((*results, pictures))
        }
        Shown::Recording(recording) => {
            let results = judge::results_of(file, &recording)?;
            Ok((results, BTreeMap::from([(recording.head.case.clone(), whole(&recording))])))
        }
    }
}
