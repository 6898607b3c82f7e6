//! Rounds of pairs: a bare window, then directly an observed one, on the same server.
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::Options;
use crate::echo::{Server, Window};
use crate::observer::{Inspect, Observer, Own, Set, TOOLS, Watched};
use crate::stats::Spread;

/// The arm that records what a readiness case wants.
pub const READINESS: &str = "wakeproof, 3 probes";
/// The arm that records everything.
pub const FULL: &str = "wakeproof, full set";
/// The arm that watches the server as any other is watched.
pub const INSPECT: &str = "wakeproof inspect --pid";
/// The tool that the bars compare with.
pub const STRACE: &str = "strace epoll_wait";

/// What the load showed.
#[derive(Clone, Debug, Serialize)]
pub struct Load {
    /// Connections.
    pub connections: u16,
    /// A window, in milliseconds.
    pub window: u64,
    /// One bare window against the next.
    pub bare: Arm,
    /// Answered requests in a second, bare.
    pub bare_throughput: Spread,
    /// Each observer, by name.
    pub arms: BTreeMap<String, Arm>,
    /// Who could not be run, and why.
    pub not_run: BTreeMap<String, String>,
}

/// Observed against bare.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Arm {
    /// Throughput, as a share of bare.
    pub throughput: Spread,
    /// Processor time of server and client for a request, times bare.
    pub cpu: Spread,
    /// The same with the observer's own.
    pub all_cpu: Spread,
    /// Processor time added to a request, in microseconds.
    pub added: Spread,
    /// Events that were recorded in a second.
    pub events: Option<f64>,
    /// Events that were recorded and lost, all windows together.
    pub recorded: u64,
    /// See `recorded`.
    pub lost: Option<u64>,
}

/// One pair.
struct Pair {
    bare: Window,
    observed: Window,
    watched: Watched,
}

/// Measures all observers that there are.
pub fn run(options: &Options) -> Result<Load> {
    let token = std::hash::RandomState::new().build_hasher().finish() | 1;
    let mut observers: Vec<Box<dyn Observer>> =
        vec![Box::new(Own::new(READINESS, Set::Readiness, token)), Box::new(Own::new(FULL, Set::Full, token))];
    let mut not_run = BTreeMap::new();
    match &options.wakeproof {
        Some(wakeproof) => observers.push(Box::new(Inspect::new(INSPECT, wakeproof, options.window()))),
        None => _ = not_run.insert(INSPECT.to_owned(), "the command is not given (--wakeproof)".to_owned()),
    }
    let ours = observers.len();
    for tool in TOOLS {
        match tool.lacks() {
            None => observers.push(Box::new(tool.observer())),
            Some(why) => _ = not_run.insert(tool.name.to_owned(), why),
        }
    }
    let progress = bar(u64::from(options.pairs) * observers.len() as u64);
    let mut pairs: BTreeMap<String, Vec<Pair>> = BTreeMap::new();
    let mut bares: Vec<Window> = Vec::new();
    for round in 0..options.pairs {
        let mut order: Vec<usize> = (0..observers.len()).collect();
        fastrand::shuffle(&mut order);
        for place in order {
            let observer = observers[place].as_mut();
            progress.set_message(format!("round {} of {}: {}", round + 1, options.pairs, observer.name()));
            let name = observer.name().to_owned();
            progress.inc(1);
            if not_run.contains_key(&name) {
                continue;
            }
            match pair(observer, token, options) {
                Ok(pair) => {
                    bares.push(pair.bare);
                    pairs.entry(name).or_default().push(pair);
                }
                // A tool of others that does not work here is no failure of ours.
                Err(why) if place >= ours => _ = not_run.insert(name, format!("{why:#}")),
                Err(why) => return Err(why.context(name)),
            }
        }
    }
    progress.finish_and_clear();
    pairs.retain(|name, _| !not_run.contains_key(name));
    Ok(Load {
        connections: options.connections,
        window: options.window,
        bare: between(&bares),
        bare_throughput: Spread::of(bares.iter().map(Window::throughput)),
        arms: pairs.into_iter().map(|(name, pairs)| (name, arm(&pairs))).collect(),
        not_run,
    })
}

fn pair(observer: &mut dyn Observer, token: u64, options: &Options) -> Result<Pair> {
    let server = Server::start(token)?;
    let mut client = server.connect(options.connections)?;
    // The first window of a server warms it up, and is thrown away.
    client.run(&server, options.window() / 10)?;
    let bare = client.run(&server, options.window())?;
    observer.begin(&server).context("failed to begin")?;
    let under_watch = client.run(&server, options.window());
    let watched = observer.end().context("failed to end")?;
    Ok(Pair { bare, observed: under_watch?, watched })
}

/// Bare windows against the bare ones that follow.
fn between(bares: &[Window]) -> Arm {
    let pairs: Vec<Pair> =
        bares.windows(2).map(|two| Pair { bare: two[0], observed: two[1], watched: Watched::default() }).collect();
    arm(&pairs)
}

fn arm(pairs: &[Pair]) -> Arm {
    let ratios = |ratio: &dyn Fn(&Pair) -> f64| Spread::of(pairs.iter().map(ratio));
    let seconds: f64 = pairs.iter().map(|pair| pair.observed.wall.as_secs_f64()).sum();
    let recorded: u64 = pairs.iter().filter_map(|pair| pair.watched.events).sum();
    let counts = pairs.iter().any(|pair| pair.watched.events.is_some());
    Arm {
        throughput: ratios(&|pair| pair.observed.throughput() / pair.bare.throughput()),
        cpu: ratios(&|pair| pair.observed.cpu_per_request() / pair.bare.cpu_per_request()),
        all_cpu: ratios(&|pair| all_cpu(pair) / pair.bare.cpu_per_request()),
        added: ratios(&|pair| pair.observed.cpu_per_request() - pair.bare.cpu_per_request()),
        events: counts.then(|| per(recorded, seconds)),
        recorded,
        lost: pairs.iter().map(|pair| pair.watched.lost).sum(),
    }
}

fn all_cpu(pair: &Pair) -> f64 {
    pair.observed.cpu_per_request() + pair.watched.cpu / per(pair.observed.requests.max(1), 1.0)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per(number: u64, seconds: f64) -> f64 {
    number as f64 / seconds
}

/// A bar on standard error, if somebody looks.
pub fn bar(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta:>4} {wide_msg}");
    ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn window(requests: u64, micros: u64) -> Window {
        Window { requests, wall: Duration::from_secs(1), cpu: Duration::from_micros(micros) }
    }

    #[test]
    fn an_arm_is_made_of_ratios_to_the_bare_window_before() {
        let pair = Pair {
            bare: window(1000, 10_000),
            observed: window(800, 12_000),
            watched: Watched { cpu: 800.0, events: Some(1600), lost: Some(0) },
        };
        let arm = arm(&[pair]);
        assert!((arm.throughput.median - 0.8).abs() < 1e-9);
        assert!((arm.cpu.median - 1.5).abs() < 1e-9, "15 µs where there were 10");
        assert!((arm.all_cpu.median - 1.6).abs() < 1e-9);
        assert!((arm.added.median - 5.0).abs() < 1e-9);
        assert_eq!((arm.events, arm.recorded, arm.lost), (Some(1600.0), 1600, Some(0)));
    }
}
