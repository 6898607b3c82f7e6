//! Runs the command and reaps whatever it leaves behind.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Read},
    os::{
        fd::AsFd as _,
        unix::{ffi::OsStrExt as _, process::ExitStatusExt as _},
    },
    process::{Command, ExitStatus, Stdio},
    thread,
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::{
        signal::{self, Signal},
        termios,
        wait::{self, WaitStatus},
    },
    unistd::Pid,
};
use wakeproof_init::{ENVIRONMENT, PROGRAM, channel::Ending};

use crate::{console, files::Files};

/// Runs the command to its end, and with it everything that it started.
pub fn run(arguments: &[OsString], files: Option<&Files>) -> Result<Ending> {
    let mut command = match files {
        None => {
            let mut command = Command::new(PROGRAM);
            command.current_dir("/tmp").env_clear().env("PATH", "/bin:/sbin:/usr/bin:/usr/sbin").env("HOME", "/tmp");
            command
        }
        Some(files) => files.command()?,
    };
    command
        .args(arguments)
        // Pipes, not the serial lines: a serial line is a terminal, and programs draw progress bars on terminals.
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for pair in strings(ENVIRONMENT)? {
        if let Some(at) = pair.as_bytes().iter().position(|byte| *byte == b'=') {
            let (name, value) = pair.as_bytes().split_at(at);
            command.env(OsStr::from_bytes(name), OsStr::from_bytes(&value[1..]));
        }
    }
    let mut child = command.spawn().with_context(|| format!("failed to start {PROGRAM}"))?;
    let output = copy(child.stdout.take().expect("piped"), console::output()?);
    let console = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let errors = copy(child.stderr.take().expect("piped"), console);

    let ending = wait_for(Pid::from_raw(child.id().cast_signed()))?;
    // What the command left running holds the pipes open.
    let _ = signal::kill(Pid::from_raw(-1), Signal::SIGKILL);
    while !matches!(wait::waitpid(None::<Pid>, None), Err(Errno::ECHILD)) {}
    for thread in [output, errors] {
        let _ = thread.join();
    }
    Ok(ending)
}

/// Waits for this child, and as the first process for every orphan too.
fn wait_for(child: Pid) -> Result<Ending> {
    loop {
        match wait::waitpid(None::<Pid>, None) {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => {
                return Ok(Ending::Exited(u8::try_from(status).unwrap_or(u8::MAX)));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(ending_of(ExitStatus::from_raw(signal as i32)));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("failed to wait for the command"),
        }
    }
}

/// A death by signal, in the channel's words.
fn ending_of(status: ExitStatus) -> Ending {
    Ending::Killed(u8::try_from(status.signal().unwrap_or(0)).unwrap_or(0))
}

/// Copies until the pipe ends, then waits until the serial line has sent everything.
fn copy(mut from: impl Read + Send + 'static, mut to: File) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = termios::tcdrain(&to);
    })
}

/// The strings of a file, each ended by a NUL.
pub fn strings(path: &str) -> Result<Vec<OsString>> {
    let bytes = fs::read(path).with_context(|| format!("failed to read {path}"))?;
    Ok(split(&bytes))
}

fn split(bytes: &[u8]) -> Vec<OsString> {
    let mut parts: Vec<_> = bytes.split(|byte| *byte == 0).map(|part| OsStr::from_bytes(part).to_owned()).collect();
    // What follows the last NUL is nothing.
    parts.pop();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_strings_count() {
        assert_eq!(split(b""), Vec::<OsString>::new());
        assert_eq!(split(b"test\0\0--list\0"), ["test", "", "--list"]);
    }
}
