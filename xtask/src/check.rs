//! `cargo xtask check`: the project's own tests, stage by stage; what CI runs.

use std::{
    collections::VecDeque,
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, BufRead as _, BufReader, IsTerminal as _},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::{
    ebpf, packages,
    process::{self, GREEN, RED, paint, say},
    progress::seconds,
    quotes, servers, suite,
    toolchain::Toolchain,
    workspace::Workspace,
};

/// Which stages to run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The stages; all of them if none is named
    #[arg(value_enum)]
    stages: Vec<Stage>,
}

/// A part of the tests. The quick ones stand first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Stage {
    /// Formatting
    Fmt,
    /// Lints
    Clippy,
    /// Lints of the eBPF program
    ClippyEbpf,
    /// Unit and whole-program tests
    Unit,
    /// `wakeproof inspect` on the reference servers, the defects, and the distribution's servers
    Inspect,
    /// The report in a real browser
    Browser,
    /// The published schema is that of the types, and the catalogue of claims that of the cases
    Schemas,
    /// The cases' quotes stand in the documents, where those are at hand
    Quotes,
    /// The suite on the running kernel
    Host,
    /// The suite in a guest
    Guest,
    /// The suite on the oldest and on the newest kernel, but for the crowds of thousands, and what differs between the two
    Kernels,
}

const ALL: &[Stage] = &[
    Stage::Fmt,
    Stage::Clippy,
    Stage::ClippyEbpf,
    Stage::Unit,
    Stage::Inspect,
    Stage::Browser,
    Stage::Schemas,
    Stage::Quotes,
    Stage::Host,
    Stage::Guest,
    Stage::Kernels,
];

/// How many of the last lines of a failed stage are shown again.
const LAST_LINES: usize = 40;

/// How a stage went.
struct Outcome {
    stage: Stage,
    skipped: Option<&'static str>,
    error: Option<String>,
    took: Duration,
}

/// Runs every stage whatever the others did, and fails if any failed.
pub fn main(args: &Args) -> ExitCode {
    let workspace = Workspace::locate();
    let stages = if args.stages.is_empty() { ALL } else { args.stages.as_slice() };
    let mut outcomes = vec![];
    for &stage in stages {
        say!("── {} ──", stage.name());
        let started = Instant::now();
        let skipped = stage.cannot(&workspace);
        let error = match skipped {
            Some(_) => None,
            None => stage.run(&workspace).err().map(|error| format!("{error:#}")),
        };
        if let Some(line) = error.as_ref().and_then(|error| error.lines().next()) {
            anstream::eprintln!("{line}");
        }
        outcomes.push(Outcome { stage, skipped, error, took: started.elapsed() });
    }
    for (outcome, printed) in outcomes.iter().filter_map(|outcome| Some((outcome, outcome.printed()?))) {
        say!("\n── the last that {} printed ──\n{printed}", outcome.stage.name());
    }
    say!("");
    for outcome in &outcomes {
        say!("{}", outcome.line());
    }
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    let skipped = outcomes.iter().filter(|outcome| outcome.skipped.is_some()).count();
    let also = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    say!("{} passed, {failed} failed{also}", outcomes.len() - failed - skipped);
    ExitCode::from(u8::from(failed > 0))
}

impl Outcome {
    /// The last lines of a stage that failed, where they would have to be searched for in a log.
    fn printed(&self) -> Option<&str> {
        self.error.as_ref().and_then(|error| error.split_once('\n')).map(|(_, printed)| printed)
    }

