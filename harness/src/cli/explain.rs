//! `wakeproof explain`: one claim or one case on a page.
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args as ClapArgs;

use super::catalogue::ResultsArgs;
use super::claims::Format;
use super::test::Color;
use super::{Exit, SuiteArgs, bad_input, judge, terminal};
use crate::catalogue::{self, Catalogue, Found, Slip, known};
use crate::render::Results;

/// What `explain` takes.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = HELP)]
pub struct Args {
    /// A claim or a case: its id, the beginning of it, the case's file, or a sentence of a document
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    results: ResultsArgs,
    /// Judge the case's recording in this folder, and show its events
    #[arg(long, value_name = "DIR", conflicts_with = "results")]
    recording: Option<PathBuf>,
    /// Print the file of the case instead, as a model for one's own
    #[arg(long, conflicts_with_all = ["recording", "results", "format"])]
    yaml: bool,
    /// For people, for programs or for a page
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

const HELP: &str = "Examples:
  wakeproof explain epoll.et.only-first-time                     a claim
  wakeproof explain epoll/level-triggered-repeats-until-drained  a case, with all its claims
  wakeproof explain --yaml epoll/level-triggered-repeats-until-drained  its file
  wakeproof explain 只有第一次满足条件的时候才触发               a sentence of a document";

/// Shows the page.
pub fn run(args: &Args) -> Result<Exit> {
    terminal::colors(args.color);
    let suite = args.suite.load()?;
    let found = Catalogue::new(&suite, Vec::new());
    let (case, claim) = match found.find(&suite.cases, &name(args)) {
        Found::Claim(entry) => (entry.case, Some(entry)),
        Found::Case(case) => (case, None),
        Found::Erratum(slip) => return erratum(slip, args.format),
        Found::Near(near) => return Err(unknown(&args.id, &near)),
    };
    if args.yaml {
        anstream::stdout().write_all(case.text.as_bytes())?;
        return Ok(Exit::Good);
    }
    let results = match &args.recording {
        Some(folder) => recorded(folder, &case.id)?,
        None => args.results.read()?,
    };
    let catalogue = Catalogue::new(&suite, results);
    let page = claim.map_or_else(|| catalogue.case_page(case), |entry| catalogue.page(entry));
    let mut out = anstream::stdout();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&page)?)?,
        Format::Markdown => out.write_all(catalogue::markdown_page(&page, 1).as_bytes())?,
        Format::Text => out.write_all(catalogue::text_page(&page, &catalogue.results, terminal::look()).as_bytes())?,
    }
    out.flush()?;
    Ok(Exit::Good)
}

/// What is asked for; a file below the folder of cases by its path there.
fn name(args: &Args) -> String {
    let below = || {
        let folder = args.suite.cases.as_deref().unwrap_or(Path::new("cases")).canonicalize().ok()?;
        let file = Path::new(&args.id).canonicalize().ok()?;
        Some(file.strip_prefix(folder).ok()?.to_string_lossy().into_owned())
    };
    below().unwrap_or_else(|| args.id.clone())
}

/// An erratum, which has no experiment.
fn erratum(slip: Slip<'_>, format: Format) -> Result<Exit> {
    let mut out = anstream::stdout();
    match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(slip.erratum)?)?,
        Format::Markdown => out.write_all(catalogue::markdown_errata(&[slip]).as_bytes())?,
        Format::Text => out.write_all(catalogue::text_errata(&[slip], terminal::look()).as_bytes())?,
    }
    out.flush()?;
    Ok(Exit::Good)
}

/// The results of the recording of this case.
fn recorded(folder: &Path, case: &str) -> Result<Vec<Results>> {
    let file =
        if folder.is_dir() { folder.join(format!("{}.jsonl", case.replace('/', "."))) } else { folder.to_owned() };
    if let Err(error) = File::open(&file) {
        return Err(bad_input(format!(
            "failed to read the recording {}: {error}\n  `wakeproof test --report-dir DIR --exact {case}` makes one",
            file.display()
        )));
    }
    judge::results(&[file])
}

fn unknown(id: &str, near: &[&str]) -> anyhow::Error {
    if let Some(known) = known().iter().find(|known| known.id == id) {
        let sources: Vec<_> = known.sources.iter().map(|source| catalogue::title(*source)).collect();
        return bad_input(format!(
            "no case decides `{id}` so far; it stands in {}\n  `wakeproof claims` lists those that have a case",
            sources.join(" and in ")
        ));
    }
    let mut text = format!("`{id}` is not the name of one claim or case");
    for name in near {
        _ = write!(text, "\n  perhaps {name}");
    }
    bad_input(text + "\n  `wakeproof claims WORD` searches the claims")
}
