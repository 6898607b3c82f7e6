//! `cargo xtask test`: the suite on the running kernel or in a guest.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;

use crate::{
    command_line::{is_whole, of_one, value_of, wrong},
    ebpf, guest, kernels,
    machine::{self, Broken},
    process, scratch,
    several::{self, Several},
    suite,
    workspace::Workspace,
};

/// Where and how to run the suite. Everything that is not listed here goes to `wakeproof test`, which knows libtest's
/// flags: FILTER, --exact, --skip, --list, --ignored, --include-ignored, --test-threads, --format, --evidence, …
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The kernel: auto, host, guest, a series of ci/kernels.toml such as 5.10, or the path of an image; or several:
    /// all, a list such as oldest,6.12,./bzImage,host, or a range such as 6.12..7.1
    ///
    /// `auto` is the running kernel if it allows probes of kernel functions, else a guest with the distribution's own.
    #[arg(long, value_name = "KERNEL", default_value = "auto")]
    kernel: String,
    /// Write recordings and reports into this folder; a run of the whole suite writes them below `target/reports`
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
    #[command(flatten)]
    several: several::Options,
    #[command(flatten)]
    guest: guest::Options,
    /// Filters and flags of `wakeproof test`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FILTER|FLAG")]
    rest: Vec<OsString>,
}

/// What `wakeproof doctor --format json` says, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Doctor {
    grade: String,
}

/// Where the suite runs.
pub enum Place {
    /// On the running kernel.
    Host,
    /// In a guest with the kernel of this name.
    Guest(String),
}

/// Sets up, builds and runs; the suite's own exit status is ours.
pub fn main(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    if args.rest.iter().any(|word| word == "--list") {
        // Names need no kernel, no root and no compiler for eBPF. An object that is there saves the next build.
        let object = Some(workspace.ebpf_object()).filter(|object| object.is_file());
        let program = suite::build_wakeproof(&workspace, object.as_deref())?;
        return Err(on_host(&program, args, None));
    }
    let matrix = kernels::Matrix::load(&workspace)?;
    // What is wrong in the command line is said before anything is built or booted.
    let several = kernels::several(&matrix, &args.kernel)?;
    if several.is_none() && args.several.only_changing {
        return Err(wrong(anyhow!("`--only-changing` needs several kernels, such as `--kernel all`")));
    }
    if let Some(folder) = &args.report_dir {
        fs::create_dir_all(folder)
            .with_context(|| format!("no reports can be written into {}", folder.display()))
            .map_err(wrong)?;
    }
    if let Some(word) = of_one(&args.rest).filter(|_| several.is_some() || args.several.shard.is_some()) {
        return Err(wrong(anyhow!(
            "`{word}` is for one kernel; several end in one table, and `--report-dir DIR` keeps each one's reports"
        )));
    }
    let surface = value_of(&args.rest, "--evidence").is_some_and(|evidence| evidence == "surface");
    let object = if surface { None } else { Some(ebpf::build(&workspace)?) };
    let program = suite::build_wakeproof(&workspace, object.as_deref())?;
    if let Some(series) = several {
        return on_several(&workspace, &program, args, &series);
    }
    if args.several.shard.is_some() {
        // A single kernel is a list of one.
        let series = match place(&args.kernel, surface, &program) {
            Place::Host => kernels::HOST.to_owned(),
            Place::Guest(kernel) => kernel,
        };
        return on_several(&workspace, &program, args, &[series]);
    }
    match place(&args.kernel, surface, &program) {
        Place::Host => {
            let report = report_dir(&workspace, args, kernels::HOST);
            if let Some(folder) = &report {
                // The suite itself removes what an earlier run has left there.
                machine::note(folder, kernels::HOST, None, None)?;
            }
            Err(on_host(&program, args, report))
        }
        Place::Guest(kernel) => in_guest(&workspace, &kernel, &program, args),
    }
}

/// Where `--kernel` says that the suite runs.
pub fn place(kernel: &str, surface: bool, program: &Path) -> Place {
    match kernel {
        "host" => Place::Host,
        "guest" => Place::Guest(kernels::DISTRIBUTION.to_owned()),
        // System calls have results everywhere.
        "auto" if surface => Place::Host,
        "auto" => match grade(program) {
            Ok(grade) if grade == "function" => Place::Host,
            Ok(grade) => {
                anstream::eprintln!(
                    "this kernel gives evidence of grade `{grade}`, so the suite runs in a guest whose kernel gives \
                     `function` (`--kernel host` runs it here)"
                );
                Place::Guest(kernels::DISTRIBUTION.to_owned())
            }
            Err(error) => {
                anstream::eprintln!(
                    "what this kernel allows could not be found out, so the suite runs in a guest: {error:#}"
                );
                Place::Guest(kernels::DISTRIBUTION.to_owned())
            }
        },
        other => Place::Guest(other.to_owned()),
    }
}