    /// The summary of the stage.
    fn line(&self) -> String {
        let took = seconds(self.took);
        if let Some(why) = self.skipped {
            return format!("skip {:<12} {:>12}  {why}", self.stage.name(), "");
        }
        match &self.error {
            None => format!("{} {:<12} {took:>12}", paint("pass", GREEN), self.stage.name()),
            Some(error) => format!(
                "{} {:<12} {took:>12}  {}",
                paint("FAIL", RED),
                self.stage.name(),
                error.lines().next().unwrap_or_default()
            ),
        }
    }
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::ClippyEbpf => "clippy-ebpf",
            Self::Unit => "unit",
            Self::Inspect => "inspect",
            Self::Browser => "browser",
            Self::Schemas => "schemas",
            Self::Quotes => "quotes",
            Self::Host => "host",
            Self::Guest => "guest",
            Self::Kernels => "kernels",
        }
    }

    /// Why the stage has nothing to work on here, if it has not.
    fn cannot(self, workspace: &Workspace) -> Option<&'static str> {
        match self {
            Self::Quotes if quotes::folder(workspace).is_none() => {
                Some("the documents are not at hand: WAKEPROOF_SOURCES names their folder")
            }
            Self::Inspect if !nix::unistd::geteuid().is_root() => Some("watching a server needs root"),
            _ => None,
        }
    }

    fn run(self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Fmt => cargo(workspace, &["fmt", "--all", "--check"]),
            Self::Clippy => {
                cargo(workspace, &words("clippy --workspace --exclude wakeproof-probes --all-targets -- -D warnings"))
            }
            Self::ClippyEbpf => clippy_ebpf(workspace),
            Self::Unit => unit(workspace),
            Self::Inspect => inspect(workspace),
            Self::Browser => browser(workspace),
            Self::Schemas => {
                let object = ebpf::build(workspace)?;
                let wakeproof = suite::build_wakeproof(workspace, Some(&object))?;
                status(Command::new(&wakeproof).current_dir(workspace.root()).args(["schema", "--check"]))?;
                status(Command::new(&wakeproof).current_dir(workspace.root()).args(["catalogue", "--check"]))
            }
            Self::Quotes => xtask(&words("quotes")),
            Self::Host => xtask(&words("test --kernel host")),
            Self::Guest => in_guests(workspace, self, "test --kernel guest"),
            Self::Kernels => {
                in_guests(workspace, self, "test --kernel oldest,newest --skip c10k/ --skip one-task-with-epoll-serves")
            }
        }
    }
}

/// Runs the suite in guests, and sees that no kernel refused a program: another way to see the same may have stepped in, so
/// that nothing else would show it.
fn in_guests(workspace: &Workspace, stage: Stage, arguments: &str) -> Result<()> {
    let reports = workspace.target().join("check").join(stage.name());
    match fs::remove_dir_all(&reports) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("failed to remove {}", reports.display()));
        }
        _ => {}
    }
    let mut arguments: Vec<OsString> = words(arguments).into_iter().map(OsString::from).collect();
    arguments.extend(["--report-dir".into(), reports.clone().into()]);
    let ran = xtask(&arguments);
    let refused = refused(&reports)?;
    ran?;
    anyhow::ensure!(refused.is_empty(), "a kernel refused a program of the eBPF object:\n{}", refused.join("\n"));
    Ok(())
}

/// What `results.json` says of the probes.
#[derive(Deserialize)]
struct Probed {
    kernel: Kernel,
    probes: Vec<Probe>,
}

#[derive(Deserialize)]
struct Kernel {
    release: String,
}

#[derive(Deserialize)]
struct Probe {
    lost: Vec<Loser>,
}

#[derive(Deserialize)]
struct Loser {
    candidate: String,
    reason: String,
}

/// Programs that a verifier refused, in the results of a folder or of those in it.
fn refused(reports: &Path) -> Result<Vec<String>> {
    let folders = fs::read_dir(reports).with_context(|| format!("there are no reports in {}", reports.display()))?;
    let folders = folders.flatten().map(|entry| entry.path()).chain([reports.to_owned()]);
    let mut refused = Vec::new();
    for path in folders.map(|folder| folder.join("results.json")).filter(|path| path.is_file()) {
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        let Probed { kernel, probes } =
            serde_json::from_str(&text).with_context(|| format!("{} is not as expected", path.display()))?;
        let losers = probes.into_iter().flat_map(|probe| probe.lost);
        refused.extend(
            losers
                .filter(|loser| loser.reason.starts_with("the verifier refused"))
                .map(|loser| format!("{}: {}: {}", kernel.release, loser.candidate, loser.reason)),
        );
    }
    Ok(refused)
}

/// The tests, of the very program that the suite is run with: as root they attach real probes. Servers are inspected in a
/// stage of their own.
fn unit(workspace: &Workspace) -> Result<()> {
    let object = ebpf::build(workspace)?;
    let all = words("test --workspace --exclude wakeproof-probes --no-fail-fast");
    // Behind the dashes, where nothing of cargo's may follow.
    status(suite::cargo(workspace, &all, Some(&object)).args(words("-- --skip inspect/")))
}

