//! The first process of a guest kernel: makes it a place to work in, runs the command, sends its report back, and leaves.

use std::{fs, io::Write as _, path::Path};

use anyhow::{Context as _, Result};
use shared_memory::Channel;
use wakeproof_init::{ARGUMENTS, MARKER, REPORT, RUNNING, TRIAL, channel::Ending};

mod command;
mod console;
mod exit;
mod files;
mod report;
mod shared_memory;
mod surroundings;

fn main() -> ! {
    let ending = run().unwrap_or_else(|error| {
        say(&format!("init failed: {error:#}"));
        // The reason is on the console; the channel may be what failed.
        let _ = Channel::open().map(|channel| channel.send(Ending::InitFailed));
        Ending::InitFailed
    });
    exit::leave(ending)
}

/// Everything between boot and exit.
fn run() -> Result<Ending> {
    // Before anything can fail: without /proc and /dev nobody would hear of it.
    surroundings::mount_all()?;
    console::set_up().context("failed to set up the console")?;
    if fs::read_to_string("/proc/cmdline").is_ok_and(|line| line.split_whitespace().any(|word| word == TRIAL)) {
        Channel::open()?.send(Ending::Exited(0));
        return Ok(Ending::Exited(0));
    }
    surroundings::tune()?;
    surroundings::load_modules()?;
    fs::create_dir_all(REPORT).context("failed to create the report folder")?;
    let files = files::show()?;
    let arguments = command::strings(ARGUMENTS)?;
    say(&format!("{MARKER}{RUNNING}"));

    let ending = command::run(&arguments, files.as_ref())?;
    if let Some(files) = &files {
        files.report_written(&arguments)?;
    }
    let channel = Channel::open().context("failed to open the channel to the host")?;
    let (channel, left_out) = report::pack(Path::new(REPORT), channel).context("failed to pack the report")?;
    for path in left_out {
        say(&format!("left out of the report, for which the channel to the host is too small: {}", path.display()));
    }
    channel.send(ending);
    Ok(ending)
}

/// A line on the console, heard or not.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
