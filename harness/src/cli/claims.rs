//! `wakeproof claims`: what the documents say, in their order, and what became of each sentence.
use std::fmt::Write as _;
use std::io::Write;

use anstream::eprintln;
use anyhow::Result;
use clap::{Args as ClapArgs, ValueEnum};

use super::catalogue::ResultsArgs;
use super::test::Color;
use super::{Exit, SuiteArgs, bad_input, terminal};
use crate::case::Source;
use crate::catalogue::{self, Catalogue, Wanted};
use crate::render::matrix::Part;

/// What `claims` takes.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = HELP)]
pub struct Args {
    /// Only claims with all these words, or with this sentence: typed, or pasted from the document
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    results: ResultsArgs,
    /// For people, for programs or for a page
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

const HELP: &str = "Examples:
  wakeproof claims                      all of them, in the order of each document
  wakeproof claims refuted              what is wrong
  wakeproof claims ready list           those that speak of a ready list
  wakeproof claims 即使进程没有调用     a sentence, as it stands in the document";

/// How claims are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Grouped by document and section
    #[default]
    Text,
    /// One array of objects, one for each quote
    Json,
    /// Grouped by document and section
    Markdown,
}

/// Lists the claims of a suite.
pub fn run(args: &Args) -> Result<Exit> {
    terminal::colors(args.color);
    let suite = args.suite.load()?;
    let all = Catalogue::new(&suite, args.results.read()?);
    for (kernel, why) in all.parts.iter().filter_map(Part::lost) {
        eprintln!("no results of {kernel}: {why}");
    }
    let wanted = Wanted::new(&args.filter);
    let catalogue = all.only(&wanted);
    if catalogue.entries.is_empty() && catalogue.slips.is_empty() {
        return Err(none(&all, &suite.cases, &args.filter.join(" ")));
    }
    let mut out = anstream::stdout();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&catalogue::rows(&catalogue))?)?,
        Format::Text => out.write_all(catalogue::text_list(&catalogue, terminal::look()).as_bytes())?,
        Format::Markdown => {
            for source in [Source::A, Source::B] {
                let list =
                    catalogue::markdown_list(&catalogue, source, |passage| format!("`{}`", passage.entry.claim.id));
                if !list.is_empty() {
                    writeln!(out, "# {}\n\n{list}", catalogue::title(source))?;
                }
            }
            if !catalogue.slips.is_empty() {
                writeln!(out, "# Errata\n\n{}", catalogue::markdown_errata(&catalogue.slips))?;
            }
        }
    }
    out.flush()?;
    Ok(Exit::Good)
}

/// Nothing was found: what may have been meant, and which claims nobody has decided yet.
fn none(all: &Catalogue<'_>, cases: &[crate::load::LoadedCase], filter: &str) -> anyhow::Error {
    let mut text = format!("no claim matches `{filter}`");
    let undecided: Vec<_> =
        all.missing().filter(|known| known.id.contains(filter)).map(|known| known.id.as_str()).collect();
    if !undecided.is_empty() {
        _ = write!(text, "\n  without a case so far: {}", undecided.join(", "));
    }
    let near = all.nearest(cases, filter);
    if !near.is_empty() {
        _ = write!(text, "\n  near: {}", near.join(", "));
    }
    bad_input(text + "\n  every word must be there; fewer words find more, and `wakeproof claims` lists all")
}
