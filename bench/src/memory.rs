//! How much memory a recorder takes, in a process of its own.
use std::fs;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use wakeproof::case::EventName;
use wakeproof::plan::Wants;
use wakeproof::record::Tap;
use wakeproof_abi::Role;

use crate::stats::Spread;

/// Events that are stored.
const EVENTS: usize = 1_000_000;
/// They come in pieces that fit into the ring.
const PIECE: usize = 100_000;

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// Resident once the probes are armed and the whole ring has been used, over the same process before.
    pub armed: Spread,
    /// For each stored event.
    pub event: Spread,
}

/// What one child has measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Measured {
    armed: f64,
    event: f64,
}

/// Measures so often, each time in a child, so that nothing else counts.
pub fn run(times: u32) -> Result<Memory> {
    let measured = (0..times).map(|_| once()).collect::<Result<Vec<_>>>()?;
    let armed = Spread::of(measured.iter().map(|one| one.armed));
    Ok(Memory { armed, event: Spread::of(measured.iter().map(|one| one.event)) })
}

fn once() -> Result<Measured> {
    let output = Command::new("/proc/self/exe").arg("memory").stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim().to_owned());
    serde_json::from_slice(&output.stdout).context("failed to read what the child has measured")
}

/// Is that child.
pub fn child() -> Result<ExitCode> {
    let before = resident()?;
    let mut tap = Tap::attach(&[EventName::Close])?;
    let wants = Wants::seeing(&[EventName::Close], &tap.capabilities());
    tap.begin(&wants, 1).map_err(|why| anyhow!(why))?;
    Tap::join(Role::Client, 1);
    // once around the ring, and forgotten
    for _ in 0..4 {
        make();
        tap.drain();
        drop(tap.take());
    }
    let armed = resident()?;
    let mut stored = Vec::with_capacity(EVENTS + PIECE);
    while stored.len() < EVENTS {
        make();
        tap.drain();
        stored.append(&mut tap.take().events);
    }
    let held = resident()?;
    // Memory comes in pages: two of them are a hundredth of a byte for each of a million events.
    let event = ((held - armed) / f64::from(u32::try_from(stored.len())?) * 100.0).round() / 100.0;
    let memory = Measured { armed: armed - before, event };
    println!("{}", serde_json::to_string(&memory)?);
    Ok(ExitCode::SUCCESS)
}

fn make() {
    for _ in 0..PIECE {
        // SAFETY: no descriptor has this number.
        unsafe { libc::close(-1) };
    }
}

/// Resident memory of this process, in bytes.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS in /proc/self/status")?;
    let kib: u32 = line.split_whitespace().nth(1).context("no number behind VmRSS")?.parse()?;
    Ok(f64::from(kib) * 1024.0)
}
