//! `wakeproof explain`: one claim or one case on a page.
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args as ClapArgs;
use indexmap::IndexSet;

use super::catalogue::ResultsArgs;
use super::claims::Format;
use super::test::Color;
use super::{Exit, SuiteArgs, bad_input, judge, terminal};
use crate::catalogue::{self, Catalogue, Found, History, Page, Slip, known};
use crate::load::LoadedCase;
use crate::render::matrix::{Change, Part};
use crate::render::paint::{DIM, paint};
use crate::render::screen::Look;
use crate::render::text::{counted, hang};

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
    let parts = match &args.recording {
        Some(folder) => recorded(folder, &case.id)?,
        None => args.results.read()?,
    };
    let catalogue = Catalogue::new(&suite, parts);
    let page = claim.map_or_else(|| catalogue.case_page(case), |entry| catalogue.page(entry));
    let mut out = anstream::stdout();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&page)?)?,
        Format::Markdown => out.write_all(catalogue::markdown_page(&page, 1).as_bytes())?,
        Format::Text => {
            let look = terminal::look();
            out.write_all(catalogue::text_page(&page, &catalogue.parts, look).as_bytes())?;
            out.write_all(sources(&catalogue.parts, &case.id, look).as_bytes())?;
            for claim in outdated(&page, case) {
                let text =
                    format!("{claim} has a `differs` entry, which results that are older do not know: run it again");
                out.write_all(hang(&format!("{}   ", paint(DIM, "note")), &text, look.columns()).as_bytes())?;
            }
        }
    }
    out.flush()?;
    Ok(Exit::Good)
}

/// Which files the results of this case are from, and how old they are.
fn sources(parts: &[Part], case: &str, look: Look) -> String {
    let results = parts.iter().filter_map(|part| part.results.as_ref());
    let of_case = results.filter(|results| results.verdicts.iter().any(|verdict| verdict.case == case));
    let files: IndexSet<&PathBuf> = of_case.filter_map(|results| results.from.as_ref()).collect();
    let told = |file: &&PathBuf| {
        let age = fs::metadata(file).and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
        format!("{}{}", file.display(), age.map_or_else(String::new, |age| format!(" ({} old)", rough(age))))
    };
    let files: Vec<String> = files.iter().map(told).collect();
    if files.is_empty() {
        String::new()
    } else {
        hang(&format!("{}   ", paint(DIM, "from")), &files.join(", "), look.columns())
    }
}

/// An age in its greatest unit.
fn rough(age: Duration) -> String {
    let minutes = usize::try_from(age.as_secs() / 60).unwrap_or(usize::MAX);
    match minutes {
        0..120 => counted(minutes, "minute"),
        120..2880 => counted(minutes / 60, "hour"),
        _ => counted(minutes / 1440, "day"),
    }
}

/// The claims whose results have an unexplained difference of kernels that the case, as it is today, may explain.
fn outdated<'a>(page: &Page<'a>, case: &LoadedCase) -> Vec<&'a str> {
    let unexplained = |history: &History| history.row.changes.iter().any(Change::unexplained);
    let differs = |id: &str| case.case().differs.iter().any(|difference| difference.verdicts.contains_key(id));
    let claims = page.claims.iter().filter(|claim| claim.history.as_ref().is_some_and(unexplained));
    claims.map(|claim| claim.id).filter(|id| differs(id)).collect()
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
fn recorded(folder: &Path, case: &str) -> Result<Vec<Part>> {
    let file =
        if folder.is_dir() { folder.join(format!("{}.jsonl", case.replace('/', "."))) } else { folder.to_owned() };
    if let Err(error) = File::open(&file) {
        return Err(bad_input(format!(
            "failed to read the recording {}: {error}\n  `wakeproof test --report-dir DIR --exact {case}` makes one",
            file.display()
        )));
    }
    Ok(judge::results(&[file])?.into_iter().map(Part::from).collect())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::ClaimVerdict;
    use crate::load::Suite;
    use crate::recording::Kernel;
    use crate::render::{Results, testing};

    #[test]
    fn an_age_is_told_in_its_greatest_unit() {
        let told = [59, 60, 7199, 7200, 172_799, 172_800].map(|seconds| rough(Duration::from_secs(seconds)));
        assert_eq!(told, ["0 minutes", "1 minute", "119 minutes", "2 hours", "47 hours", "2 days"]);
    }

    #[test]
    fn results_are_named_with_their_age_where_they_have_the_case() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let results = Results { from: Some(file.path().to_owned()), ..testing::healthy() };
        let part = Part::from(results.clone());
        let look = Look { width: 1000, utf8: true, skips: false };
        let told = |case: &str| sources(std::slice::from_ref(&part), case, look);
        let text = anstream::adapter::strip_str(&told(&results.verdicts[0].case)).to_string();
        assert_eq!(text, format!("from   {} (0 minutes old)\n", file.path().display()));
        assert_eq!(told("no/such-case"), "");
    }

    #[test]
    fn an_unexplained_difference_that_the_case_explains_today_is_noted() {
        const CASE: &str = "copy/epoll-wait-copies-each-event-to-user-memory";
        let suite = Suite::embedded_where(|id| id == CASE).unwrap_or_else(|wrong| panic!("{wrong}"));
        let on = |release: &str, found: ClaimVerdict, because: Option<&str>| {
            let mut results = testing::healthy();
            results.kernel = Kernel { release: release.to_owned(), ..results.kernel };
            results.verdicts.truncate(1);
            let verdict = &mut results.verdicts[0];
            verdict.case = CASE.to_owned();
            let claim = &mut verdict.claims[0];
            claim.id = "epoll.put-user".to_owned();
            (claim.expected, claim.found, claim.because) = (found, Some(found), because.map(str::to_owned));
            results
        };
        let noted = |because| {
            let results = [on("6.19.1", ClaimVerdict::Confirmed, None), on("7.0.1", ClaimVerdict::Refuted, because)];
            let catalogue = Catalogue::new(&suite, results.map(Part::from).into());
            let page = catalogue.case_page(&suite.cases[0]);
            outdated(&page, &suite.cases[0])
        };
        assert_eq!(noted(None), ["epoll.put-user"]);
        assert!(noted(Some("the copy is inlined")).is_empty(), "they know it");
    }
}
