//! `wakeproof test`: the suite on the running kernel.
mod bar;
mod defect;
mod format;
pub(super) mod interrupt;
mod libtest;
mod live;
mod real;
mod report;
mod runner;
mod select;
mod stderr;
mod timings;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anstream::adapter::strip_str;
use anyhow::Context;
use clap::{Args as ClapArgs, ValueEnum};

use defect::Mistake;
use format::Format;
use live::Seen;
pub use real::Real;
pub use runner::{Ran, Runner, Setting};
pub use select::Selection;
use timings::Timings;
pub use timings::Took;

use super::{Exit, bad_input, terminal};
use crate::load::LoadedCase;
use crate::record::{Cancel, Deadlines};
use crate::render::screen;
use crate::verdict::Outcome;

/// Arguments of `wakeproof test`.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(after_help = super::exit::HELP, after_long_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    suite: super::SuiteArgs,
    /// The strongest evidence to ask for: what the kernel gives, or only results of system calls, without privilege.
    #[arg(long, value_enum, default_value_t, value_name = "EVIDENCE")]
    evidence: Evidence,
    /// Write recordings and every report to this folder: results.json, report.html, junit.xml, results.ktap, summary.md, …
    /// What an earlier run has left there is removed.
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
    /// Put this mistake into the servers of the cases (not of their controls): the suite must then fail. `list` names
    /// them all, as JSON with `--format json`.
    #[arg(long, value_name = "[MODEL:]DEFECT", value_parser = defect::parse)]
    defect: Option<Mistake>,
    /// How long one step of a case, or the start of its server, may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    step_deadline: u64,
    /// Show a line for each skipped case.
    #[arg(long)]
    show_skips: bool,
    /// Write a line on standard error for each case that ends, for a program that shows how far it is.
    #[arg(long)]
    progress: bool,
    /// Say on standard error where the time went: attaching, recording and judging, and the slowest cases.
    #[arg(long)]
    timings: bool,
    #[command(flatten)]
    protocol: Protocol,
}

/// How strong the evidence may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Evidence {
    /// The strongest that the kernel gives.
    #[default]
    Auto,
    /// Results of system calls.
    Surface,
}

/// libtest's flags.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Options of libtest")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of libtest")]
struct Protocol {
    /// List the cases instead of running them.
    #[arg(long)]
    list: bool,
    /// Take only the cases that cannot run here; one that then does not run counts as failed.
    #[arg(long)]
    ignored: bool,
    /// Insist on every case: one that cannot run here counts as failed.
    #[arg(long)]
    include_ignored: bool,
    /// How many cases run at a time [default: 1, since they share the probes].
    #[arg(long, value_name = "N")]
    test_threads: Option<usize>,
    /// The result screen, libtest's protocol, or one of the files of `--report-dir` on standard output.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Short for `--format terse`.
    #[arg(short, long, conflicts_with = "format")]
    quiet: bool,
    /// Write the results to this file too (in libtest's formats: instead).
    #[arg(long, value_name = "PATH")]
    logfile: Option<PathBuf>,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
    /// Accepted for libtest's sake: nothing is captured.
    #[arg(long)]
    nocapture: bool,
    /// Accepted for libtest's sake: nothing is captured.
    #[arg(long, hide = true)]
    show_output: bool,
    /// Accepted for libtest's sake (`-Z unstable-options`).
    #[arg(short = 'Z', hide = true, value_name = "FLAG")]
    unstable: Option<String>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

const AFTER: &str = concat!(
    "Examples:\n",
    "  wakeproof test                                   the suite, with the strongest evidence to be had\n",
    "  wakeproof test epoll/ poll/ --show-skips         two subjects, and why cases did not run\n",
    "  wakeproof test --evidence surface                without privilege\n",
    "  wakeproof test --cases my-cases --report-dir out your own cases, with recordings to judge again\n",
    "  wakeproof test --defect fork:not-reaped          is a server found out that never collects its children?\n",
    "  wakeproof test --shard 1/3 --report-dir part-1   a third of it; wakeproof merge joins the parts\n",
    "  wakeproof test --list --format terse             what cargo nextest asks for\n",
    "\n",
    "Exit status:\n",
    "  0    every verdict is good: pass, xfail, or a skip with its reason\n",
    "  1    a verdict is not good: fail, xpass, timeout or inconclusive\n",
    "  2    a flag or a case file is wrong; nothing ran\n",
    "  3    a case, its control or the harness is broken; outweighs 1\n",
    "  101  something of that, with --format terse or json, as libtest has it\n",
    "  130  interrupted by Ctrl-C; what was done until then is shown\n",
);

impl Protocol {
    fn format(&self) -> Format {
        if self.quiet { Format::Terse } else { self.format.unwrap_or_default() }
    }

    /// Whether libtest's protocol is spoken.
    fn speaks_libtest(&self) -> bool {
        self.list || matches!(self.format(), Format::Terse | Format::Json)
    }

