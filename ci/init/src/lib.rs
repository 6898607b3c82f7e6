//! What a guest and its host say to each other: paths in the initramfs, lines on the console, and the channel back.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

pub mod channel;

/// The command that the guest runs.
pub const PROGRAM: &str = "/wakeproof";
/// Its arguments, each ended by a NUL.
pub const ARGUMENTS: &str = "/arguments";
/// Its environment, `NAME=VALUE`, each ended by a NUL.
pub const ENVIRONMENT: &str = "/environment";
/// What the path of each kernel module begins with; they are loaded in the order of their names.
pub const MODULES: &str = "/module-";
/// If it is there, the command sees the host's files, and this is the host's folder that it works in.
pub const FOLDER: &str = "/folder";
/// The tag of the device that has the host's files.
pub const FILES_TAG: &str = "host";
/// Where a command that sees the host's files finds itself and the report folder.
pub const OURS: &str = "/run/wakeproof";
/// The folder whose contents travel back to the host.
pub const REPORT: &str = "/report";
/// Starts each console line that is for the host program rather than for the user.
pub const MARKER: &str = "\u{1e}wakeproof-init: ";
/// The marked line that says the guest has booted and the command starts.
pub const RUNNING: &str = "running";
/// A word on the kernel's command line: leave at once, to show that this kernel boots under this accelerator.
pub const TRIAL: &str = "wakeproof.trial";
/// The port of QEMU's `isa-debug-exit`.
pub const EXIT_PORT: u16 = 0xf4;

/// The byte to write to [`EXIT_PORT`] for an exit status: QEMU makes `(n << 1) | 1` of it, in eight bits.
pub fn exit_byte(status: u8) -> u8 {
    status.min(0x7f)
}

/// The exit status of QEMU after the guest wrote [`exit_byte`] of `status`.
pub fn qemu_status(status: u8) -> u8 {
    (exit_byte(status) << 1) | 1
}

/// The file of the report folder that is what the command has written into the file which that argument names.
pub fn written(argument: usize) -> String {
    format!("argument-{argument}")
}

/// The path that an argument may name, as `PATH` or `--option=PATH`.
pub fn named(argument: &OsStr) -> &Path {
    let bytes = argument.as_bytes();
    let value = bytes.starts_with(b"--").then(|| bytes.splitn(2, |byte| *byte == b'=').nth(1)).flatten();
    Path::new(OsStr::from_bytes(value.unwrap_or(bytes)))
}

/// The arguments in front of the server's own command line, by place: only what those name is the command's to write.
pub fn ours(arguments: &[OsString]) -> impl Iterator<Item = (usize, &OsString)> {
    arguments.iter().enumerate().take_while(|(_, argument)| *argument != "--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_survives_qemus_arithmetic_as_far_as_seven_bits_go() {
        assert_eq!(qemu_status(0), 1);
        assert_eq!(qemu_status(101), 203);
        assert_eq!(qemu_status(255), qemu_status(127));
    }

    #[test]
    fn arguments_name_files_in_two_spellings() {
        assert_eq!(named(OsStr::new("a=b.yaml")), Path::new("a=b.yaml"));
        assert_eq!(named(OsStr::new("--save=a=b.json")), Path::new("a=b.json"));
        assert_eq!(named(OsStr::new("--save")), Path::new("--save"));
    }

    #[test]
    fn what_the_server_is_told_names_no_file_of_ours() {
        let arguments = ["inspect", "--save", "x", "--", "server", "y"].map(OsString::from);
        let places: Vec<usize> = ours(&arguments).map(|(place, _)| place).collect();
        assert_eq!(places, [0, 1, 2]);
    }
}
