//! `wakeproof merge`: results of several kernels and machines, as one table claims × kernels.
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args as ClapArgs, ValueEnum};

use super::test::Color;
use super::{Exit, bad_input, judge, terminal};
use crate::render::matrix::{Matrix, Part, Shown, matrix, table};
use crate::render::{MACHINE_VERSION, Machine, Results, html, json};

/// Arguments of `wakeproof merge`.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = super::exit::HELP, after_long_help = AFTER)]
pub struct Args {
    /// Results (`results.json`), recordings (`.jsonl`), or folders with any of them below.
    #[arg(value_name = "FILE|DIR", required = true)]
    from: Vec<PathBuf>,
    /// Show only the rows that change from one kernel to another.
    #[arg(long)]
    only_changing: bool,
    /// The table, the whole matrix for programs, or a page.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Write the matrix to this file too, for programs.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

/// How the matrix is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table.
    #[default]
    Text,
    /// One object: see `wakeproof schema matrix`.
    Json,
    /// A page with the table and every case, which needs nothing else.
    Html,
}

const AFTER: &str = concat!(
    "A folder stands for every `results.json` below it, with the `machine.json` beside each, which says where the run\n",
    "happened; one that has recordings and no results is judged again. Parts of the suite that ran on one kernel on\n",
    "several machines (`--shard`) are joined; where two runs of a case disagree, the worse one counts.\n",
    "\n",
    "Examples:\n",
    "  wakeproof merge target/reports                    all kernels that runs have left results of\n",
    "  wakeproof merge --only-changing shard-*           the differences between kernels, from several machines\n",
    "  wakeproof merge --format json target/reports      the same for programs\n",
    "  wakeproof merge --format html target/reports > all.html   a page with every case and its timelines\n",
    "\n",
    "Exit status:\n",
    "  0  every verdict is good and every difference between kernels explained\n",
    "  1  a verdict is not good, a difference is not explained, or two runs disagree\n",
    "  2  the input is wrong\n",
    "  3  a kernel or a case is broken\n",
);

/// Joins and shows.
pub fn run(args: &Args) -> Result<Exit> {
    terminal::colors(args.color);
    let mut parts = Vec::new();
    for path in &args.from {
        let found = gather(path)?;
        if found.is_empty() {
            return Err(bad_input(format!(
                "there are no results below {}; `wakeproof test --report-dir DIR` makes them",
                path.display()
            )));
        }
        parts.extend(found);
    }
    if let Some(defect) = parts.iter().filter_map(|part| part.results.as_ref()).find_map(|results| results.defect) {
        return Err(bad_input(format!(
            "some of the results were made with the defect {defect}, and say nothing of kernels"
        )));
    }
    let all: Vec<Results> = match args.format {
        Format::Html => parts.iter().filter_map(|part| part.results.clone()).collect(),
        Format::Text | Format::Json => Vec::new(),
    };
    let matrix = matrix(parts);
    let text = format!("{}\n", serde_json::to_string_pretty(&matrix)?);
    if let Some(file) = &args.output {
        fs::write(file, &text).with_context(|| format!("failed to write {}", file.display()))?;
    }
    let mut out = anstream::stdout();
    match args.format {
        Format::Json => out.write_all(text.as_bytes())?,
        Format::Html => out.write_all(html::html(&matrix, &all).as_bytes())?,
        Format::Text => {
            let shown = if args.only_changing { Shown::Changing } else { Shown::All };
            out.write_all(table(&matrix, shown, terminal::look()).as_bytes())?;
        }
    }
    out.flush()?;
    Ok(exit(&matrix))
}

/// The worst of everything in it.
fn exit(matrix: &Matrix) -> Exit {
    let outcomes = matrix.kernels.iter().flat_map(|kernel| kernel.outcomes.keys().copied());
    let mut exit = Exit::of(outcomes);
    let unfinished = matrix.kernels.iter().any(|kernel| kernel.unfinished > 0);
    if unfinished || !matrix.conflicts.is_empty() || matrix.unexplained().next().is_some() {
        exit = exit.max(Exit::Verdicts);
    }
    if matrix.kernels.iter().any(|kernel| kernel.broken.is_some()) {
        exit = exit.max(Exit::Broken);
    }
    exit
}

const RESULTS: &str = "results.json";
const MACHINE: &str = "machine.json";

