//! One quiet run of the suite, here or in a guest, and what came of it: for subcommands that compare runs.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tempfile::TempDir;

use crate::{
    ebpf, guest,
    kernels::{self, Kernel},
    machine::RESULTS,
    process, scratch, suite,
    test::{self, Place},
    workspace::Workspace,
};

/// The suite, built, and where it runs.
pub struct Trial {
    workspace: Workspace,
    /// A copy: whoever builds meanwhile must not change what is compared.
    program: PathBuf,
    /// Where the copy is.
    _folder: TempDir,
    /// None: here.
    kernel: Option<Kernel>,
    guest: guest::Options,
}

/// What `results.json` of `wakeproof test --report-dir` says, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct Results {
    /// One for each case.
    pub verdicts: Vec<Verdict>,
    /// What the verdicts point to, by case.
    #[serde(default)]
    pub exhibits: BTreeMap<String, Exhibit>,
}

/// The verdict on one case.
#[derive(Debug, Clone, Deserialize)]
pub struct Verdict {
    /// The case's id.
    pub case: String,
    /// What became of it, in one word.
    pub outcome: String,
    /// Why, in a sentence.
    pub reason: Option<String>,
}

/// What one verdict points to.
#[derive(Debug, Default, Deserialize)]
pub struct Exhibit {
    /// How many events were lost, by kind.
    #[serde(default)]
    pub lost: BTreeMap<String, u64>,
}

impl Results {
    /// What a run has left in a folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(RESULTS);
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("failed to read {}", path.display()))
    }

    /// `52 pass, 2 skip`.
    pub fn tally(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for verdict in &self.verdicts {
            *counts.entry(&verdict.outcome).or_default() += 1;
        }
        counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect::<Vec<_>>().join(", ")
    }
}

impl Trial {
    /// Sets up and builds what `--kernel` asks for.
    pub fn prepare(kernel: &str, options: &guest::Options) -> Result<Self> {
        let workspace = Workspace::locate();
        let object = ebpf::build(&workspace)?;
        let program = suite::build_wakeproof(&workspace, Some(&object))?;
        let kernel = match test::place(kernel, false, &program) {
            Place::Host => None,
            Place::Guest(kernel) => {
                // Before a kernel is fetched for nothing.
                guest::ensure_qemu()?;
                Some(kernels::obtain(&workspace, &kernel)?)
            }
        };
        let folder = scratch::create(&workspace)?;
        let copy = folder.path().join("wakeproof");
        fs::copy(&program, &copy).with_context(|| format!("failed to copy {}", program.display()))?;
        Ok(Self { workspace, program: copy, _folder: folder, kernel, guest: options.clone() })
    }

    /// Whether the suite runs in a guest, where everything takes longer.
    pub fn in_guest(&self) -> bool {
        self.kernel.is_some()
    }

    /// A folder for results that nobody keeps.
    pub fn scratch(&self) -> Result<TempDir> {
        scratch::create(&self.workspace)
    }

    /// Where the suite runs, in words.
    pub fn place(&self) -> String {
        self.kernel.as_ref().map_or_else(|| "this kernel".to_owned(), Kernel::summary)
    }

    /// What the command says, run here: for what needs no kernel.
    pub fn ask(&self, arguments: &[&str]) -> Result<String> {
        process::output(Command::new(&self.program).args(arguments))
    }

    /// Runs `wakeproof test` with these arguments, and keeps its recordings in a folder. Whatever its verdicts, they are
    /// no error.
    pub fn run(&self, arguments: &[&str], folder: &Path) -> Result<Results> {
        fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
        let said = match &self.kernel {
            None => self.here(arguments, folder)?,
            Some(kernel) => self.there(kernel, arguments, folder)?,
        };
        Results::read(folder).with_context(|| format!("`wakeproof test {}` left no results{said}", arguments.join(" ")))
    }

    fn here(&self, arguments: &[&str], folder: &Path) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("test").args(arguments).arg("--report-dir").arg(folder).stdin(Stdio::null());
        let output = command.output().with_context(|| format!("failed to start `{}`", process::spell(&command)))?;
        Ok(format!(" ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
    }

    fn there(&self, kernel: &Kernel, arguments: &[&str], folder: &Path) -> Result<String> {
        let mut words = vec![OsString::from("test")];
        words.extend(arguments.iter().map(OsString::from));
        words.extend(["--report-dir".into(), wakeproof_init::REPORT.into()]);
        let report = Some(folder.to_owned());
        let job = guest::Job {
            kernel,
            program: &self.program,
            arguments: words,
            report,
            folder: None,
            show: guest::Show::Nothing,
        };
        let ended = guest::Guests::ready(&self.workspace, &self.guest)?.run(&job)?;
        Ok(format!(" (exit status {})", ended.status))
    }
}
