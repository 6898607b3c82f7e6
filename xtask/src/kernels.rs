//! Kernels to run in guests: which there are, which are here, and how to get one.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::{progress::Activity, workspace::Workspace};

mod apt;
mod choice;
mod matrix;
mod store;

pub use choice::several;
pub use matrix::{DISTRIBUTION, HOST, Matrix};
pub use store::Kernel;

/// What to do with the kernels.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the kernels of the matrix and what is fetched of them
    List,
    /// Fetch the newest kernel of each series named, or of all
    Fetch {
        /// Series as `list` shows them
        series: Vec<String>,
    },
    /// Check that the mirror still has every kernel of the matrix
    Check,
}

/// Lists, fetches or checks.
pub fn main(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    let matrix = Matrix::load(&workspace)?;
    match &args.action {
        Action::List => list(&workspace, &matrix),
        Action::Fetch { series } => {
            for entry in matrix.guests(series)? {
                let kernel = store::fetch(&workspace, entry)?;
                println!("{}", kernel.summary());
            }
        }
        Action::Check => return Ok(check(&workspace, &matrix)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The kernel that `--kernel` names: a file, or a series, fetched if it is not here.
pub fn obtain(workspace: &Workspace, name: &str) -> Result<Kernel> {
    let path = PathBuf::from(name);
    if name.contains('/') || path.is_file() {
        if !path.is_file() {
            bail!("there is no kernel image at {name}");
        }
        return Ok(Kernel::from_file(path));
    }
    let matrix = Matrix::load(workspace)?;
    let entry = matrix.find(name)?;
    if let Some(kernel) = store::fetched(workspace, entry) {
        return Ok(kernel);
    }
    store::fetch(workspace, entry).with_context(|| {
        format!("failed to fetch the kernel `{name}`; a kernel image of your own can be given with `--kernel PATH`")
    })
}

fn list(workspace: &Workspace, matrix: &Matrix) {
    for entry in &matrix.kernel {
        let state = store::fetched(workspace, entry).map_or_else(|| "not fetched".to_owned(), |kernel| kernel.package);
        println!("{:<14} {state:<44} {}", entry.series, entry.why);
    }
}

/// Asks the mirror for each package; the exit status says whether all are there.
fn check(workspace: &Workspace, matrix: &Matrix) -> ExitCode {
    let mut missing = 0;
    for entry in &matrix.kernel {
        let activity = Activity::begin(format!("asking for {}", entry.series));
        let found = apt::Apt::open(workspace, entry).and_then(|apt| apt.newest(&entry.package));
        drop(activity);
        match found {
            Ok(package) => println!("{:<14} {package}", entry.series),
            Err(error) => {
                missing += 1;
                println!("{:<14} {error:#}", entry.series);
            }
        }
    }
    ExitCode::from(u8::from(missing > 0))
}