/// The tests of `wakeproof inspect`, which take minutes, and one of `cargo xtask inspect`.
fn inspect(workspace: &Workspace) -> Result<()> {
    let object = ebpf::build(workspace)?;
    let servers = servers::set_up(workspace).context("the inspection of real servers needs their packages")?;
    let mut command = suite::cargo(workspace, &words("test -p wakeproof --test inspect"), Some(&object));
    status(command.env("WAKEPROOF_SERVERS", &servers))?;
    say!("a server on another kernel");
    crate::inspect::check(&servers).context("a server of this machine in a guest")
}

/// The tests that look at the report with a browser.
fn browser(workspace: &Workspace) -> Result<()> {
    if process::find_program("chromium").is_none() {
        packages::install(&[packages::CHROMIUM]).context("looking at the report needs a browser")?;
    }
    // With what the tests before were built with, so that nothing is built for it alone.
    let object = ebpf::build(workspace)?;
    let tests = words("test -p wakeproof --lib render::html::browser");
    status(suite::cargo(workspace, &tests, Some(&object)).args(words("-- --ignored")))
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// Lints the eBPF program for the machine it runs on.
///
/// Clippy and compiler have to be of one make: Debian's own pair, or both from the nightly.
fn clippy_ebpf(workspace: &Workspace) -> Result<()> {
    let toolchain = ebpf::set_up(workspace)?;
    let driver = match &toolchain {
        Toolchain::Distribution { rustc } => {
            ebpf::set_up_clippy(rustc)?;
            rustc.with_file_name("clippy-driver")
        }
        Toolchain::Nightly { rustc } => rustc.with_file_name("clippy-driver"),
    };
    let mut command = ebpf::cargo(workspace, &toolchain, &["check", "--release"]);
    command
        .env("RUSTC_WORKSPACE_WRAPPER", driver)
        // What cargo-clippy itself does with arguments after `--`.
        .env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    status(&mut command)
}

/// Cargo in the checkout, with its output shown.
fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    status(process::cargo().current_dir(workspace.root()).args(arguments))
}

/// This xtask again.
fn xtask(arguments: &[impl AsRef<OsStr>]) -> Result<()> {
    let program = env::current_exe().context("failed to find this program's own path")?;
    status(Command::new(program).args(arguments))
}

/// Runs a command. Into a log, its last lines are kept beside: those of a failure are then shown at the end again.
fn status(command: &mut Command) -> Result<()> {
    let spelled = process::spell(command);
    let start = || format!("failed to start `{spelled}`");
    command.stdin(Stdio::null());
    if io::stdout().is_terminal() {
        let status = command.status().with_context(start)?;
        anyhow::ensure!(status.success(), "`{spelled}` failed ({status})");
        return Ok(());
    }
    let (reader, writer) = io::pipe().context("failed to make a pipe")?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn().with_context(start)?;
    // The command keeps its ends of the pipe, which would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut last = VecDeque::with_capacity(LAST_LINES);
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.context("failed to read what the command printed")?;
        let line = String::from_utf8_lossy(&line).into_owned();
        say!("{line}");
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "`{spelled}` failed ({status})\n{}", Vec::from(last).join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_a_kernel_refused_is_found() {
        let reports = tempfile::tempdir().expect("a folder");
        let write = |kernel: &str, reason: &str| {
            let folder = reports.path().join(kernel);
            fs::create_dir(&folder).expect("a folder");
            let lost = serde_json::json!([{ "candidate": "fentry f", "reason": reason }]);
            let results = serde_json::json!({ "kernel": { "release": kernel }, "probes": [{ "lost": lost }] });
            fs::write(folder.join("results.json"), results.to_string()).expect("a file");
        };
        write("5.10", "the verifier refused the program: R1 pointer arithmetic");
        write("6.1", "ENOENT (2): there is no such function or event");
        let found = refused(reports.path()).expect("they are readable");
        assert_eq!(found, ["5.10: fentry f: the verifier refused the program: R1 pointer arithmetic"]);
    }

    #[test]
    fn the_names_of_stages_are_the_words_of_the_command_line() {
        use clap::ValueEnum as _;
        for stage in ALL {
            let value = stage.to_possible_value().expect("no stage is hidden");
            assert_eq!(value.get_name(), stage.name());
        }
        assert_eq!(ALL.len(), Stage::value_variants().len());
    }
}
