//! `wakeproof catalogue`: the claims and experiments as pages, as `docs/claims` has them.
use std::fs;
use std::path::{Path, PathBuf};

use anstream::eprintln;
use anyhow::{Context, Result};
use clap::Args as ClapArgs;

use super::{Exit, SuiteArgs, merge};
use crate::catalogue::{Leaf, leaves};
use crate::render::matrix::Part;

/// What `catalogue` takes.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// The folder; pages in it that are not of the catalogue are removed
    #[arg(value_name = "DIR", default_value = "docs/claims")]
    folder: PathBuf,
    /// Write nothing; say only whether the folder holds the catalogue
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    suite: SuiteArgs,
}

/// Which results are shown.
#[derive(Clone, Debug, Default, ClapArgs)]
#[group(id = "results")]
pub struct ResultsArgs {
    /// What runs have found: a `results.json` of `wakeproof test --report-dir`, or a folder with some below, as `wakeproof
    /// merge` takes them; can be given again. Without it, those below target/reports, if there are any
    #[arg(long = "results", value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
}

impl ResultsArgs {
    /// Reads them, with where each run happened, as `wakeproof merge` does.
    pub fn read(&self) -> Result<Vec<Part>> {
        if self.files.is_empty() { Ok(readable(last())) } else { merge::gather(&self.files) }
    }
}

/// What can be read of files that nobody has asked for; of the others it says why not.
fn readable(files: Vec<PathBuf>) -> Vec<Part> {
    let mut parts = Vec::new();
    for file in files {
        match merge::gather(&[file]) {
            Ok(found) => parts.extend(found),
            Err(error) => eprintln!("left out: {error}"),
        }
    }
    parts
}

/// The results that runs have left: of one run, or of one on each kernel.
fn last() -> Vec<PathBuf> {
    let folder = Path::new("target/reports");
    let mut files = vec![folder.join("results.json")];
    let below = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path().join("results.json"));
    files.extend(below);
    files.retain(|file| file.is_file());
    files.sort();
    files
}

/// Writes the pages, or compares the folder with them.
pub fn run(args: &Args) -> Result<Exit> {
    let leaves = leaves(&args.suite.load()?);
    let wrong = differences(&args.folder, &leaves);
    if args.check {
        for why in &wrong {
            eprintln!("{why}");
        }
        if wrong.is_empty() {
            return Ok(Exit::Good);
        }
        eprintln!("to renew it: wakeproof catalogue {}", args.folder.display());
        return Ok(Exit::Input);
    }
    fs::create_dir_all(&args.folder).with_context(|| format!("failed to make {}", args.folder.display()))?;
    for stray in strays(&args.folder, &leaves) {
        fs::remove_file(&stray).with_context(|| format!("failed to remove {}", stray.display()))?;
    }
    for leaf in &leaves {
        let path = args.folder.join(&leaf.name);
        fs::write(&path, &leaf.text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(Exit::Good)
}

/// What a folder has otherwise than the catalogue.
pub fn differences(folder: &Path, leaves: &[Leaf]) -> Vec<String> {
    let mut wrong = Vec::new();
    for leaf in leaves {
        let path = folder.join(&leaf.name);
        match fs::read_to_string(&path) {
            Ok(text) if text == leaf.text => {}
            Ok(_) => wrong.push(format!("{} is not what the cases say", path.display())),
            Err(error) => wrong.push(format!("{} cannot be read: {error}", path.display())),
        }
    }
    wrong.extend(strays(folder, leaves).iter().map(|path| format!("{} is not of the catalogue", path.display())));
    wrong
}

/// Pages that the catalogue has no more.
fn strays(folder: &Path, leaves: &[Leaf]) -> Vec<PathBuf> {
    let known = |path: &Path| leaves.iter().any(|leaf| path.file_name().is_some_and(|name| name == leaf.name.as_str()));
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut strays: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "md") && !known(path)).collect();
    strays.sort();
    strays
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Suite;
    use crate::render::{json, testing};

    #[test]
    fn the_committed_catalogue_is_fresh() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/claims"));
        let suite = Suite::embedded().unwrap_or_else(|wrong| panic!("{wrong}"));
        let wrong = differences(folder, &leaves(&suite));
        assert!(wrong.is_empty(), "{}\nrun `cargo run -p wakeproof -- catalogue`", wrong.join("\n"));
    }

    #[test]
    fn results_may_be_a_folder_and_those_that_cannot_be_read_hide_no_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let below = folder.path().join(name);
            fs::create_dir(&below).expect("a folder");
            fs::write(below.join("results.json"), text).expect("a file");
            below.join("results.json")
        };
        let good = file("good", &json::json(&testing::healthy()).expect("JSON"));
        let args = ResultsArgs { files: vec![folder.path().to_owned()] };
        assert_eq!(args.read().expect("results").len(), 1);
        let old = file("old", r#"{"version": 99}"#);
        assert_eq!(readable(vec![old, good]).len(), 1);
        let parts = args.read().expect("results");
        let lost: Vec<_> = parts.iter().filter_map(Part::lost).collect();
        assert!(matches!(lost.as_slice(), [("old", why)] if why.contains("version 99")), "{lost:?}");
    }

    #[test]
    fn a_page_that_is_changed_missing_or_too_much_is_named() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let leaf = |name: &str| Leaf { name: name.to_owned(), text: "text".to_owned() };
        fs::write(folder.path().join("one.md"), "other")?;
        fs::write(folder.path().join("three.md"), "text")?;
        let wrong = differences(folder.path(), &[leaf("one.md"), leaf("two.md")]);
        assert_eq!(wrong.len(), 3);
        for (why, name) in wrong.iter().zip(["one.md", "two.md", "three.md"]) {
            assert!(why.contains(name), "{why}");
        }
        Ok(())
    }
}
