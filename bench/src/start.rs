//! From nothing to the first probe, and from a command to a verdict.
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Serialize;
use wakeproof::plan::Wants;
use wakeproof::record::Tap;

use crate::observer::Set;
use crate::stats::Spread;

/// The case that is timed.
const CASE: &str = "epoll/edge-triggered-wakes-once-per-arrival";

/// Milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Start {
    /// From nothing to armed probes.
    pub armed: Spread,
    /// From armed probes to nothing.
    pub gone: Spread,
    /// `bpftrace` with one probe, from command to end; none if it cannot run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bpftrace: Option<Spread>,
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Attaches and detaches so often.
pub fn run(times: u32) -> Result<Start> {
    let (mut start, mut stop, mut bpftrace) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        let started = Instant::now();
        let mut tap = Tap::attach(Set::Readiness.events())?;
        let wants = Wants::seeing(Set::Readiness.events(), &tap.capabilities());
        tap.begin(&wants, 1).map_err(|why| anyhow!(why))?;
        start.push(millis(started));
        let started = Instant::now();
        drop(tap);
        stop.push(millis(started));
        let started = Instant::now();
        let program = "tracepoint:syscalls:sys_exit_epoll_wait { @ = count(); } BEGIN { exit(); }";
        let mut peer = Command::new("bpftrace");
        peer.args(["-e", program]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if peer.status().is_ok_and(|status| status.success()) {
            bpftrace.push(millis(started));
        }
    }
    Ok(Start {
        armed: Spread::of(start),
        gone: Spread::of(stop),
        bpftrace: (!bpftrace.is_empty()).then(|| Spread::of(bpftrace)),
    })
}

/// One case from command to verdict, in milliseconds. The first run is thrown away.
pub fn case(wakeproof: &Path, times: u32) -> Result<Spread> {
    let mut took = Vec::new();
    for round in 0..=times {
        let started = Instant::now();
        let output = Command::new(wakeproof).args(["test", "--exact", CASE]).stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("failed to start {}", wakeproof.display()))?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        if round > 0 {
            took.push(millis(started));
        }
    }
    Ok(Spread::of(took))
}
