//! Runs the `wakeproof` command in a guest: a kernel of our choice under QEMU, with the command in its initramfs.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{kernels::Kernel, packages, process, scratch, suite, workspace::Workspace};

pub mod accelerator;
mod broken;
mod console;
mod files;
mod initramfs;
mod memory;
mod newc;
mod qemu;
mod room;

pub use accelerator::Accelerator;
pub use broken::Broken;
pub use console::Show;
pub use room::beside;

/// How the guest is made.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "guest")]
pub struct Options {
    /// Virtual CPUs: one is the steadiest, two are for cases that need true concurrency
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Guest")]
    pub guest_cpus: u32,
    /// Memory in MiB
    // With less, kernels stop or hang without a word, and nothing can be said of why.
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(128..), help_heading = "Guest")]
    pub guest_memory: u32,
    /// How long the guest may take to boot, in seconds: 4 are usual
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Guest")]
    pub guest_boot: u64,
    /// How long the command may run in the guest, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30 * 60, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Guest")]
    pub guest_deadline: u64,
    /// How QEMU runs the guest: `auto` uses KVM where a guest has really booted with it
    #[arg(long, value_name = "HOW", default_value = "auto", value_enum, help_heading = "Guest")]
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
    /// The folder of this machine that it works in, among all of this machine's files, which it may only read.
    pub folder: Option<PathBuf>,
    /// What to do with its output.
    pub show: Show<'a>,
}

/// How a job ended that came to its end.
#[derive(Debug)]
pub struct Ended {
    /// The command's exit status.
    pub status: u8,
    /// The last lines of the console.
    pub console: Vec<String>,
}

/// Everything that guests need beside their jobs.
#[derive(Debug)]
pub struct Guests<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    init: PathBuf,
}

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

impl<'a> Guests<'a> {
    /// Installs and builds what is missing.
    pub fn ready(workspace: &'a Workspace, options: &'a Options) -> Result<Self> {
        ensure_qemu()?;
        Ok(Self { workspace, options, init: suite::build_init(workspace)? })
    }

    /// Boots, runs, and returns the command's exit status. A guest that broke is an error that holds a [`Broken`].
    pub fn run(&self, job: &Job) -> Result<Ended> {
        let scratch = scratch::create(self.workspace)?;
        let initrd = initramfs::write(scratch.path(), &self.init, job)?;
        let accelerator = self.options.accel.settle(self.workspace, job.kernel, &initrd)?;
        let memory = memory::SharedMemory::create(scratch.path())?;
        let files = job.folder.is_some().then(|| files::Files::serve(scratch.path())).transpose()?;
        let machine = qemu::Machine {
            kernel: &job.kernel.image,
            initrd: &initrd,
            memory: &memory,
            files: files.as_ref(),
            accelerator,
            cpus: self.options.guest_cpus,
            megabytes: self.options.guest_memory,
            trial: false,
        };
        let boot = Duration::from_secs(self.options.guest_boot);
        let mut end = console::watch(&machine, boot, Duration::from_secs(self.options.guest_deadline), job.show)?;
        end.console.extend(files.iter().flat_map(files::Files::said));
        match broken::judge(&end, &memory) {
            Ok(received) => {
                if let Some(folder) = &job.report {
                    received.unpack(folder)?;
                }
                Ok(Ended { status: received.status(), console: broken::last(&end) })
            }
            Err(fault) => Err(broken::report(fault, &end, job.kernel, accelerator).into()),
        }
    }
}
