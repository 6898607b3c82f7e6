//! The folder of recordings and results that `--report-dir` asks for.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::recording::{self, Recording};
use crate::render::Results;
use crate::render::reporter::Reporter;

pub(super) struct ReportDir(PathBuf);

impl ReportDir {
    /// Makes the folder.
    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("failed to make the report folder {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// Writes one recording, as `epoll.a-case.jsonl`.
    pub(super) fn recording(&self, recording: &Recording) -> anyhow::Result<()> {
        let path = self.0.join(format!("{}.jsonl", recording.head.case.replace('/', ".")));
        recording::save(recording, &path).with_context(|| format!("failed to write the recording {}", path.display()))
    }

    /// Writes `results.json` and every other rendering of it.
    pub(super) fn results(&self, results: &Results) -> anyhow::Result<()> {
        for reporter in Reporter::ALL {
            let path = self.0.join(reporter.file());
            let failed = || format!("failed to write {}", path.display());
            fs::write(&path, reporter.write(results).with_context(failed)?).with_context(failed)?;
        }
        Ok(())
    }
}
