//! `cargo xtask run`: any static program in a guest, to try something on a kernel by hand.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::Result;

use crate::{guest, kernels, workspace::Workspace};

/// What to run, and on which kernel.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The kernel: guest, oldest, newest, a series of ci/kernels.toml such as 5.10, or the path of an image
    #[arg(long, value_name = "KERNEL", default_value = kernels::DISTRIBUTION)]
    kernel: String,
    /// Where to put what the program leaves in /report
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
    #[command(flatten)]
    guest: guest::Options,
    /// The program, statically linked
    program: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs it; its exit status is ours.
pub fn main(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    let guests = guest::Guests::ready(&workspace, &args.guest)?;
    let kernel = kernels::obtain(&workspace, &args.kernel)?;
    let job = guest::Job {
        kernel: &kernel,
        program: &args.program,
        arguments: args.arguments.clone(),
        report: args.report_dir.clone(),
        folder: None,
        show: guest::Show::Live,
    };
    Ok(ExitCode::from(guests.run(&job)?.status))
}
