//! The suite: every case below one folder, and the errata beside them.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use include_dir::{Dir, include_dir};
use thiserror::Error;

use super::{Diagnostic, Diagnostics, Errata, LoadedCase, load_as};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../cases");

/// Why a suite cannot be used.
#[derive(Debug, Error)]
pub enum SuiteError {
    /// Files are wrong.
    #[error("{}", show(.0))]
    Wrong(Vec<Diagnostics>),
    /// A file or folder cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no case in the folder.
    #[error("no case (*.yaml) below {0}")]
    Empty(PathBuf),
}

fn show(wrong: &[Diagnostics]) -> String {
    wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

/// Cases, sorted by id, and errata.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// The cases.
    pub cases: Vec<LoadedCase>,
    /// Slips of the documents' texts, from `errata.yaml` at the top of the folder.
    pub errata: Errata,
}

/// A file that was read: one of both.
enum Loaded {
    Case(LoadedCase),
    Errata(Errata),
}

/// Reads a file; `id` is its path below the folder without the extension.
fn read(id: &str, file: &str, text: &str) -> Result<Loaded, Diagnostics> {
    if id == Errata::NAME {
        return Errata::load(file, text).map(Loaded::Errata);
    }
    load_as(id, file, text).map(Loaded::Case)
}

impl Suite {
    /// The suite inside the binary.
    pub fn embedded() -> Result<Self, SuiteError> {
        Self::embedded_where(|_| true)
    }

    /// The part of the suite inside the binary whose ids are wanted. The others are not read: all of them are known to be
    /// right, since the binary was tested with them.
    pub fn embedded_where(wanted: impl Fn(&str) -> bool) -> Result<Self, SuiteError> {
        let mut files = Vec::new();
        collect(&EMBEDDED, &mut files);
        files.retain(|(id, _)| wanted(id));
        Self::of(files.into_iter().map(|(id, text)| read(&id, &format!("cases/{id}.yaml"), text)))
    }

    /// Every `*.yaml` below a folder; hidden files and folders are left out.
    pub fn from_dir(folder: &Path) -> Result<Self, SuiteError> {
        let mut paths = Vec::new();
        walk(folder, &mut paths)?;
        if paths.is_empty() {
            return Err(SuiteError::Empty(folder.to_owned()));
        }
        let mut loaded = Vec::new();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|source| SuiteError::Read { path: path.clone(), source })?;
            let id = path.strip_prefix(folder).unwrap_or(&path).with_extension("");
            loaded.push(read(&id.to_string_lossy(), &path.to_string_lossy(), &text));
        }
        Self::of(loaded)
    }

    /// The case of that id.
    pub fn get(&self, id: &str) -> Option<&LoadedCase> {
        self.cases.iter().find(|case| case.id == id)
    }

    fn of(loaded: impl IntoIterator<Item = Result<Loaded, Diagnostics>>) -> Result<Self, SuiteError> {
        let mut cases = Vec::new();
        let mut errata = Errata::default();
        let mut wrong = Vec::new();
        for case in loaded {
            match case {
                Ok(Loaded::Case(case)) => cases.push(case),
                Ok(Loaded::Errata(read)) => errata = read,
                Err(found) => wrong.push(found),
            }
        }
        cases.sort_by(|one: &LoadedCase, other| one.id.cmp(&other.id));
        wrong.extend(claimed_twice(&cases));
        if wrong.is_empty() { Ok(Self { cases, errata }) } else { Err(SuiteError::Wrong(wrong)) }
    }
}

/// A claim is decided in one place.
fn claimed_twice(cases: &[LoadedCase]) -> Vec<Diagnostics> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in cases {
        let mut found = Vec::new();
        for (index, claim) in case.case().claims.iter().enumerate() {
            if let Some(other) = first.insert(&claim.id, &case.id) {
                let place = case.place(["claims", &index.to_string(), "id"]);
                found.push(
                    Diagnostic::new(place, format!("claim `{}` is decided twice", claim.id))
                        .label(format!("also in {other}")),
                );
            }
        }
        if !found.is_empty() {
            wrong.push(Diagnostics::new(case.file(), &case.text, found));
        }
    }
    wrong
}

fn collect(folder: &Dir<'static>, files: &mut Vec<(String, &'static str)>) {
    for file in folder.files().filter(|file| file.path().extension().is_some_and(|extension| extension == "yaml")) {
        if let Some(text) = file.contents_utf8() {
            files.push((file.path().with_extension("").to_string_lossy().into_owned(), text));
        }
    }
    for below in folder.dirs() {
        collect(below, files);
    }
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), SuiteError> {
    let failed = |source| SuiteError::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_case_loads() {
        let suite = Suite::embedded().unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(!suite.cases.is_empty());
        for case in &suite.cases {
            for half in [crate::recording::Half::Subject, crate::recording::Half::Control] {
                for point in case.points() {
                    case.resolve(half, &point).unwrap_or_else(|wrong| panic!("{wrong}"));
                }
            }
        }
    }
}
