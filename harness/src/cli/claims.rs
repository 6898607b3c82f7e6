//! `wakeproof claims`: what the documents say, and where each sentence is decided.
use std::collections::BTreeMap;

use anstream::println;
use anstyle::Style;
use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use super::{Exit, SuiteArgs};
use crate::case::{ClaimVerdict, Source};
use crate::load::Suite;

/// What `claims` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    suite: SuiteArgs,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// Grouped by document
    #[default]
    Text,
    /// One array of objects
    Json,
}

/// A sentence of a document and what becomes of it.
#[derive(Debug, Serialize)]
struct Row<'a> {
    source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'a str>,
    quote: &'a str,
    id: &'a str,
    says: &'a str,
    verdict: ClaimVerdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    truth: Option<&'a str>,
    case: &'a str,
}

/// Lists the claims of a suite.
pub fn run(args: &Args) -> Result<Exit> {
    let suite = args.suite.load()?;
    let rows = rows(&suite);
    match args.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&rows)?),
        Format::Text => print_text(&rows),
    }
    Ok(Exit::Good)
}

/// Every quote of every claim, by document, section and claim.
fn rows(suite: &Suite) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = suite
        .cases
        .iter()
        .flat_map(|case| case.case().claims.iter().map(move |claim| (case, claim)))
        .flat_map(|(case, claim)| {
            claim.quotes.iter().map(move |quote| Row {
                source: quote.source,
                section: quote.section.as_deref(),
                quote: &quote.text,
                id: &claim.id,
                says: &claim.says,
                verdict: claim.verdict,
                truth: claim.truth.as_deref(),
                case: &case.id,
            })
        })
        .collect();
    rows.sort_by_key(|row| (row.source, row.section, row.id));
    rows
}

fn print_text(rows: &[Row<'_>]) {
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let mut by_source: BTreeMap<Source, Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        by_source.entry(row.source).or_default().push(row);
    }
    for (place, (source, rows)) in by_source.into_iter().enumerate() {
        if place > 0 {
            println!();
        }
        let named = match source {
            Source::A => "A, the chapter on select, poll and epoll",
            Source::B => "B, the notes on multiplexing",
        };
        println!("{bold}{named}{bold:#}");
        let mut claim = "";
        for row in rows {
            if row.id != claim {
                claim = row.id;
                println!("\n  {bold}{}{bold:#}  {}", row.id, row.verdict);
                println!("    {}", row.says);
                if let Some(truth) = row.truth {
                    println!("    {dim}but:{dim:#} {truth}");
                }
                println!("    {dim}case:{dim:#} {}", row.case);
            }
            println!("    {dim}quote:{dim:#} {}", row.quote);
        }
    }
}
