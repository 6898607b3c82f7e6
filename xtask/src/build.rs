//! `cargo xtask build`.

use std::process::ExitCode;

use anyhow::Result;

use crate::{ebpf, process::say, suite, workspace::Workspace};

/// What to build.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Build the eBPF object only
    #[arg(long)]
    ebpf_only: bool,
}

/// Builds, and prints where the results are.
pub fn main(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    let object = ebpf::build(&workspace)?;
    say!("{}", object.display());
    if !args.ebpf_only {
        say!("{}", suite::build_wakeproof(&workspace, Some(&object))?.display());
    }
    Ok(ExitCode::SUCCESS)
}
