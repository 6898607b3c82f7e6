//! Emulation or KVM.
//!
//! A `/dev/kvm` that exists proves nothing: on some hosts ordinary guest kernels die in it or hang. So `auto` uses KVM only
//! where a guest has really booted with it, and emulation elsewhere; the answer is kept for the running host kernel. That a
//! kernel of the user's own does not boot says nothing of the others.

use std::{fs, path::Path, sync::Mutex, time::Duration};

use anyhow::{Context as _, Result};
use wakeproof_init::channel::Ending;

use super::{console, memory::SharedMemory, qemu::Machine};
use crate::{kernels::Kernel, progress::Activity, scratch, workspace::Workspace};

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Accelerator {
    /// KVM if a trial guest boots with it, else emulation
    Auto,
    /// KVM, whatever happens
    Kvm,
    /// Emulation, which works everywhere
    Tcg,
}

/// What QEMU is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Emulation.
    Tcg,
    /// Virtualisation.
    Kvm,
}

/// A guest boots under KVM in about a second, or never.
const TRIAL: Duration = Duration::from_secs(10);
const YES: &str = "boots";
const NO: &str = "does not boot";

impl Accelerator {
    /// Decides, with a trial guest if need be.
    pub fn settle(self, workspace: &Workspace, kernel: &Kernel, initrd: &Path) -> Result<Engine> {
        match self {
            Self::Tcg => Ok(Engine::Tcg),
            Self::Kvm => Ok(Engine::Kvm),
            Self::Auto if !can_open_kvm() => Ok(Engine::Tcg),
            Self::Auto => {
                let works = remembered_or(&workspace.guests(), kernel, || trial(workspace, kernel, initrd))?;
                Ok(if works { Engine::Kvm } else { Engine::Tcg })
            }
        }
    }
}

impl Engine {
    /// The accelerator and the CPU model in QEMU's words.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Tcg => ("tcg", "max"),
            Self::Kvm => ("kvm", "host"),
        }
    }
}

fn can_open_kvm() -> bool {
    fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok()
}

/// The answer for the running host kernel: another one may have another KVM.
fn remembered_or(folder: &Path, kernel: &Kernel, ask: impl FnOnce() -> Result<bool>) -> Result<bool> {
    /// One trial at a time: who waits finds its answer.
    static TRIAL: Mutex<()> = Mutex::new(());
    let _trial = TRIAL.lock();
    let path = folder.join("kvm");
    let host = fs::read_to_string("/proc/version").context("failed to read /proc/version")?;
    let host = host.trim();
    if let Some((then, answer)) =
        fs::read_to_string(&path).ok().as_deref().and_then(|text| text.trim_end().split_once('\n'))
        && then == host
    {
        return Ok(answer == YES);
    }
    let works = ask()?;
    if !works && kernel.is_own() {
        return Ok(false);
    }
    let answer = if works { YES } else { NO };
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    fs::write(&path, format!("{host}\n{answer}\n")).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(works)
}

/// Boots a guest that leaves at once.
fn trial(workspace: &Workspace, kernel: &Kernel, initrd: &Path) -> Result<bool> {
    let activity = Activity::begin("trying KVM");
    let scratch = scratch::create(workspace)?;
    let memory = SharedMemory::create(scratch.path())?;
    let machine = Machine {
        kernel: &kernel.image,
        initrd,
        memory: &memory,
        files: None,
        accelerator: Engine::Kvm,
        cpus: 1,
        megabytes: 512,
        trial: true,
    };
    let end = console::watch(&machine, TRIAL, TRIAL, console::Show::Nothing)?;
    let works = end.overdue.is_none() && memory.receive().is_ok_and(|received| received.ending == Ending::Exited(0));
    activity.show(if works {
        "a trial guest booted with KVM: using it"
    } else {
        "a trial guest did not boot with KVM: using emulation"
    });
    Ok(works)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_but_not_of_what_a_kernel_of_the_users_own_does() {
        let target = tempfile::tempdir().expect("a folder");
        // In a fresh checkout there is none.
        let folder = target.path().join("guests");
        let image = tempfile::NamedTempFile::new().expect("a file");
        let own = Kernel::from_file(image.path().to_owned());
        let known = Kernel { version: "6.1.192-2".to_owned(), ..own.clone() };
        let ask = |kernel: &Kernel, works: Option<bool>| {
            remembered_or(&folder, kernel, || works.context("asked again")).expect("an answer")
        };
        assert!(!ask(&own, Some(false)));
        assert!(!ask(&known, Some(false)), "asked, since nothing is remembered");
        assert!(!ask(&known, None) && !ask(&own, None));
        fs::remove_file(folder.join("kvm")).expect("it was there");
        assert!(ask(&own, Some(true)) && ask(&known, None), "that it works is said of all");
    }
}
