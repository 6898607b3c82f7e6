//! What judging costs: a real recording, its events repeated until there are many.
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Serialize;
use wakeproof::judge::judge;
use wakeproof::load::load;
use wakeproof::plan::plan;
use wakeproof::record::{Cancel, Deadlines, Probes, Recorder};
use wakeproof::recording::Recording;

/// Sizes, in events.
const SIZES: [usize; 3] = [100_000, 1_000_000, 10_000_000];

/// A case with a filter, a count and a join by connection.
const CASE: &str = "\
title: Each request is announced and read
wiring: near, far
with: {times: 100}
steps:
  - tcp_pair: {as: [near, far]}
  - repeat:
      times: '${times}'
      steps:
        - write: {on: near, bytes: 1}
        - read: {on: far, bytes: 1}
measure:
  announced: {count: {of: sk_data_ready, only: {on: far}}}
  reads: {count: {of: read, only: {on: far, where: 'ret == 1'}}}
  pairs: {chain: {of: [sk_data_ready, read], on: far}}
expect: {each is announced and read: announced >= times && reads >= times}
control: {title: One is missing, with: {times: 99}, must_fail: [each is announced and read]}
";

/// Nanoseconds for an event, at each size.
#[derive(Clone, Debug, Serialize)]
pub struct Judging {
    /// How many events, and the nanoseconds for each.
    pub sizes: Vec<(usize, f64)>,
}

/// Records once, and judges at each size.
pub fn run() -> Result<Judging> {
    let case = load("bench/judging", CASE).map_err(|wrong| anyhow!(wrong.to_string()))?;
    let mut recorder = Recorder::new(Ok(Probes::attach()?), Deadlines::default(), Cancel::default());
    let plan = plan(&case, &recorder.capabilities());
    let recording = recorder.record(&plan);
    drop(recorder);
    let mut sizes = Vec::new();
    for size in SIZES {
        let large = repeated(&recording, size)?;
        let events: usize = large.runs.iter().map(|run| run.events.len()).sum();
        let started = Instant::now();
        let verdict = judge(&case, &large);
        let nanos = started.elapsed().as_secs_f64() * 1e9;
        ensure!(!verdict.expectations.is_empty(), "nothing was judged: {}", verdict.reason.unwrap_or_default());
        sizes.push((events, nanos / f64::from(u32::try_from(events)?)));
    }
    Ok(Judging { sizes })
}

/// The subject's events again and again, each time later, until there are so many.
fn repeated(recording: &Recording, size: usize) -> Result<Recording> {
    let mut large = recording.clone();
    let run = large.runs.first_mut().context("nothing was recorded")?;
    let start = run.head.marks.iter().find(|mark| mark.name == "start").context("no mark")?.time;
    let end = run.head.marks.last().context("no mark")?.time;
    let load: Vec<_> = run.events.iter().filter(|event| event.time > start && event.time < end).copied().collect();
    ensure!(!load.is_empty(), "nothing was recorded under load");
    let mut shift = 0;
    while run.events.len() < size {
        shift += end - start;
        run.events.extend(load.iter().copied().map(|mut event| {
            event.time += shift;
            event
        }));
    }
    run.events.sort_by_key(|event| event.time);
    if let Some(last) = run.head.marks.last_mut() {
        last.time += shift;
    }
    run.head.events = run.events.len();
    Ok(large)
}
