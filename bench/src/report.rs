//! What was measured, as text and as one object.
use std::fmt::Write as _;

use serde::Serialize;

use crate::bar::{Bar, Limit};
use crate::flood::Flood;
use crate::judging::Judging;
use crate::loops::Loops;
use crate::memory::Memory;
use crate::plot;
use crate::rounds::{Arm, FULL, INSPECT, Load, READINESS, STRACE};
use crate::start::Start;
use crate::stats::Spread;

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Observers under load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// Nanoseconds for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loops: Option<Loops>,
    /// A flood and a stall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flood: Option<Flood>,
    /// Start and stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Judging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judging: Option<Judging>,
    /// A case from command to verdict, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Spread>,
}

/// A report with its bars.
#[derive(Serialize)]
pub struct WithBars<'a> {
    bars: &'a [Bar],
    #[serde(flatten)]
    report: &'a Report,
}

impl Report {
    /// The object.
    pub fn with_bars<'a>(&'a self, bars: &'a [Bar]) -> WithBars<'a> {
        WithBars { bars, report: self }
    }

    /// What must be reached, of what was measured.
    pub fn bars(&self) -> Vec<Bar> {
        let (least, most) = (Limit::AtLeast, Limit::AtMost);
        let mut bars = Vec::new();
        if let Some(load) = &self.load {
            let noise = (load.bare.throughput.relative(), load.bare.cpu.relative());
            if let Some(arm) = load.arms.get(READINESS) {
                bars.push(Bar::new("3 probes: throughput", arm.throughput.median, (least, 0.85), noise.0, "of bare"));
                bars.push(Bar::new("3 probes: CPU per request", arm.cpu.median, (most, 1.2), noise.1, "times bare"));
                if let Some(strace) = load.arms.get(STRACE) {
                    // Below the noise of a bare window nothing is known of what was added.
                    let floor = noise.1 * 1e6 * load.bare_cpu();
                    let ratio = strace.added.median / arm.added.median.max(floor).max(0.01);
                    bars.push(Bar::new(
                        "3 probes: CPU added by strace against ours",
                        ratio,
                        (least, 15.0),
                        noise.1,
                        "times",
                    ));
                }
            }
            if let Some(arm) = load.arms.get(FULL) {
                bars.push(Bar::new("full set: throughput", arm.throughput.median, (least, 0.65), noise.0, "of bare"));
                bars.push(Bar::new("full set: all CPU", arm.all_cpu.median, (most, 1.6), noise.1, "times bare"));
            }
            if let Some(arm) = load.arms.get(INSPECT) {
                bars.push(Bar::new(
                    "inspect --pid: throughput",
                    arm.throughput.median,
                    (least, 0.85),
                    noise.0,
                    "of bare",
                ));
            }
            let lost = |name: &str| load.arms.get(name).and_then(|arm| arm.lost).unwrap_or(0);
            bars.push(Bar::new(
                "loss under load",
                whole(lost(READINESS) + lost(FULL) + lost(INSPECT)),
                (most, 0.0),
                0.0,
                "events",
            ));
        }
        if let Some(flood) = &self.flood {
            bars.push(Bar::new("loss in a flood with a stall", whole(flood.lost), (most, 0.0), 0.0, "events"));
        }
        if let Some(loops) = &self.loops {
            let bar = |name, of: &Spread, limit| Bar::new(name, of.median, (most, limit), of.relative(), "ns");
            bars.push(bar("an event in the kernel, single", &loops.single, 300.0));
            bars.push(bar("an event in the kernel, amortised", &loops.amortised, 110.0));
            bars.push(bar("an event in the reader", &loops.consumer, 40.0));
        }
        if let Some(start) = &self.start {
            bars.push(Bar::new(
                "start to first probe",
                start.armed.median,
                (most, 100.0),
                start.armed.relative(),
                "ms",
            ));
            bars.push(Bar::new("stop", start.gone.median, (most, 20.0), start.gone.relative(), "ms"));
        }
        if let Some(memory) = &self.memory {
            bars.push(Bar::new(
                "memory over an empty run",
                memory.armed.median / f64::from(1 << 20),
                (most, 48.0),
                memory.armed.relative(),
                "MiB",
            ));
            bars.push(Bar::new(
                "memory of a stored event",
                memory.event.median,
                (most, 64.0),
                memory.event.relative(),
                "B",
            ));
        }
        if let Some((_, nanos)) = self.judging.as_ref().and_then(|judging| judging.sizes.last()) {
            bars.push(Bar::new("judging an event", *nanos, (most, 100.0), 0.0, "ns"));
        }
        if let Some(case) = &self.case {
            bars.push(Bar::new("a case from command to verdict", case.median, (most, 500.0), case.relative(), "ms"));
        }
        bars
    }

