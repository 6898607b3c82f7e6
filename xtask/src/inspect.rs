//! `cargo xtask inspect` and `guard`: this machine's own server on another kernel, in a guest that sees this machine's files.

use std::{
    env,
    ffi::OsString,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail};
use wakeproof_init::{named, ours, written};

use crate::{
    ebpf,
    guest::{self, Guests, Job, Show},
    kernels, process, scratch, suite,
    test::{self, Place},
    workspace::Workspace,
};

mod check;

pub use check::check;

/// Where to run it. Everything that is not listed here goes to `wakeproof inspect` or `guard`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The kernel: auto, host, guest, a series of ci/kernels.toml such as 5.10, or the path of an image; or several, one
    /// after another: all, a list such as 5.10,7.3,host, or a range such as 6.12..7.1
    ///
    /// `auto` is the running kernel if it allows probes of kernel functions, else a guest with the distribution's own. A
    /// guest sees all files of this machine and may only read them: what the server writes is gone with the guest.
    #[arg(long, value_name = "KERNEL", default_value = "auto")]
    kernel: String,
    #[command(flatten)]
    guest: guest::Options,
    /// Flags, and behind `--` the server's command line
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAG|-- COMMAND")]
    rest: Vec<OsString>,
}

/// Runs a subcommand of `wakeproof` on each kernel; its exit status is ours, of several the first that is not 0.
pub fn main(subcommand: &str, args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    let several = kernels::several(&kernels::Matrix::load(&workspace)?, &args.kernel)?;
    let object = ebpf::build(&workspace)?;
    let program = suite::build_wakeproof(&workspace, Some(&object))?;
    let mut arguments = vec![OsString::from(subcommand)];
    arguments.extend(args.rest.iter().cloned());
    let task = Task { workspace: &workspace, program: &program, arguments, guest: &args.guest };
    let Some(several) = several else {
        return match test::place(&args.kernel, false, &program) {
            Place::Host => Err(test::become_it(&program, &task.arguments)),
            Place::Guest(kernel) => Ok(ExitCode::from(task.in_guest(&kernel)?)),
        };
    };
    let mut status = 0;
    for kernel in &several {
        let ended = if kernel == kernels::HOST { task.on_host()? } else { task.in_guest(kernel)? };
        status = if status == 0 { ended } else { status };
    }
    Ok(ExitCode::from(status))
}

/// What runs on each kernel.
struct Task<'a> {
    workspace: &'a Workspace,
    /// The `wakeproof` command.
    program: &'a Path,
    arguments: Vec<OsString>,
    guest: &'a guest::Options,
}

impl Task<'_> {
    fn on_host(&self) -> Result<u8> {
        process::exit_status(Command::new(self.program).args(&self.arguments))
    }

    fn in_guest(&self, kernel: &str) -> Result<u8> {
        if let Some(word) =
            ours(&self.arguments).find_map(|(_, word)| word.to_str()?.starts_with("--pid").then_some(word))
        {
            bail!(
                "{} names a process of this machine, and a guest has its own: write the server's command line behind `--`, \
                 or watch the process where it is, with `--kernel host`",
                word.display()
            );
        }
        let guests = Guests::ready(self.workspace, self.guest)?;
        let kernel = kernels::obtain_for_files(self.workspace, kernel)?;
        anstream::eprintln!("booting {} in a guest", kernel.summary());
        let folder = env::current_dir().context("failed to ask for the working folder")?;
        let report = scratch::create(self.workspace)?;
        let ended = guests.run(&Job {
            kernel: &kernel,
            program: self.program,
            arguments: self.arguments.clone(),
            report: Some(report.path().to_owned()),
            folder: Some(folder.clone()),
            show: Show::Live,
        })?;
        bring_back(&self.arguments, report.path(), &folder)?;
        Ok(ended.status)
    }
}

/// Writes the files that the arguments name as `wakeproof` has written them in the guest.
fn bring_back(arguments: &[OsString], report: &Path, folder: &Path) -> Result<()> {
    for (place, argument) in ours(arguments) {
        let from = report.join(written(place));
        if from.is_file() {
            let to = folder.join(named(argument));
            fs::copy(&from, &to).with_context(|| format!("failed to write {}", to.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_command_wrote_goes_where_its_arguments_say() {
        let (report, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let arguments = ["inspect", "--save=seen.json", "--", "server", "seen.json"].map(OsString::from);
        fs::write(report.path().join(written(1)), "{}").expect("a file");
        fs::write(report.path().join(written(3)), "the server's").expect("a file");
        bring_back(&arguments, report.path(), folder.path()).expect("copied");
        let found: Vec<_> =
            fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(found, ["seen.json"]);
        assert_eq!(fs::read(folder.path().join("seen.json")).expect("is there"), b"{}");
    }
}
