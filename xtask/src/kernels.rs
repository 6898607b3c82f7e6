//! Kernels to run in guests: which there are, which are here, and how to get one.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, ensure};

use crate::{guest, process, workspace::Workspace};

mod apt;
mod archive;
mod check;
mod choice;
mod list;
mod matrix;
mod modules;
mod store;

pub use choice::several;
use matrix::Entry;
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
    /// List the kernels of the matrix: what the mirror offers, what is fetched, and what booting it has shown
    List {
        /// Ask no mirror: show only what is here
        #[arg(long)]
        offline: bool,
    },
    /// Fetch the newest kernel of each series named, or of all
    Fetch {
        /// Series as `list` shows them, or `all`
        series: Vec<String>,
    },
    /// Boot each kernel named, or all, and say what it allows; `list` remembers the answers
    Check {
        /// Series as `list` shows them, or `all`
        series: Vec<String>,
        #[command(flatten)]
        guest: guest::Options,
    },
}

/// Lists, fetches or checks.
pub fn main(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    let matrix = Matrix::load(&workspace)?;
    match &args.action {
        Action::List { offline } => list::list(&workspace, &matrix, *offline),
        Action::Fetch { series } => return fetch(&workspace, &matrix, series),
        Action::Check { series, guest } => return check::check(&workspace, &matrix, series, guest),
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches each; what cannot be had is told, and the others are fetched all the same.
fn fetch(workspace: &Workspace, matrix: &Matrix, series: &[String]) -> Result<ExitCode> {
    let mut missing = 0;
    for entry in matrix.guests(series)? {
        match store::fetch(workspace, entry) {
            Ok(kernel) => println!("{:<14} {}", entry.series, kernel.summary()),
            Err(error) => {
                missing += 1;
                anstream::eprintln!("{}: {}: {error:#}", process::paint("error", process::RED), entry.series);
                if let Some(kernel) = store::fetched(workspace, entry) {
                    println!("{:<14} {} (fetched earlier, and still here)", entry.series, kernel.summary());
                }
            }
        }
    }
    Ok(ExitCode::from(u8::from(missing > 0)))
}

/// The kernel that `--kernel` names: a file, or a series, fetched if it is not here.
pub fn obtain(workspace: &Workspace, name: &str) -> Result<Kernel> {
    Ok(find(workspace, name)?.0)
}

/// The same with the modules that show it the host's files.
pub fn obtain_for_files(workspace: &Workspace, name: &str) -> Result<Kernel> {
    match find(workspace, name)? {
        (kernel, Some(entry)) => store::complete(workspace, &entry, kernel),
        (kernel, None) => Ok(kernel),
    }
}

/// The kernel, and its entry in the list if it has one.
fn find(workspace: &Workspace, name: &str) -> Result<(Kernel, Option<Entry>)> {
    if let Some(path) = image(name)? {
        return Ok((Kernel::from_file(path), None));
    }
    let matrix = Matrix::load(workspace)?;
    let entry = matrix.find(name)?.clone();
    if let Some(kernel) = store::fetched(workspace, &entry) {
        return Ok((kernel, Some(entry)));
    }
    let kernel = store::fetch(workspace, &entry).with_context(|| {
        format!("failed to fetch the kernel `{name}`; a kernel image of your own can be given with `--kernel PATH`")
    })?;
    Ok((kernel, Some(entry)))
}

/// The image that this names, if it names none of the list: what has a slash, or is a file.
fn image(name: &str) -> Result<Option<PathBuf>> {
    let path = PathBuf::from(name);
    if path.is_file() {
        return Ok(Some(path));
    }
    ensure!(!name.contains('/'), "there is no kernel image at {name}");
    Ok(None)
}
