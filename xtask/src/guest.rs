//! Runs the `wakeproof` command in a guest: a kernel of our choice under QEMU, with the command in its initramfs.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{kernels::Kernel, packages, process, suite, workspace::Workspace};

pub mod accelerator;
mod broken;
mod console;
mod initramfs;
mod memory;
mod newc;
mod qemu;
mod scratch;

pub use accelerator::Accelerator;

/// How the guest is made.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Virtual CPUs: one is the steadiest, two are for cases that need true concurrency
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Guest")]
    pub guest_cpus: u32,
    /// Memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, help_heading = "Guest")]
    pub guest_memory: u32,
    /// How long the command may run in the guest, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15 * 60, help_heading = "Guest")]
    pub guest_deadline: u64,
    /// How QEMU runs the guest: `auto` uses KVM where a guest has really booted with it
    #[arg(long, value_name = "HOW", default_value = "tcg", value_enum, help_heading = "Guest")]
    pub accel: Accelerator,
}

/// What runs in the guest.
#[derive(Debug)]
pub struct Job<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// The static program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where what it left in the guest's report folder goes.
    pub report: Option<PathBuf>,
    /// Keep its output to ourselves.
    pub quiet: bool,
}

/// How long a guest may take until its init runs the command: 4 s is usual, 60 s has not been seen.
const BOOT: Duration = Duration::from_mins(1);

/// Installs QEMU if it is missing, or says what to type.
pub fn ensure_qemu() -> Result<()> {
    if process::find_program(qemu::PROGRAM).is_none() {
        packages::install(&[packages::QEMU]).context("running the suite in a guest needs QEMU")?;
        ensure!(
            process::find_program(qemu::PROGRAM).is_some(),
            "running the suite in a guest needs QEMU: the package {} is installed, but {} is in no folder of PATH; \
             add its folder (usually /usr/bin) to PATH, or run on this kernel with `--kernel host`",
            packages::QEMU.name,
            qemu::PROGRAM
        );
    }
    Ok(())
}

/// Boots, runs, and returns the command's exit status.
pub fn run(workspace: &Workspace, options: &Options, job: &Job) -> Result<u8> {
    ensure_qemu()?;
    let init = suite::build_init(workspace)?;
    let scratch = scratch::create(workspace)?;
    let initrd = initramfs::write(scratch.path(), &init, job)?;
    let accelerator = options.accel.settle(workspace, job.kernel, &initrd)?;
    let memory = memory::SharedMemory::create(scratch.path())?;
    let machine = qemu::Machine {
        kernel: &job.kernel.image,
        initrd: &initrd,
        memory: &memory,
        accelerator,
        cpus: options.guest_cpus,
        megabytes: options.guest_memory,
        trial: false,
    };
    let end = console::watch(
        &machine,
        BOOT,
        Duration::from_secs(options.guest_deadline),
        if job.quiet { console::Show::Nothing } else { console::Show::Live },
    )?;
    match broken::judge(&end, &memory) {
        Ok(received) => {
            if let Some(folder) = &job.report {
                received.unpack(folder)?;
            }
            Ok(received.status())
        }
        Err(fault) => Err(broken::report(&fault, &end, job.kernel, accelerator)),
    }
}
