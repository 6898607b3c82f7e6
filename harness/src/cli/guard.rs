//! `wakeproof guard`: does a server keep what its owner promises?
mod cases;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use super::inspect::{self, Format, LoadArgs};
use super::{Exit, SuiteArgs, bad_input};
use crate::observe::Target;
use crate::observe::adapter::Adapter;
use crate::observe::guard::{Kept, Outcome, Promises, learn};
use crate::observe::phases::Wishes;
use crate::observe::report::Report;
use crate::plan::Stranger;
use crate::render::paint::{BAD, BOLD, DIM, DOUBT, GOOD, paint};
use crate::render::text::counted;

/// Arguments of `wakeproof guard`.
#[derive(Debug, clap::Args)]
#[command(after_help = super::exit::HELP, after_long_help = AFTER)]
pub struct Args {
    /// The file of promises.
    #[arg(value_name = "FILE", required_unless_present = "list")]
    file: Option<PathBuf>,
    /// Write the file, from runs of a server that is as it should be.
    #[arg(long)]
    learn: bool,
    /// How many runs to learn from.
    #[arg(long, default_value_t = 3, value_name = "N", requires = "learn")]
    runs: u32,
    /// Print the cases of the suite that a server can promise, and what each says of it.
    #[arg(long, conflicts_with_all = ["file", "learn", "command"])]
    list: bool,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    suite: SuiteArgs,
    /// The report for people, or as JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The server's command line.
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "list")]
    command: Vec<String>,
}

const AFTER: &str = concat!(
    "Examples:\n",
    "  wakeproof guard --learn server.yaml -- ./my-server --port 7000   write what it promises\n",
    "  wakeproof guard server.yaml -- ./my-server --port 7000           and hold it to that\n",
    "  wakeproof guard --list                                           cases that it can promise, too\n",
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
    if args.list {
        return Ok(cases::list(&args.suite.load()?));
    }
    let target = Target::Command(args.command.clone());
    let file = args.file.as_deref().unwrap_or(Path::new(""));
    if args.learn {
        return write(args, file, &target);
    }
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|error| bad_input(format!("failed to read {shown}: {error}")))?;
    let promises = Promises::read(&shown.to_string(), &text).map_err(bad_input)?;
    let held = match promises.cases.as_slice() {
        [] => Vec::new(),
        ids => cases::promised(file, &text, ids, &args.suite.load()?)?,
    };
    let wishes = args.load.or(&promises).wishes()?;
    let report = Report::of(&inspect::observe(&target, &wishes)?);
    let mut kept = promises.judge(&report);
    kept.extend(cases::run(&held, stranger(&args.command, &wishes, &report))?);
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
fn write(args: &Args, file: &Path, target: &Target) -> anyhow::Result<Exit> {
    let shown = file.display();
    if file.exists() {
        return Err(bad_input(format!("{shown} exists; remove it to learn anew")));
    }
    let wishes = args.load.wishes()?;
    let mut reports = Vec::new();
    for run in 1..=args.runs.max(1) {
        anstream::eprintln!("run {run} of {}", args.runs.max(1));
        reports.push(Report::of(&inspect::observe(target, &wishes)?));
    }
    let text = learn(&reports);
    fs::write(file, &text).with_context(|| format!("failed to write {shown}"))?;
    anstream::print!("{text}");
    Ok(Exit::Good)
}

/// The server as the cases start it, and are its clients.
fn stranger(command: &[String], wishes: &Wishes, report: &Report) -> Result<Stranger, String> {
    let spoken = report.protocol.as_deref();
    let known = || Adapter::built_in().into_iter().find(|adapter| Some(adapter.name.as_str()) == spoken);
    let adapter = wishes.adapter.clone().or_else(known).ok_or(
        "the server's protocol was not found out: name it with `protocol`, or describe it with `request` and `until`",
    )?;
    Ok(Stranger { command: command.to_vec(), port: wishes.port, exchange: adapter.exchange() })
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
    let promises = counted(kept.len(), "promise");
    let _ = writeln!(text, "\n{promises}, {} kept, {broken} not", kept.len() - broken);
    text
}