    /// Tables for a terminal.
    pub fn text(&self, bars: &[Bar]) -> String {
        let mut out = String::new();
        if let Some(load) = &self.load {
            out += &observers(load);
        }
        if let Some(judging) = &self.judging {
            let sizes = judging.sizes.iter().map(|(events, nanos)| format!("{events} events {nanos:.0} ns each"));
            _ = writeln!(out, "judging     {}\n", sizes.collect::<Vec<_>>().join(", "));
        }
        if let Some(loops) = &self.loops {
            let Loops { single, amortised, interrupts, .. } = loops;
            _ = writeln!(
                out,
                "an event    {:.0} ns by itself, {:.0} ns as one of 64 of one run, {:.0} ns with a soft interrupt and a run each\n",
                single.median, amortised.median, interrupts.median
            );
        }
        if let Some(flood) = &self.flood {
            let Flood { made, delivered, lost, rate, .. } = flood;
            _ = writeln!(out, "flood       {made} calls at {rate:.0}/s: {delivered} came, {lost} lost\n");
        }
        _ = writeln!(out, "{:<44} {:>10} {:>12} {:>8}", "bar", "measured", "bar", "spread");
        for bar in bars {
            let sign = if bar.limit == Limit::AtLeast { "≥" } else { "≤" };
            let held = if bar.held { "held" } else { "MISSED" };
            _ = writeln!(
                out,
                "{:<44} {:>10.2} {sign}{:>11.2} {:>7.0}% {held:<7} {}",
                bar.name,
                bar.measured,
                bar.reach,
                bar.spread * 100.0,
                bar.unit
            );
        }
        out + "\n" + &plot::text(bars)
    }
}

impl Load {
    /// Seconds of processor time for a request, bare: what the added time is a share of.
    fn bare_cpu(&self) -> f64 {
        // of the ratios and the differences of any arm
        let arm = self.arms.values().find(|arm| arm.cpu.median > 1.01);
        arm.map_or(0.0, |arm| arm.added.median / (arm.cpu.median - 1.0) / 1e6)
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn whole(number: u64) -> f64 {
    number as f64
}

fn observers(load: &Load) -> String {
    let mut out = format!(
        "{} connections, windows of {} ms, bare {:.0} requests/s (quartiles {:.0} to {:.0})\n\n",
        load.connections, load.window, load.bare_throughput.median, load.bare_throughput.p25, load.bare_throughput.p75
    );
    _ = writeln!(
        out,
        "{:<24} {:>5} {:>18} {:>18} {:>9} {:>9} {:>10} {:>6}",
        "observer", "pairs", "throughput", "CPU/request", "all CPU", "added µs", "events/s", "lost"
    );
    let row = |name: &str, arm: &Arm| {
        let spread = |of: &Spread| format!("{:.2} ({:.2}-{:.2})", of.median, of.p25, of.p75);
        let events = arm.events.map_or_else(|| "-".to_owned(), |events| format!("{events:.0}"));
        let lost = arm.lost.map_or_else(|| "-".to_owned(), |lost| lost.to_string());
        format!(
            "{name:<24} {:>5} {:>18} {:>18} {:>9.2} {:>9.2} {events:>10} {lost:>6}\n",
            arm.throughput.of,
            spread(&arm.throughput),
            spread(&arm.cpu),
            arm.all_cpu.median,
            arm.added.median,
        )
    };
    out += &row("bare against bare", &load.bare);
    for (name, arm) in &load.arms {
        out += &row(name, arm);
    }
    for (name, why) in &load.not_run {
        _ = writeln!(out, "{name:<24} not run: {why}");
    }
    out + "\n"
}
