//! `wakeproof driver`: starts a server and is its clients, for the harness that asks for it.
use super::Exit;
use crate::observe::driver;

/// Arguments of the hidden subcommand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The process that started this one.
    #[arg(long)]
    harness: u32,
    /// Stay outside of namespaces, and be in the network of this process.
    #[arg(long)]
    network_of: Option<u32>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    driver::main(args.harness, args.network_of)?;
    Ok(Exit::Good)
}
