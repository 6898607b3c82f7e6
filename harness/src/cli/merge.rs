//! `wakeproof merge`: results of several kernels and machines, as one table claims × kernels.
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args as ClapArgs, ValueEnum};

use super::test::Color;
use super::{Exit, bad_input, judge, terminal};
use crate::render::json::{self, ReadError};
use crate::render::matrix::{Broken, Matrix, Part, Shown, matrix, table};
use crate::render::{MACHINE_VERSION, Machine, Results, html};

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
    /// This is only a part of a whole (`--shard`): a case that did not run here runs elsewhere.
    #[arg(long)]
    part: bool,
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
    // Broken where the terminal needs it.
    "A folder stands for every `results.json` below it, with the `machine.json` beside each, which says where the run ",
    "happened; one that has recordings and no results is judged again. Parts of the suite that ran on one kernel on ",
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
    "  1  a verdict is not good, a difference is not explained, two runs disagree, or cases did not run\n",
    "  2  the input is wrong\n",
    "  3  a kernel or a case is broken\n",
);

/// Joins and shows.
pub fn run(args: &Args) -> Result<Exit> {
    terminal::colors(args.color);
    if let Some(file) = &args.output {
        writable(file)?;
    }
    let parts = gather(&args.from)?;
    if let Some(defect) = parts.iter().filter_map(|part| part.results.as_ref()).find_map(|results| results.defect) {
        return Err(bad_input(format!(
            "some of the results were made with the defect {defect}, and say nothing of kernels"
        )));
    }
    let all: Vec<Results> = match args.format {
        Format::Html => parts.iter().filter_map(|part| part.results.clone()).collect(),
        Format::Text | Format::Json => Vec::new(),
    };
    let mut matrix = matrix(parts);
    if args.part {
        matrix.expect_no_more();
    }
    let text = format!("{}\n", serde_json::to_string_pretty(&matrix)?);
    if let Some(file) = &args.output {
        fs::write(file, &text).map_err(|error| unwritable(file, &error))?;
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
    if matrix.absent() > 0 || !matrix.conflicts.is_empty() || matrix.unexplained().next().is_some() {
        exit = exit.max(Exit::Verdicts);
    }
    if matrix.kernels.iter().any(|kernel| kernel.broken.is_some()) {
        exit = exit.max(Exit::Broken);
    }
    exit
}

const RESULTS: &str = "results.json";
const MACHINE: &str = "machine.json";
/// Files of a folder of reports that are no results.
const BESIDE: [&str; 2] = [MACHINE, "matrix.json"];

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a file can be made there, as far as that is seen without making it.
fn writable(file: &Path) -> Result<()> {
    let folder = folder_of(file);
    if file.is_dir() {
        return Err(unwritable(file, &"it is a folder; name a file in it"));
    }
    if !folder.is_dir() {
        return Err(unwritable(file, &format!("there is no folder {}", folder.display())));
    }
    Ok(())
}

fn unwritable(file: &Path, why: &dyn std::fmt::Display) -> anyhow::Error {
    bad_input(format!("--output: failed to write {}: {why}", file.display()))
}

/// What there is at these paths, and below them.
pub(super) fn gather(paths: &[PathBuf]) -> Result<Vec<Part>> {
    // Where `DIR/*` is given, what stands beside the results is no input. Alone, reading it says what it is.
    let beside =
        |path: &&PathBuf| path.is_file() && path.file_name().is_some_and(|name| BESIDE.iter().any(|n| name == *n));
    let (beside, results): (Vec<_>, Vec<_>) = paths.iter().partition(beside);
    let mut all = Vec::new();
    for path in if results.is_empty() { beside } else { results } {
        let found = below(path)?;
        if found.is_empty() {
            return Err(bad_input(format!(
                "there are no results below {}; `wakeproof test --report-dir DIR` makes them",
                path.display()
            )));
        }
        all.extend(found);
    }
    // What cannot be read costs its kernel, and no other.
    if all.iter().all(Result::is_err) {
        return all.into_iter().map(|found| found.map_err(|unreadable| unreadable.why)).collect();
    }
    Ok(all.into_iter().map(|found| found.unwrap_or_else(Unreadable::part)).collect())
}

/// A folder whose results or recordings cannot be read.
struct Unreadable {
    folder: PathBuf,
    why: anyhow::Error,
}

impl Unreadable {
    /// A kernel of which nothing else is known.
    fn part(self) -> Part {
        let broken = Broken { what: format!("{:#}", self.why), ..Broken::default() };
        let machine = machine(&self.folder).ok().flatten().unwrap_or_else(|| {
            let series = self.folder.file_name().unwrap_or(self.folder.as_os_str()).display().to_string();
            Machine { version: MACHINE_VERSION, series, package: None, broken: None }
        });
        Part { results: None, machine: Some(Machine { broken: machine.broken.or(Some(broken)), ..machine }) }
    }
}

/// What there is at a path, and below it.
fn below(path: &Path) -> Result<Vec<Result<Part, Unreadable>>> {
    let failed = |error: std::io::Error| bad_input(format!("failed to read {}: {error}", path.display()));
    if fs::metadata(path).map_err(failed)?.is_file() {
        let parts = if path.extension().is_some_and(|extension| extension == "jsonl") {
            recordings(path, &[path.to_owned()])?
        } else {
            let machine = machine(folder_of(path))?;
            vec![Part { results: Some(results(path)?), machine }]
        };
        return Ok(parts.into_iter().map(Ok).collect());
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    entries.sort();
    let mut all: Vec<_> = match inside(path, &entries) {
        Ok(parts) => parts.into_iter().map(Ok).collect(),
        Err(why) => vec![Err(Unreadable { folder: path.to_owned(), why })],
    };
    for folder in entries.iter().filter(|entry| entry.is_dir()) {
        all.extend(below(folder)?);
    }
    Ok(all)
}

/// What a folder itself holds.
fn inside(folder: &Path, entries: &[PathBuf]) -> Result<Vec<Part>> {
    let machine = machine(folder)?;
    if folder.join(RESULTS).is_file() {
        return Ok(vec![Part { results: Some(results(&folder.join(RESULTS))?), machine }]);
    }
    let files: Vec<_> =
        entries.iter().filter(|entry| entry.extension() == Some(OsStr::new("jsonl"))).cloned().collect();
    let judged = recordings(folder, &files)?;
    // Results are the last that a run leaves.
    let machine = machine.map(|machine| {
        let cut_off = || Broken { what: "it has not come to its end".to_owned(), ..Broken::default() };
        Machine { broken: Some(machine.broken.unwrap_or_else(cut_off)), ..machine }
    });
    if judged.is_empty() {
        return Ok(machine.map(|machine| Part { results: None, machine: Some(machine) }).into_iter().collect());
    }
    Ok(judged.into_iter().map(|part| Part { machine: machine.clone(), ..part }).collect())
}

/// The results of the recordings in a folder, or of one.
fn recordings(from: &Path, files: &[PathBuf]) -> Result<Vec<Part>> {
    let part = |results| Part { results: Some(Results { from: Some(from.to_owned()), ..results }), machine: None };
    Ok(judge::results(files)?.into_iter().map(part).collect())
}

fn results(file: &Path) -> Result<Results> {
    let failed = |why: &dyn std::fmt::Display| bad_input(format!("failed to read {}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
    match json::read(&text) {
        Ok(results) => Ok(Results { from: Some(file.to_owned()), ..results }),
        Err(error @ (ReadError::Matrix | ReadError::Machine)) => {
            Err(failed(&format!("{error}; give the folder {}", folder_of(file).display())))
        }
        Err(error) => Err(failed(&error)),
    }
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
    use crate::render::testing;
    use crate::verdict::Outcome;

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
        let parts = gather(&[folder.path().to_owned()]).expect("results");
        let matrix = matrix(parts);
        assert_eq!(matrix.kernels.iter().map(|kernel| kernel.name.as_str()).collect::<Vec<_>>(), ["5.10", "6.18"]);
        assert_eq!(exit(&matrix), Exit::Broken);
    }

    #[test]
    fn a_machine_file_of_another_version_is_refused() {
        let folder = folder(&[("a", None, Some(Machine { version: 99, ..broken("5.10") }))]);
        let error = gather(&[folder.path().to_owned()]).expect_err("another version").to_string();
        assert!(error.contains("version 99"), "{error}");
    }

    #[test]
    fn what_cannot_be_read_costs_its_kernel_and_no_other() {
        let folder = folder(&[("a", Some(testing::healthy()), None), ("6.1", None, None), ("b", None, None)]);
        for (name, file) in [("6.1", RESULTS), ("b", "epoll.a-case.jsonl")] {
            fs::write(folder.path().join(name).join(file), "{\"version\":").expect("a file");
        }
        let folders = ["6.1", "a", "b"].map(|name| folder.path().join(name));
        for paths in [&folders[..], &[folder.path().to_owned()]] {
            let matrix = matrix(gather(paths).expect("the others"));
            assert_eq!(matrix.kernels.len(), 3);
            let broken = |name: &str| {
                let column = matrix.kernels.iter().find(|kernel| kernel.name == name).expect("a column");
                column.broken.as_ref().map(|broken| broken.what.clone())
            };
            assert!(broken("6.1").is_some_and(|what| what.contains("results.json")));
            assert!(broken("b").is_some_and(|what| what.contains("epoll.a-case.jsonl")));
            assert_eq!(exit(&matrix), Exit::Broken);
        }
        assert!(gather(&folders[..1]).is_err(), "without others there is nothing to show");
    }

    #[test]
    fn a_run_without_results_has_not_come_to_its_end() {
        let noted = Machine { broken: None, ..broken("host") };
        let folder = folder(&[("host", None, Some(noted))]);
        let matrix = matrix(gather(&[folder.path().to_owned()]).expect("a kernel"));
        assert_eq!(exit(&matrix), Exit::Broken);
        assert!(matrix.kernels[0].broken.as_ref().is_some_and(|broken| broken.what.contains("come to its end")));
    }

    #[test]
    fn what_stands_beside_results_is_no_input_and_alone_it_is_named() {
        let folder = folder(&[("a", Some(testing::healthy()), Some(Machine { broken: None, ..broken("6.18") }))]);
        let (results, file) = (folder.path().join("a"), folder.path().join("matrix.json"));
        let parts = gather(std::slice::from_ref(&results)).expect("results");
        fs::write(&file, serde_json::to_string(&matrix(parts)).expect("JSON")).expect("a file");
        let all = [results.clone(), file.clone(), results.join(MACHINE)];
        assert_eq!(gather(&all).expect("results").len(), 1);
        for (file, what, folder) in [(&file, "a matrix", folder.path()), (&all[2], "where a run happened", &results)] {
            let told = gather(std::slice::from_ref(file)).expect_err("no results").to_string();
            assert!(told.contains(what) && told.ends_with(&format!("give the folder {}", folder.display())), "{told}");
        }
    }

    #[test]
    fn results_say_where_they_were_read_from() {
        let folder = folder(&[("a", Some(testing::healthy()), None)]);
        let parts = gather(&[folder.path().to_owned()]).expect("results");
        let from = parts[0].results.as_ref().and_then(|results| results.from.clone());
        assert_eq!(from, Some(folder.path().join("a").join(RESULTS)));
    }

    #[test]
    fn a_file_that_cannot_be_made_is_wrong_before_the_work() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(writable(&folder.path().join("matrix.json")).is_ok() && writable(Path::new("matrix.json")).is_ok());
        for (file, why) in [(folder.path().to_owned(), "it is a folder"), (folder.path().join("none/x"), "no folder")] {
            let told = writable(&file).expect_err("no place for a file").to_string();
            assert!(told.contains("--output") && told.contains(why), "{told}");
        }
    }

    #[test]
    fn an_incomplete_or_undecided_matrix_is_not_good() {
        let on = |release: &str, mut results: Results| {
            results.kernel.release = release.to_owned();
            Part { results: Some(results), machine: None }
        };
        let with = |change: &dyn Fn(&mut Results)| {
            let mut results = testing::healthy();
            change(&mut results);
            exit(&matrix(vec![on("6.1.2", results), on("6.12.1", testing::healthy())]))
        };
        assert_eq!(with(&|_| ()), Exit::Good);
        assert_eq!(with(&|results| _ = results.verdicts.pop()), Exit::Verdicts);
        assert_eq!(with(&|results| results.verdicts[0].outcome = Outcome::Timeout), Exit::Verdicts);
        assert_eq!(with(&|results| results.verdicts[0].outcome = Outcome::Inconclusive), Exit::Verdicts);
        assert_eq!(with(&|results| results.verdicts[0].outcome = Outcome::Broken), Exit::Broken);
    }

    #[test]
    fn the_exit_status_is_that_of_the_worst_kernel() {
        let good = matrix(vec![Part { results: Some(testing::healthy()), machine: None }]);
        assert_eq!(exit(&good), Exit::Good);
        let bad = matrix(vec![Part { results: Some(testing::failing()), machine: None }]);
        assert_eq!(exit(&bad), Exit::Verdicts);
    }
}
