//! `wakeproof diff`: what is different between two results, two recordings, or two tables of several kernels.
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::show::{Shown, open, unreadable};
use super::test::Color;
use super::{Exit, bad_input, judge, terminal};
use crate::render::Results;
use crate::render::difference::{difference, text};
use crate::render::matrix::{self, Matrix, compare, comparison};
use crate::render::picture::{Picture, whole};

/// Arguments of `wakeproof diff`.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// Results (`results.json`), a recording (`.jsonl`), or the table of several kernels (`matrix.json`), before.
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
    "addresses are no difference. Of two tables verdicts, evidence and the kernels' features are compared, kernel by\n",
    "kernel of the same name; what was measured is not.\n",
    "\n",
    "Examples:\n",
    "  wakeproof diff old/results.json new/results.json               which verdicts changed\n",
    "  wakeproof diff old/epoll.some-case.jsonl new/epoll.some-case.jsonl   where the runs part\n",
    "  wakeproof diff old/matrix.json new/matrix.json                 the same of several kernels\n",
    "\n",
    "Exit status:\n",
    "  0  no verdict changed\n",
    "  1  a verdict changed, or a kernel or row stands in one table only\n",
    "  2  the input is wrong\n",
);

/// Compares, and shows.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    terminal::colors(args.color);
    let (text, json, same) = match (table(&args.first)?, table(&args.second)?) {
        (Some(first), Some(second)) => {
            let found = compare(&first, &second);
            (comparison(&found, terminal::look()), serde_json::to_string_pretty(&found)?, found.is_same())
        }
        (None, None) => {
            let (first, second) = (side(&args.first)?, side(&args.second)?);
            let found = difference((&first.0, &first.1), (&second.0, &second.1));
            (text(&found, terminal::look()), serde_json::to_string_pretty(&found)?, found.verdicts() == 0)
        }
        (first, _) => {
            let (one, other) = if first.is_some() { (&args.first, &args.second) } else { (&args.second, &args.first) };
            return Err(bad_input(format!(
                "{} is a table of several kernels, and {} is not",
                one.display(),
                other.display()
            )));
        }
    };
    let mut out = anstream::stdout();
    out.write_all(if args.json { format!("{json}\n") } else { text }.as_bytes())?;
    out.flush()?;
    Ok(if same { Exit::Good } else { Exit::Verdicts })
}

/// The table of several kernels, if the file has one.
fn table(file: &Path) -> anyhow::Result<Option<Matrix>> {
    #[derive(serde::Deserialize)]
    struct Sort {
        version: u32,
        #[serde(rename = "rows")]
        _rows: serde::de::IgnoredAny,
    }
    if file.extension().is_none_or(|extension| extension != "json") {
        return Ok(None);
    }
    let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    let Ok(Sort { version, .. }) = serde_json::from_str(&text) else { return Ok(None) };
    if version != matrix::VERSION {
        return Err(unreadable(
            file,
            &format!("its format is version {version}, and this program reads {}", matrix::VERSION),
        ));
    }
    let table: Matrix = serde_json::from_str(&text).map_err(|error| unreadable(file, &error))?;
    if let Some(name) = table.misshapen() {
        return Err(unreadable(file, &format!("`{name}` does not have one cell for each of the kernels")));
    }
    Ok(Some(table))
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