/// What the running kernel gives.
fn grade(program: &Path) -> Result<String> {
    let text = process::output(Command::new(program).args(["doctor", "--format", "json"]))?;
    let doctor: Doctor = serde_json::from_str(&text).context("`wakeproof doctor` said something else than expected")?;
    Ok(doctor.grade)
}

/// A folder for each kernel: what a whole run leaves is where `wakeproof claims` and `explain` look for it.
fn on_several(workspace: &Workspace, program: &Path, args: &Args, series: &[String]) -> Result<ExitCode> {
    if let Some(status) = refused(program, &args.rest)? {
        return Ok(status);
    }
    let passing = scratch::create(workspace)?;
    let whole = is_whole(&args.rest).then(|| workspace.target().join("reports"));
    let lasting = args.report_dir.clone().or(whole);
    let keeps = lasting.is_some();
    let reports = lasting.unwrap_or_else(|| passing.path().to_owned());
    let options = &args.several;
    let several =
        Several { workspace, program, guest: &args.guest, options, rest: &args.rest, reports: &reports, keeps };
    several.run(series)
}

/// Asks the suite itself whether it takes these filters and flags, before anything is booted for them; the exit status if it
/// does not.
fn refused(program: &Path, rest: &[OsString]) -> Result<Option<ExitCode>> {
    let mut command = Command::new(program);
    command.args(["test", "--list"]).args(rest);
    let asked = command.output().with_context(|| format!("failed to start `{}`", process::spell(&command)))?;
    if !asked.status.success() {
        anstream::eprint!("{}", String::from_utf8_lossy(&asked.stderr));
        let code = asked.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        return Ok(Some(ExitCode::from(code)));
    }
    if asked.stdout.trim_ascii().is_empty() {
        let filters = rest.join(OsStr::new(" "));
        return Err(wrong(anyhow!("no case matches `{}`; `wakeproof test --list` names them all", filters.display())));
    }
    Ok(None)
}

/// Where recordings go: what the user says, and for a run of the whole suite where `wakeproof claims` looks for them.
fn report_dir(workspace: &Workspace, args: &Args, kernel: &str) -> Option<PathBuf> {
    let whole = is_whole(&args.rest);
    args.report_dir.clone().or_else(|| whole.then(|| workspace.target().join("reports").join(kernel)))
}

/// Becomes the suite. Returns only the reason why it could not.
fn on_host(program: &Path, args: &Args, report: Option<PathBuf>) -> anyhow::Error {
    let mut arguments = vec![OsString::from("test")];
    arguments.extend(args.rest.iter().cloned());
    if let Some(folder) = report {
        arguments.extend(["--report-dir".into(), folder.into()]);
    }
    become_it(program, &arguments)
}

/// Becomes the `wakeproof` command, so that its exit status and signals are exactly its own.
pub fn become_it(program: &Path, arguments: &[OsString]) -> anyhow::Error {
    let error = Command::new(program).args(arguments).exec();
    anyhow::Error::new(error).context(format!("failed to start {}", program.display()))
}

fn in_guest(workspace: &Workspace, kernel: &str, program: &Path, args: &Args) -> Result<ExitCode> {
    // A kernel of the user's own is a path: its reports go by its file's name.
    let name = several::called(&[kernel]).concat();
    let kernel = kernels::obtain(workspace, kernel)?;
    if let Some(status) = refused(program, &args.rest)? {
        return Ok(status);
    }
    let guests = guest::Guests::ready(workspace, &args.guest)?;
    let report = report_dir(workspace, args, &name);
    let mut arguments = vec![OsString::from("test")];
    arguments.extend(args.rest.iter().cloned());
    if report.is_some() {
        arguments.extend(["--report-dir".into(), wakeproof_init::REPORT.into()]);
    }
    anstream::eprintln!("booting {} in a guest", kernel.summary());
    let package = || Some(kernel.summary());
    if let Some(folder) = &report {
        machine::clear(folder)?;
        machine::begun(folder, &name, package())?;
    }
    let show = guest::Show::Live;
    let job = guest::Job { kernel: &kernel, program, arguments, report: report.clone(), folder: None, show };
    let ran = guests.run(&job);
    if let Some(folder) = &report {
        machine::note(folder, &name, package(), ran.as_ref().err().map(Broken::of))?;
    }
    Ok(ExitCode::from(ran?.status))
}
