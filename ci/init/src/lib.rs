//! What a guest and its host say to each other: paths in the initramfs, lines on the console, and the channel back.

pub mod channel;

/// The command that the guest runs.
pub const PROGRAM: &str = "/wakeproof";
/// Its arguments, each ended by a NUL.
pub const ARGUMENTS: &str = "/arguments";
/// Its environment, `NAME=VALUE`, each ended by a NUL.
pub const ENVIRONMENT: &str = "/environment";
/// What the path of each kernel module begins with.
pub const MODULES: &str = "/module-";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_survives_qemus_arithmetic_as_far_as_seven_bits_go() {
        assert_eq!(qemu_status(0), 1);
        assert_eq!(qemu_status(101), 203);
        assert_eq!(qemu_status(255), qemu_status(127));
    }
}
