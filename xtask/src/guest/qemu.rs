//! The QEMU process: its command line, and that it never outlives us.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use wakeproof_init::{EXIT_PORT, TRIAL};

use super::{
    accelerator::Engine,
    files::{self, Files},
    memory::SharedMemory,
};
use crate::process;

/// What we run.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// `quiet` keeps ordinary kernel messages off the console; `panic=-1` leaves at once, and QEMU with it by `-no-reboot`.
/// 5.10 has no `bpf` in its default list of security modules, so it is named here.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1 lsm=landlock,lockdown,yama,integrity,apparmor,bpf";

/// One guest.
#[derive(Debug)]
pub struct Machine<'a> {
    /// The kernel's image.
    pub kernel: &'a Path,
    /// Its initramfs.
    pub initrd: &'a Path,
    /// The channel back.
    pub memory: &'a SharedMemory,
    /// The host's files, if it sees them.
    pub files: Option<&'a Files>,
    /// Emulation or KVM.
    pub accelerator: Engine,
    /// Virtual CPUs.
    pub cpus: u32,
    /// Memory in MiB.
    pub megabytes: u32,
    /// Only show that it boots.
    pub trial: bool,
}

impl Machine<'_> {
    /// Starts the guest. Standard output carries the command's output, standard error everything else.
    ///
    /// Must be called by a thread that lives as long as the guest: the kernel ends the guest with its parent *thread*.
    pub fn start(&self) -> Result<Child> {
        let mut command = Command::new(PROGRAM);
        command.args(self.arguments()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Even a killed xtask leaves no guest behind.
        process::end_with_us(&mut command);
        if let Some(files) = self.files {
            files.connect(&mut command);
        }
        command.spawn().with_context(|| format!("failed to start {PROGRAM}"))
    }

    fn arguments(&self) -> Vec<String> {
        let mut command_line = COMMAND_LINE.to_owned();
        if self.trial {
            command_line.push(' ');
            command_line.push_str(TRIAL);
        }
        let (accelerator, cpu) = self.accelerator.words();
        let shared = format!(
            "memory-backend-file,id=channel,share=on,mem-path={},size={}",
            escaped(self.memory.path()),
            wakeproof_init::channel::SIZE
        );
        let exit = format!("isa-debug-exit,iobase={EXIT_PORT:#x},iosize=1");
        let mut machine = format!("q35,accel={accelerator}");
        let files = self.files.map(|files| files.arguments(self.megabytes)).unwrap_or_default();
        if self.files.is_some() {
            machine.push_str(files::MACHINE);
        }
        let (cpus, megabytes) = (self.cpus.to_string(), self.megabytes.to_string());
        let (kernel, initrd) = (self.kernel.to_string_lossy(), self.initrd.to_string_lossy());
        let words = [
            ["-machine", &machine],
            ["-cpu", cpu],
            ["-smp", &cpus],
            ["-m", &megabytes],
            ["-display", "none"],
            // The kernel's console, then the command's output: two lines, so that neither spoils the other.
            ["-chardev", "file,id=console,path=/proc/self/fd/2"],
            ["-serial", "chardev:console"],
            ["-chardev", "file,id=output,path=/proc/self/fd/1"],
            ["-serial", "chardev:output"],
            ["-device", &exit],
            ["-object", &shared],
            ["-device", "ivshmem-plain,memdev=channel"],
            ["-kernel", &kernel],
            ["-initrd", &initrd],
            ["-append", &command_line],
        ];
        let words = ["-nodefaults", "-no-reboot"].into_iter().chain(words.into_iter().flatten());
        words.map(str::to_owned).chain(files).collect()
    }
}

/// A path as QEMU's option parser wants it: a comma is written twice.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_paths_do_not_end_an_option() {
        assert_eq!(escaped(Path::new("/a,b/c")), "/a,,b/c");
    }
}
