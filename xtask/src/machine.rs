//! What lies beside the results of a run: `machine.json`, which says where they come from; see `wakeproof schema machine`.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::guest;

/// What a run of the suite leaves when it has come to its end.
pub const RESULTS: &str = "results.json";
const MACHINE: &str = "machine.json";
/// The reports that `wakeproof test --report-dir` writes at its end.
const REPORTS: [&str; 8] =
    [RESULTS, "report.html", "junit.xml", "results.ktap", "annotations.txt", "summary.md", "trace.json", "events.csv"];

#[derive(Debug, Serialize)]
struct Machine<'a> {
    version: u32,
    series: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<Broken>,
}

/// Why there are no results, or not all.
#[derive(Debug, Clone, Serialize)]
pub struct Broken {
    /// What happened, in a sentence.
    pub what: String,
    /// The last lines of the guest's console.
    pub console: Vec<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Broken {
    /// This happened, and nothing more is known.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), console: Vec::new(), next: None }
    }

    /// All that the error knows.
    pub fn of(error: &anyhow::Error) -> Self {
        match error.downcast_ref::<guest::Broken>() {
            Some(broken) => {
                Self { what: broken.what.clone(), console: broken.console.clone(), next: Some(broken.next.to_owned()) }
            }
            None => Self::new(format!("{error:#}")),
        }
    }
}

/// Writes down where a run happened, and what was wrong with it.
pub fn note(folder: &Path, series: &str, package: Option<String>, broken: Option<Broken>) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let path = folder.join(MACHINE);
    let text = serde_json::to_string_pretty(&Machine { version: 1, series, package, broken })?;
    fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
}

/// Writes down that the run's turn has not come: if it never does, what lies here is not taken for what it left.
pub fn not_begun(folder: &Path, series: &str) -> Result<()> {
    let earlier = if folder.join(RESULTS).exists() { ": these are results of an earlier run" } else { "" };
    note(folder, series, None, Some(Broken::new(format!("it has not begun{earlier}"))))
}

/// Writes down that the run is under way: that stays if we are killed.
pub fn begun(folder: &Path, series: &str, package: Option<String>) -> Result<()> {
    note(folder, series, package, Some(Broken::new("it has not come to its end")))
}

/// Removes what an earlier run has left in a folder: it must not be taken for what this one leaves.
pub fn clear(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // As long as it is written, a file is called so.
        let whole =
            if path.extension().is_some_and(|end| end == "part") { path.with_extension("") } else { path.clone() };
        let is = |name: &str| whole.file_name().is_some_and(|whole| whole == name);
        let jsonl = whole.extension().is_some_and(|end| end == "jsonl");
        if is(MACHINE) || REPORTS.into_iter().any(is) || (jsonl && is_recording(&path)) {
            fs::remove_file(&path).with_context(|| format!("failed to remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Whether a file begins as a recording does. Others of that kind are not ours.
fn is_recording(file: &Path) -> bool {
    let mut line = String::new();
    let read = File::open(file).and_then(|file| BufReader::new(file).read_line(&mut line));
    read.is_ok() && line.starts_with("{\"version\":") && line.contains("\"case\":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_run_leaves_is_cleared() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        for name in REPORTS.into_iter().chain([MACHINE, "results.json.part", "notes.txt", "log.jsonl", "matrix.json"]) {
            put(name, "");
        }
        for name in ["epoll.a-case.jsonl", "epoll.another.jsonl.part"] {
            put(name, "{\"version\":1,\"case\":\"epoll/a-case\"}\n");
        }
        clear(folder.path()).expect("cleared");
        let entries = fs::read_dir(folder.path()).expect("a folder").flatten();
        let mut left: Vec<_> = entries.map(|entry| entry.file_name().display().to_string()).collect();
        left.sort();
        assert_eq!(left, ["log.jsonl", "matrix.json", "notes.txt"]);
    }

    #[test]
    fn results_that_wait_for_a_new_run_are_said_to_be_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = || fs::read_to_string(folder.path().join(MACHINE)).expect("a note");
        not_begun(folder.path(), "5.10").expect("written");
        assert!(said().contains("it has not begun\""), "{}", said());
        fs::write(folder.path().join(RESULTS), "{}").expect("a file");
        not_begun(folder.path(), "5.10").expect("written");
        assert!(said().contains("results of an earlier run"), "{}", said());
        assert!(folder.path().join(RESULTS).exists(), "nothing is lost before its turn");
    }
}
