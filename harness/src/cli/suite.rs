//! Which suite: the one inside the binary, or a folder.
use std::path::PathBuf;

use clap::Args;

use super::bad_input;
use crate::load::{Suite, SuiteError};

/// Where the cases come from.
#[derive(Clone, Debug, Default, Args)]
pub struct SuiteArgs {
    /// Take the cases below this folder instead of those inside the command.
    #[arg(long, value_name = "DIR")]
    pub cases: Option<PathBuf>,
}

impl SuiteArgs {
    /// Loads it. A mistake in a file is the user's to mend, and nothing runs until all files are right.
    pub fn load(&self) -> anyhow::Result<Suite> {
        self.load_where(|_| true)
    }

    /// Loads the cases whose ids are wanted. All files of a folder are checked even so.
    pub fn load_where(&self, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Suite> {
        let suite = match &self.cases {
            Some(folder) => Suite::from_dir(folder).map(|mut suite| {
                suite.cases.retain(|case| wanted(&case.id));
                suite
            }),
            None => Suite::embedded_where(wanted),
        };
        suite.map_err(|error| match error {
            SuiteError::Read { path, source } => bad_input(format!("failed to read {}: {source}", path.display())),
            other => bad_input(other),
        })
    }
}
