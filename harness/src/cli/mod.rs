//! The command line: one file per subcommand, each with its `Args` and a `run` that says how it ended.
//!
//! A new subcommand is a file beside this one, a variant of [`Command`] and an arm in [`Command::run`].
pub mod catalogue;
pub mod cell;
pub mod claims;
pub mod completions;
pub mod diff;
pub mod doctor;
pub mod driver;
mod exit;
pub mod explain;
pub mod guard;
pub mod inspect;
pub mod judge;
mod log;
pub mod merge;
pub mod schema;
pub mod serve;
pub mod show;
mod suite;
mod terminal;
pub mod test;
pub mod trace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::{Exit, bad_input};
pub use suite::SuiteArgs;

/// Checks what documents say about sockets, select, poll and epoll against the kernel that is running.
#[derive(Debug, Parser)]
#[command(name = "wakeproof", version, max_term_width = 100, after_help = exit::HELP, after_long_help = AFTER)]
struct Cli {
    /// Say more on standard error: -v phases, -vv steps, -vvv events (or set `RUST_LOG`).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the suite on the running kernel, and show every verdict with its evidence.
    Test(test::Args),
    /// Judge recordings again, without the kernel and without privileges.
    Judge(judge::Args),
    /// Show results again, or what happened in a recording, connection by connection.
    Show(show::Args),
    /// Say what is different between two results, or between two recordings.
    Diff(diff::Args),
    /// Show what a command, or a process that runs, makes the kernel do, event by event.
    Trace(trace::Args),
    /// Join results of several kernels and machines into the table claims × kernels.
    Merge(merge::Args),
    /// Say what this kernel allows, and what each absence costs.
    Doctor(doctor::Args),
    /// List what the documents say, in their order, and what became of each sentence.
    Claims(claims::Args),
    /// Show one claim or one case on a page: what is said, what is true, and the experiment that decides it.
    Explain(explain::Args),
    /// Write the claims and experiments as pages, as `docs/claims` has them.
    Catalogue(catalogue::Args),
    /// Print the JSON Schema of a case file, of promises, or of what this command writes.
    Schema(schema::Args),
    /// Find out which I/O model a server has, and which mistakes it makes.
    Inspect(inspect::Args),
    /// Hold a server to what its owner promises of it in a file.
    Guard(guard::Args),
    /// Print what a shell needs to complete this command line.
    Completions(completions::Args),
    /// Print the manual page.
    Man,
    /// Run a reference server until a signal ends it.
    Serve(serve::Args),
    /// Make one run, for the harness that asks for it.
    #[command(hide = true)]
    Cell(cell::Args),
    /// Start a server and be its clients, for the harness that asks for it.
    #[command(hide = true)]
    Driver(driver::Args),
}

const AFTER: &str = concat!(
    "Examples:\n",
    "  wakeproof doctor                    what this kernel allows, and what each absence costs\n",
    "  wakeproof test                      the whole suite\n",
    "  wakeproof test epoll/               the cases on epoll\n",
    "  wakeproof test --evidence surface   what can be decided without privilege\n",
    "  wakeproof claims refuted            what is wrong in the documents\n",
    "  wakeproof explain epoll.default-lt  one sentence, and the experiment that decides it\n",
    "  wakeproof judge recordings/*.jsonl  the verdicts again, without the kernel\n",
    "  wakeproof show out/results.json     the screen again; a recording: what happened, event by event\n",
    "  wakeproof diff old.json new.json    which verdicts changed\n",
    "  wakeproof trace -- COMMAND          what a command makes the kernel do\n",
    "  wakeproof merge target/reports      what becomes of each claim on each kernel\n",
    "\n",
    "Exit status:\n",
    "  0  every verdict is good: pass, xfail, or a skip with its reason\n",
    "  1  a verdict is not good: fail, xpass, timeout or inconclusive\n",
    "  2  the input is wrong: a flag, a case file, a recording\n",
    "  3  the harness, the set-up or a control is broken, so that nothing can be said about the kernel\n",
    "  130  interrupted; 141  nobody read the output any more\n",
);

impl Command {
    fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Test(args) => test::run(&args),
            Self::Judge(args) => judge::run(&args),
            Self::Show(args) => show::run(&args),
            Self::Diff(args) => diff::run(&args),
            Self::Trace(args) => trace::run(&args),
            Self::Merge(args) => merge::run(&args),
            Self::Doctor(args) => doctor::run(&args),
            Self::Claims(args) => claims::run(&args),
            Self::Explain(args) => explain::run(&args),
            Self::Catalogue(args) => catalogue::run(&args),
            Self::Schema(args) => schema::run(&args),
            Self::Completions(args) => completions::run(&args),
            Self::Man => completions::man(),
            Self::Serve(args) => serve::run(&args),
            Self::Cell(args) => cell::run(&args),
            Self::Driver(args) => driver::run(&args),
            Self::Inspect(args) => inspect::run(&args),
            Self::Guard(args) => guard::run(&args),
        }
    }
}

/// Runs the command with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(cli.verbose);
    exit::quietly_without_reader();
    exit::conclude(cli.command.run())
}
