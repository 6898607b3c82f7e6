//! `cargo xtask kernels check`: boots each kernel and asks it what it allows.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{
    Kernel, choice, find,
    matrix::{Entry, Matrix},
};
use crate::{
    ebpf,
    guest::{self, Guests, Job, Show},
    process::{RED, paint},
    progress::Board,
    scratch, suite,
    workspace::Workspace,
};

/// What a kernel has said of itself, as far as it matters here; noted beside its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// The package and version that was asked.
    pub of: String,
    /// `uname -r`.
    pub release: String,
    /// The evidence that it gives.
    pub grade: String,
    /// Whether it carries its own type information.
    pub btf: bool,
    /// Whether functions can be probed by breakpoints.
    pub kprobes: bool,
    /// How many probes could be attached.
    pub attached: usize,
    /// How many there are.
    pub probes: usize,
}

/// What `wakeproof doctor --format json` says, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Doctor {
    grade: String,
    btf: bool,
    kprobes: bool,
    kernel: Identity,
    probes: Vec<Health>,
}

#[derive(Debug, Deserialize)]
struct Identity {
    release: String,
}

#[derive(Debug, Deserialize)]
struct Health {
    report: Report,
}

#[derive(Debug, Deserialize)]
struct Report {
    won: Option<String>,
}

/// Boots each, as many at once as there is room for; the exit status says whether all could be asked.
pub fn check(workspace: &Workspace, matrix: &Matrix, words: &[String], options: &guest::Options) -> Result<ExitCode> {
    let names = choice::guests(matrix, words)?;
    let object = ebpf::build(workspace)?;
    let program = suite::build_wakeproof(workspace, Some(&object))?;
    let guests = Guests::ready(workspace, options)?;
    let wrong = AtomicBool::new(false);
    let board = Board::new();
    let at_once = options.room()?.min(names.len());
    guest::beside(names, at_once, |name| {
        let line = board.line(&name);
        line.set("boots, and is asked");
        let answer = find(workspace, &name).and_then(|(kernel, entry)| {
            let can = ask(workspace, &kernel, &program, &guests)?;
            // An image of the user's own has no place for it.
            entry.map_or(Ok(()), |entry| remember(workspace, &entry, &can))?;
            Ok(can)
        });
        match answer {
            Ok(can) => line.answer(&can.line()),
            Err(error) => {
                wrong.store(true, Ordering::Relaxed);
                line.answer(&format!("{}: {error:#}", paint("error", RED)));
            }
        }
    });
    Ok(ExitCode::from(u8::from(wrong.into_inner())))
}

fn ask(workspace: &Workspace, kernel: &Kernel, program: &Path, guests: &Guests<'_>) -> Result<Capabilities> {
    let folder = scratch::create(workspace)?;
    let inside = format!("{}/{ANSWER}", wakeproof_init::REPORT);
    let arguments = ["doctor", "--format", "json", "--output", &inside].map(Into::into).to_vec();
    let report = Some(folder.path().to_owned());
    let ended = guests.run(&Job { kernel, program, arguments, report, folder: None, show: Show::Nothing })?;
    let text = fs::read_to_string(folder.path().join(ANSWER))
        .with_context(|| format!("it gave no answer (exit status {}): {}", ended.status, ended.console.join("\n")))?;
    let doctor: Doctor = serde_json::from_str(&text).context("`wakeproof doctor` said something else than expected")?;
    Ok(Capabilities {
        of: kernel.summary(),
        release: doctor.kernel.release,
        grade: doctor.grade,
        btf: doctor.btf,
        kprobes: doctor.kprobes,
        attached: doctor.probes.iter().filter(|probe| probe.report.won.is_some()).count(),
        probes: doctor.probes.len(),
    })
}

const ANSWER: &str = "doctor.json";

fn place(workspace: &Workspace, entry: &Entry) -> PathBuf {
    workspace.kernels().join(&entry.series).join("capabilities.toml")
}

fn remember(workspace: &Workspace, entry: &Entry, can: &Capabilities) -> Result<()> {
    let path = place(workspace, entry);
    fs::write(&path, toml::to_string(can)?).with_context(|| format!("failed to write {}", path.display()))
}

/// What the kernel that is here has said when it was asked last.
pub fn remembered(workspace: &Workspace, entry: &Entry, kernel: &Kernel) -> Option<Capabilities> {
    let can: Capabilities = toml::from_str(&fs::read_to_string(place(workspace, entry)).ok()?).ok()?;
    (can.of == kernel.summary()).then_some(can)
}

impl Capabilities {
    fn line(&self) -> String {
        let Self { release, grade, btf, kprobes, attached, probes, .. } = self;
        let yes = |it: &bool| if *it { "yes" } else { "no" };
        let (btf, kprobes) = (yes(btf), yes(kprobes));
        format!("{release:<28} evidence {grade:<8}  BTF {btf}  kprobes {kprobes}  {attached} of {probes} probes")
    }
}
