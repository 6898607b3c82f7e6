//! `wakeproof cell`: one run, for the harness that started it. Not for people.
use super::Exit;
use crate::cell;

/// Be a cell: make one run, and report it on standard output.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The process that starts it; the cell ends with it.
    #[arg(long, value_name = "PID")]
    harness: Option<u32>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    cell::main(args.harness).map(|()| Exit::Good)
}
