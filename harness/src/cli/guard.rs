//! `wakeproof guard`: does a server keep what its owner promises?
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;

use super::inspect::{self, Format, LoadArgs};
use super::test::{Evidence, Real, Runner as _};
use super::{Exit, SuiteArgs, bad_input};
use crate::observe::Target;
use crate::observe::guard::{Kept, Outcome, Promises, learn};
use crate::observe::report::Report;
use crate::record::{Cancel, Deadlines};
use crate::render::paint::{BAD, BOLD, DIM, DOUBT, GOOD, paint};
use crate::verdict;

/// Arguments of `wakeproof guard`.
#[derive(Debug, clap::Args)]
#[command(after_help = super::exit::HELP, after_long_help = AFTER)]
pub struct Args {
    /// The file of promises.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the file, from runs of a server that is as it should be.
    #[arg(long)]
    learn: bool,
    /// How many runs to learn from.
    #[arg(long, default_value_t = 3, value_name = "N", requires = "learn")]
    runs: u32,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    suite: SuiteArgs,
    /// The report for people, or as JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The server's command line.
    #[arg(last = true, value_name = "COMMAND", required = true)]
    command: Vec<String>,
}

const AFTER: &str = concat!(
    "Examples:\n",
    "  wakeproof guard --learn server.yaml -- ./my-server --port 7000   write what it promises\n",
    "  wakeproof guard server.yaml -- ./my-server --port 7000           and hold it to that\n",
    "\n",
    "Exit status: 0 every promise is kept, 1 one is not, or it cannot be told, 2 the file is wrong, 3 the server did not\n",
    "run, or could not be watched.\n",
);

/// What is written as JSON.
#[derive(Serialize)]
struct Guarded<'a> {
    promises: &'a [Kept],
    report: &'a Report,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let target = Target::Command(args.command.clone());
    if args.learn {
        return write(args, &target);
    }
    let shown = args.file.display();
    let text = fs::read_to_string(&args.file).map_err(|error| bad_input(format!("failed to read {shown}: {error}")))?;
    let promises = Promises::read(&shown.to_string(), &text).map_err(bad_input)?;
    let wishes = args.load.or(&promises).wishes()?;
    let report = Report::of(&inspect::observe(&target, &wishes)?);
    let mut kept = promises.judge(&report);
    kept.extend(cases(args, &promises)?);
    let mut out = anstream::stdout();
    if args.format == Format::Json {
        serde_json::to_writer_pretty(&mut out, &Guarded { promises: &kept, report: &report })?;
        writeln!(out)?;
    } else {
        out.write_all(screen(&report, &kept).as_bytes())?;
    }
    out.flush()?;
    let good = kept.iter().all(|kept| kept.outcome == Outcome::Pass);
    Ok(if good { Exit::Good } else { Exit::Verdicts })
}

/// Learns from several runs.
fn write(args: &Args, target: &Target) -> anyhow::Result<Exit> {
    let shown = args.file.display();
    if args.file.exists() {
        return Err(bad_input(format!("{shown} exists; remove it to learn anew")));
    }
    let wishes = args.load.wishes()?;
    let mut reports = Vec::new();
    for run in 1..=args.runs.max(1) {
        anstream::eprintln!("run {run} of {}", args.runs.max(1));
        reports.push(Report::of(&inspect::observe(target, &wishes)?));
    }
    let text = learn(&reports);
    fs::write(&args.file, &text).with_context(|| format!("failed to write {shown}"))?;
    anstream::print!("{text}");
    Ok(Exit::Good)
}

/// Cases of the suite that the file names.
fn cases(args: &Args, promises: &Promises) -> anyhow::Result<Vec<Kept>> {
    if promises.cases.is_empty() {
        return Ok(Vec::new());
    }
    let suite = args.suite.load()?;
    let (real, _) = Real::new(Evidence::Auto, Deadlines::default(), Cancel::default());
    let mut kept = Vec::new();
    for id in &promises.cases {
        let Some(case) = suite.cases.iter().find(|case| &case.id == id) else {
            return Err(bad_input(format!(
                "{}: there is no case `{id}`; `wakeproof test --list` names them all",
                args.file.display()
            )));
        };
        let outcome = real.run(case).verdict.outcome;
        kept.push(Kept {
            promise: format!("case {id}"),
            expected: "pass".into(),
            seen: serde_json::to_value(outcome)?.as_str().unwrap_or_default().to_owned(),
            outcome: match outcome {
                verdict::Outcome::Pass | verdict::Outcome::Xfail => Outcome::Pass,
                verdict::Outcome::Skip | verdict::Outcome::Inconclusive => Outcome::Inconclusive,
                _ => Outcome::Fail,
            },
            because: Vec::new(),
        });
    }
    Ok(kept)
}

fn screen(report: &Report, kept: &[Kept]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let _ = writeln!(text, "{} — Linux {}\n", paint(BOLD, &report.server), report.kernel);
    for one in kept {
        let (style, word) = match one.outcome {
            Outcome::Pass => (GOOD, "kept"),
            Outcome::Fail => (BAD, "broken"),
            Outcome::Inconclusive => (DOUBT, "not known"),
        };
        let _ = writeln!(
            text,
            "  {} {:<26} {}, seen {}",
            paint(style, format!("{word:<9}")),
            one.promise,
            one.expected,
            one.seen
        );
        if one.outcome != Outcome::Pass {
            for because in &one.because {
                let _ = writeln!(text, "            {}", paint(DIM, because));
            }
        }
    }
    let broken = kept.iter().filter(|one| one.outcome != Outcome::Pass).count();
    let _ = writeln!(text, "\n{} promises, {} kept, {broken} not", kept.len(), kept.len() - broken);
    text
}
