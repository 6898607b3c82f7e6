//! The folder of recordings and results that `--report-dir` asks for.
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use crate::recording::{self, Recording};
use crate::render::Results;
use crate::render::reporter::Reporter;

/// A folder for what one run leaves. Each file in it is there whole or not at all, also for those who look meanwhile.
pub(super) struct ReportDir(PathBuf);

impl ReportDir {
    /// Makes the folder. What an earlier run has left there is removed: nobody shall take it for what this one leaves.
    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("failed to make the report folder {}", path.display()))?;
        let reports = Reporter::ALL.into_iter().map(|reporter| path.join(reporter.file()));
        let reports = reports.flat_map(|file| [part(&file), file]).filter(|file| file.is_file());
        for file in reports.chain(recordings(path)) {
            fs::remove_file(&file)
                .with_context(|| format!("failed to remove {}, of an earlier run", file.display()))?;
        }
        Ok(Self(path.to_owned()))
    }

    /// Writes one recording, as `epoll.a-case.jsonl`.
    pub(super) fn recording(&self, recording: &Recording) -> anyhow::Result<()> {
        let path = self.0.join(file_of(&recording.head.case));
        let failed = || format!("failed to write the recording {}", path.display());
        recording::save(recording, &part(&path)).and_then(|()| fs::rename(part(&path), &path)).with_context(failed)
    }

    /// Writes `results.json` and every other rendering of it.
    pub(super) fn results(&self, results: &Results) -> anyhow::Result<()> {
        for reporter in Reporter::ALL {
            let path = self.0.join(reporter.file());
            let failed = || format!("failed to write {}", path.display());
            let text = reporter.write(results).with_context(failed)?;
            fs::write(part(&path), text).and_then(|()| fs::rename(part(&path), &path)).with_context(failed)?;
        }
        Ok(())
    }
}

/// What a case's recording is called.
fn file_of(case: &str) -> String {
    format!("{}.jsonl", case.replace('/', "."))
}

/// What a file is called as long as it is written.
fn part(file: &Path) -> PathBuf {
    file.with_added_extension("part")
}

/// The recordings in a folder, and what was begun of them: files that say by their name and inside which case they are of.
fn recordings(folder: &Path) -> impl Iterator<Item = PathBuf> {
    #[derive(Deserialize)]
    struct Head {
        case: String,
    }
    let is_one = |file: &PathBuf| {
        let begun = file.extension().is_some_and(|end| end == "part");
        let whole = if begun { file.with_extension("") } else { file.clone() };
        if whole.extension().is_none_or(|end| end != "jsonl") || !file.is_file() {
            return false;
        }
        let mut line = Vec::new();
        let read = File::open(file).and_then(|file| BufReader::new(file).read_until(b'\n', &mut line));
        let head: Option<Head> = read.ok().and_then(|_| serde_json::from_slice(&line).ok());
        head.is_some_and(|head| whole.file_name().is_some_and(|name| name == file_of(&head.case).as_str()))
    };
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing;

    #[test]
    fn a_folder_is_of_one_run_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        put("epoll.a-case.jsonl", "{\"version\":1,\"case\":\"epoll/a-case\"}\n{}\n");
        put("poll.b.jsonl.part", "{\"version\":1,\"case\":\"poll/b\"}\n{\"cut");
        put("results.json.part", "{");
        put("report.html", "<p>old");
        put("machine.json", "{}");
        put("epoll.not-ours.jsonl", "{\"case\":\"epoll/another\"}\n");
        put("log.jsonl", "");
        let report = ReportDir::new(folder.path()).expect("a folder of reports");
        let left = || {
            let entries = fs::read_dir(folder.path()).expect("a folder").flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name().display().to_string()).collect();
            names.sort();
            names
        };
        assert_eq!(left(), ["epoll.not-ours.jsonl", "log.jsonl", "machine.json"]);
        report.results(&testing::healthy()).expect("written");
        assert_eq!(left().len(), 3 + Reporter::ALL.len());
        assert!(!left().concat().contains(".part"));
    }
}
