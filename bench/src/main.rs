//! What watching costs, measured beside the tools that people would use instead.
//!
//! Everything is a ratio inside one run: each observed window directly follows a bare one, the order of the observers is
//! shuffled in every round, and beside each median stands the spread of bare against bare. Only the recorder's own costs
//! are given in nanoseconds, as differences of paired loops.
mod bar;
mod cpu;
mod echo;
mod flood;
mod judging;
mod loops;
mod memory;
mod observer;
mod plot;
mod report;
mod rounds;
mod start;
mod stats;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};

use crate::bar::Bar;

/// What watching costs, beside the tools that people would use instead
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    inner: Option<Inner>,
    #[command(flatten)]
    options: Options,
}

/// How much is measured, and how it is shown.
#[derive(Clone, Debug, clap::Args)]
struct Options {
    /// Pairs of a bare and an observed window for each observer
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=99))]
    pairs: u32,
    /// Length of a window in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(50..=10_000))]
    window: u64,
    /// Connections of the echo load
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Draw the bars into this file, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// What to measure [default: everything]
    #[arg(value_enum)]
    only: Vec<Part>,
    /// The `wakeproof` command, for the time from command to verdict
    #[arg(long, value_name = "FILE")]
    wakeproof: Option<PathBuf>,
}

/// How often memory is measured: it hardly varies.
const MEMORY: u32 = 3;

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What observers cost a busy server
    Load,
    /// What one event costs
    Event,
    /// Whether anything is lost in a flood
    Flood,
    /// How long it takes to start and to stop
    Start,
    /// How much memory it takes
    Memory,
    /// What judging costs
    Judging,
    /// A case from command to verdict
    Case,
}

/// How the results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables.
    #[default]
    Text,
    /// One object: `bars` and what they were computed from.
    Json,
}

/// What this program is when it starts itself.
#[derive(Clone, Copy, Debug, Subcommand)]
enum Inner {
    /// Be the echo server
    #[command(hide = true)]
    Server,
    /// Record, and print how much memory it took
    #[command(hide = true)]
    Memory,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn window(&self) -> Duration {
        Duration::from_millis(self.window)
    }
}

fn main() -> ExitCode {
    // The recorder starts its own program again for what runs inside a cell.
    if std::env::args().nth(1).as_deref() == Some("cell") {
        return wakeproof::cli::main();
    }
    let cli = Cli::parse();
    let done = match cli.inner {
        Some(Inner::Server) => echo::serve(),
        Some(Inner::Memory) => memory::child(),
        None => measure(&cli.options),
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Measures everything that is wanted, one thing after the other.
fn measure(options: &Options) -> Result<ExitCode> {
    if !nix::unistd::geteuid().is_root() {
        bail!(
            "watching the kernel needs root, and this is user {}\n  run it as root: sudo cargo xtask bench",
            nix::unistd::geteuid()
        );
    }
    wakeproof::cell::leave_network().context("failed to make a network namespace for the load")?;
    let mut report = report::Report::default();
    if options.wants(Part::Load) {
        report.load = Some(rounds::run(options)?);
    }
    if options.wants(Part::Event) {
        report.loops = Some(loops::run(options.pairs)?);
    }
    if options.wants(Part::Flood) {
        report.flood = Some(flood::run()?);
    }
    if options.wants(Part::Start) {
        report.start = Some(start::run(options.pairs)?);
    }
    if options.wants(Part::Memory) {
        report.memory = Some(memory::run(options.pairs.min(MEMORY))?);
    }
    if options.wants(Part::Judging) {
        report.judging = Some(judging::run()?);
    }
    if let Some(wakeproof) = options.wakeproof.as_deref().filter(|_| options.wants(Part::Case)) {
        report.case = Some(start::case(wakeproof, options.pairs)?);
    }
    let bars = report.bars();
    if let Some(path) = &options.plot {
        std::fs::write(path, plot::svg(&bars)).with_context(|| format!("failed to write {}", path.display()))?;
    }
    match options.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&report.with_bars(&bars))?),
        Format::Text => anstream::print!("{}", report.text(&bars)),
    }
    Ok(ExitCode::from(u8::from(!bars.iter().all(Bar::held))))
}
