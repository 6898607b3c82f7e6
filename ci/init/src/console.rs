//! The two serial lines: the first carries the kernel's and this program's messages and the command's standard error,
//! the second the command's standard output and nothing else.

use std::{
    fs::{File, OpenOptions},
    os::fd::AsFd,
};

use anyhow::{Context as _, Result};
use nix::{sys::termios, unistd};

/// The line of the command's standard output.
const OUTPUT: &str = "/dev/ttyS1";
/// The kernel's console.
const CONSOLE: &str = "/dev/ttyS0";

/// Makes the console this process's three standard descriptors: the kernel opened none, since the initramfs has no /dev/console.
pub fn set_up() -> Result<()> {
    let console = open(CONSOLE)?;
    unistd::dup2_stdin(console.as_fd())?;
    unistd::dup2_stdout(console.as_fd())?;
    unistd::dup2_stderr(console.as_fd())?;
    Ok(())
}

/// The line of the command's standard output.
pub fn output() -> Result<File> {
    open(OUTPUT)
}

/// Opens a serial line, told to change no byte.
fn open(path: &str) -> Result<File> {
    let line =
        OpenOptions::new().read(true).write(true).open(path).with_context(|| format!("failed to open {path}"))?;
    let mut settings = termios::tcgetattr(&line).with_context(|| format!("failed to read the settings of {path}"))?;
    termios::cfmakeraw(&mut settings);
    termios::tcsetattr(&line, termios::SetArg::TCSANOW, &settings)
        .with_context(|| format!("failed to make {path} raw"))?;
    Ok(line)
}