    fn insists(&self) -> bool {
        self.ignored || self.include_ignored
    }
}

/// Runs the suite.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let defect = match args.defect {
        Some(Mistake::List) => return defect::list(args.protocol.format()).map(|()| Exit::Good),
        Some(Mistake::Make(defect)) => Some(defect),
        None => None,
    };
    let mut timings = Timings::begin();
    let mut cases = timings.phase("reading the cases", || args.suite.load_where(|id| args.selection.takes(id)))?.cases;
    // nextest selects names that exist; a name typed by hand may not.
    if cases.is_empty() && !args.selection.filters.is_empty() && !args.protocol.speaks_libtest() {
        let filters = args.selection.filters.join("`, `");
        return Err(bad_input(format!("no case matches `{filters}`; `wakeproof test --list` names them all")));
    }
    if let Some(shard) = args.selection.shard {
        cases = cases.into_iter().enumerate().filter(|(place, _)| shard.takes(*place)).map(|(_, case)| case).collect();
    }
    if let Some(defect) = defect {
        cases = defect::select(cases, defect, args)?;
    }
    let cancel = interrupt::watch()?;
    let step = Duration::from_secs(args.step_deadline);
    let deadlines = Deadlines { step, start: step, ..Deadlines::default() };
    let (real, _) = timings.phase("attaching the probes", || Real::new(args.evidence, deadlines, cancel.clone()));
    let runner: Arc<dyn Runner> = Arc::new(real.with_defect(defect));
    let exit = run_with(&runner, cases, args, &cancel, &mut timings);
    timings.phase("detaching the probes", || drop(runner));
    if args.timings {
        anstream::eprint!("{}", timings.text());
    }
    exit
}

/// Runs cases with any runner.
fn run_with(
    runner: &Arc<dyn Runner>,
    mut cases: Vec<LoadedCase>,
    args: &Args,
    cancel: &Cancel,
    timings: &mut Timings,
) -> anyhow::Result<Exit> {
    let protocol = &args.protocol;
    if protocol.speaks_libtest() {
        if args.report_dir.is_some() && !protocol.list {
            return Err(bad_input(
                "--report-dir: libtest's protocol (--format terse or json, --quiet) leaves no reports",
            ));
        }
        let exit = libtest::run(runner, &cases, protocol, cancel);
        return Ok(if cancel.is_cancelled() { Exit::Interrupted } else { exit });
    }
    if protocol.ignored {
        cases.retain(|case| runner.lacks(case).is_some());
    }
    on_screen(runner, &cases.into(), args, cancel, timings)
}

fn on_screen(
    runner: &Arc<dyn Runner>,
    cases: &Arc<[LoadedCase]>,
    args: &Args,
    cancel: &Cancel,
    timings: &mut Timings,
) -> anyhow::Result<Exit> {
    let report = args.report_dir.as_deref().map(report::ReportDir::new).transpose()?;
    let mut keep = |ran: &Ran| {
        timings.case(&ran.verdict.case, ran.took);
        match (&report, &ran.recording) {
            (Some(report), Some(recording)) => report.recording(recording),
            _ => Ok(()),
        }
    };
    terminal::colors(args.protocol.color);
    let look = screen::Look { skips: args.show_skips, ..terminal::look() };
    let reporter = match args.protocol.format() {
        Format::Report(reporter) => Some(reporter),
        Format::Pretty | Format::Terse | Format::Json => None,
    };
    // What a reporter writes is written when all is known; the bar goes on on standard error.
    let mut out: Box<dyn Write> =
        if reporter.is_some() { Box::new(std::io::sink()) } else { Box::new(anstream::stdout()) };
    let threads = args.protocol.test_threads.unwrap_or(1);
    let results =
        live::run(runner, cases, threads, cancel, Seen { look, progress: args.progress }, &mut *out, &mut keep)?;
    if let Some(report) = &report {
        timings.phase("writing the reports", || report.results(&results))?;
    }
    out.write_all(screen::tail(&results, look).as_bytes())?;
    out.flush()?;
    if let Some(reporter) = reporter {
        let mut out = std::io::stdout().lock();
        out.write_all(reporter.write(&results)?.as_bytes())?;
        out.flush()?;
    }
    if let Some(path) = &args.protocol.logfile {
        let failed = || format!("failed to write the log file {}", path.display());
        let mut file = File::create(path).with_context(failed)?;
        write!(file, "{}", strip_str(&screen::screen(&results, look))).with_context(failed)?;
    }
    if cancel.is_cancelled() {
        return Ok(Exit::Interrupted);
    }
    let skipped = results.verdicts.iter().any(|verdict| verdict.outcome == Outcome::Skip);
    let exit = Exit::of(results.verdicts.iter().map(|verdict| verdict.outcome));
    Ok(if args.protocol.insists() && skipped { exit.max(Exit::Verdicts) } else { exit })
}

#[cfg(test)]
mod tests;
