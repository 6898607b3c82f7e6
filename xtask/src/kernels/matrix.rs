//! `ci/kernels.toml`: the kernels by name.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::choice;
use crate::workspace::Workspace;

/// The series that stands for the running distribution's own kernel.
pub const DISTRIBUTION: &str = "distribution";

/// The same in a word of `--kernel`.
pub const GUEST: &str = "guest";

/// The series that stands for the running kernel, which is no guest.
pub const HOST: &str = "host";

/// The whole list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// In the order of the file.
    pub kernel: Vec<Entry>,
}

/// One kernel of the list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is called here.
    pub series: String,
    /// Where the mirror has it; `*` stands for the running distribution's codename.
    #[serde(default)]
    pub suites: Vec<String>,
    /// The package's name, with `*` for anything; of the running kernel it is empty.
    #[serde(default)]
    pub package: String,
    /// What it adds.
    pub why: String,
}

impl Matrix {
    /// Reads the list of this checkout.
    pub fn load(workspace: &Workspace) -> Result<Self> {
        let path = workspace.root().join("ci/kernels.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("failed to understand {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let matrix: Self = toml::from_str(text)?;
        for (index, entry) in matrix.kernel.iter().enumerate() {
            if entry.is_guest() && (entry.package.is_empty() || entry.suites.is_empty()) {
                bail!("the series `{}` needs a package and the suites that have it", entry.series);
            }
            if matrix.kernel[..index].iter().any(|earlier| earlier.series == entry.series) {
                bail!("the series `{}` is there twice", entry.series);
            }
        }
        Ok(matrix)
    }

    /// The entry of this series.
    pub fn find(&self, series: &str) -> Result<&Entry> {
        let series = if series == GUEST { DISTRIBUTION } else { series };
        self.kernel.iter().find(|entry| entry.series == series).with_context(|| choice::unknown(self, series))
    }
}

impl Entry {
    /// Whether it is to be fetched and booted; else it runs already.
    pub fn is_guest(&self) -> bool {
        self.series != HOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_this_checkout_can_be_read() {
        let matrix = Matrix::load(&Workspace::locate()).expect("the list is valid");
        assert_eq!(matrix.find(GUEST).expect("another word").series, DISTRIBUTION);
        assert!(matrix.find("5.10").is_ok());
    }

    #[test]
    fn unknown_words_and_doubles_are_errors() {
        let entry = "[[kernel]]\nseries = \"a\"\nsuites = [\"s\"]\npackage = \"p\"\nwhy = \"w\"\n";
        assert!(Matrix::parse(entry).is_ok());
        assert!(Matrix::parse(&format!("{entry}colour = 1\n")).is_err());
        assert!(Matrix::parse(&format!("{entry}{entry}")).is_err());
    }
}