/// What there is at a path, and below it.
pub(super) fn gather(path: &Path) -> Result<Vec<Part>> {
    let failed = |error: std::io::Error| bad_input(format!("failed to read {}: {error}", path.display()));
    if fs::metadata(path).map_err(failed)?.is_file() {
        return if path.extension().is_some_and(|extension| extension == "jsonl") {
            recordings(&[path.to_owned()])
        } else {
            let machine = machine(path.parent().unwrap_or(Path::new(".")))?;
            Ok(vec![Part { results: Some(results(path)?), machine }])
        };
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    entries.sort();
    let machine = machine(path)?;
    let mut parts = Vec::new();
    if path.join(RESULTS).is_file() {
        parts.push(Part { results: Some(results(&path.join(RESULTS))?), machine });
    } else {
        let files: Vec<_> =
            entries.iter().filter(|entry| entry.extension() == Some(OsStr::new("jsonl"))).cloned().collect();
        let judged = recordings(&files)?;
        if judged.is_empty() {
            parts.extend(machine.map(|machine| Part { results: None, machine: Some(machine) }));
        } else {
            parts.extend(judged.into_iter().map(|part| Part { machine: machine.clone(), ..part }));
        }
    }
    for folder in entries.iter().filter(|entry| entry.is_dir()) {
        parts.extend(gather(folder)?);
    }
    Ok(parts)
}

fn recordings(files: &[PathBuf]) -> Result<Vec<Part>> {
    Ok(judge::results(files)?.into_iter().map(|results| Part { results: Some(results), machine: None }).collect())
}

fn results(file: &Path) -> Result<Results> {
    let failed = |why: &dyn std::fmt::Display| bad_input(format!("failed to read {}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
    json::read(&text).map_err(|error| failed(&error))
}

/// Where the results of a folder come from, if anybody has written it down.
fn machine(folder: &Path) -> Result<Option<Machine>> {
    let file = folder.join(MACHINE);
    let failed = |why: &dyn std::fmt::Display| bad_input(format!("failed to read {}: {why}", file.display()));
    let Ok(text) = fs::read_to_string(&file) else { return Ok(None) };
    let machine: Machine = serde_json::from_str(&text).map_err(|error| failed(&error))?;
    if machine.version != MACHINE_VERSION {
        return Err(failed(&format!(
            "it is of version {}, and this command reads version {MACHINE_VERSION}",
            machine.version
        )));
    }
    Ok(Some(machine))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::matrix::Broken;
    use crate::render::testing;

    fn folder(results: &[(&str, Option<Results>, Option<Machine>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, results, machine) in results {
            let below = folder.path().join(name);
            fs::create_dir(&below).expect("a folder");
            if let Some(results) = results {
                fs::write(below.join(RESULTS), json::json(results).expect("JSON")).expect("a file");
            }
            if let Some(machine) = machine {
                fs::write(below.join(MACHINE), serde_json::to_string(machine).expect("JSON")).expect("a file");
            }
        }
        folder
    }

    fn broken(series: &str) -> Machine {
        let broken = Broken { what: "the guest's kernel panicked".to_owned(), ..Broken::default() };
        Machine { version: MACHINE_VERSION, series: series.to_owned(), package: None, broken: Some(broken) }
    }

    #[test]
    fn a_folder_stands_for_all_results_below_it() {
        let folder = folder(&[("a", Some(testing::healthy()), None), ("b", None, Some(broken("5.10")))]);
        let parts = gather(folder.path()).expect("results");
        let matrix = matrix(parts);
        assert_eq!(matrix.kernels.iter().map(|kernel| kernel.name.as_str()).collect::<Vec<_>>(), ["5.10", "6.18"]);
        assert_eq!(exit(&matrix), Exit::Broken);
    }

    #[test]
    fn a_machine_file_of_another_version_is_refused() {
        let folder = folder(&[("a", None, Some(Machine { version: 99, ..broken("5.10") }))]);
        let error = gather(folder.path()).expect_err("another version").to_string();
        assert!(error.contains("version 99"), "{error}");
    }

    #[test]
    fn the_exit_status_is_that_of_the_worst_kernel() {
        let good = matrix(vec![Part { results: Some(testing::healthy()), machine: None }]);
        assert_eq!(exit(&good), Exit::Good);
        let bad = matrix(vec![Part { results: Some(testing::failing()), machine: None }]);
        assert_eq!(exit(&bad), Exit::Verdicts);
    }
}
