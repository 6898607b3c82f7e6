//! What is said of a server: for people, and as JSON.
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calls;
use super::facts::Facts;
use super::hazards::{self, Hazard, Severity};
use super::measures::Measures;
use super::model::{Axis, Certainty, Model};
use super::observation::Observation;
use crate::render::paint::{BAD, BOLD, DIM, DOUBT, GOOD, NAME, paint};

/// Everything that is said of one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The command, or the process.
    pub server: String,
    /// `uname -r`.
    pub kernel: String,
    /// The protocol of the load; none if the load was the user's.
    pub protocol: Option<String>,
    /// Ports on which it listens.
    pub ports: Vec<u16>,
    /// The three axes.
    pub model: Model,
    /// What is wrong, the worst first.
    pub hazards: Vec<Hazard>,
    /// What a request costs.
    pub measures: Measures,
    /// The threads that took part.
    pub threads: Vec<ThreadLine>,
    /// What could not be seen.
    pub blind: Vec<String>,
    /// Records that were lost: then counts are too low, and nothing is known never to have happened.
    #[serde(default)]
    pub lost: u64,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadLine {
    /// Its process.
    pub pid: u32,
    /// Itself.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// Connections it accepted.
    pub accepted: u32,
    /// Connections it served.
    pub served: usize,
    /// Its wait calls, with how many reported something, and nothing.
    pub waits: Vec<String>,
    /// What it slept in while the server was left alone.
    pub sleeps: Vec<String>,
}

impl Report {
    /// What follows from an observation.
    pub fn of(observation: &Observation) -> Self {
        let facts = Facts::of(observation);
        let mut blind = observation.blind.clone();
        // A ring whose requests are not seen may do anything.
        if facts.rings == 0 {
            blind.clear();
        }
        if observation.unwatched > 0 {
            let (first, last) = (observation.phases.first(), observation.phases.last());
            let whole = last.map_or(0, |last| last.end) - first.map_or(0, |first| first.start);
            blind.push(format!(
                "the server is busy: its waits, reads, writes and rings were recorded for {:.2} of {:.2} s, everything else all the time",
                seconds(whole.saturating_sub(observation.unwatched)),
                seconds(whole)
            ));
        }
        if observation.lost > 0 {
            blind.push(format!("{} records were lost: counts are too low", observation.lost));
        }
        Self {
            server: observation.server.clone(),
            kernel: observation.kernel.clone(),
            protocol: observation.protocol.clone(),
            ports: facts.ports.iter().copied().collect(),
            model: Model::of(observation, &facts),
            hazards: hazards::find(observation, &facts),
            measures: Measures::of(observation, &facts),
            threads: threads(&facts),
            blind,
            lost: observation.lost,
        }
    }

    /// The JSON Schema of a report.
    pub fn schema() -> String {
        let schema = schemars::schema_for!(Self);
        let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
        text.push('\n');
        text
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
        let protocol = self.protocol.as_deref().unwrap_or("the user's load");
        let _ = writeln!(
            out,
            "{} — port {}, {protocol}, Linux {}",
            paint(BOLD, &self.server),
            ports.join(", "),
            self.kernel
        );
        let _ = writeln!(out);
        axis(&mut out, "accept", &self.model.accept);
        axis(&mut out, "connection", &self.model.connection);
        axis(&mut out, "unit", &self.model.unit);
        let _ = writeln!(out);
        for thread in self.threads.iter().take(12) {
            let mut does = Vec::new();
            if thread.accepted > 0 {
                does.push(format!("accepted {}", thread.accepted));
            }
            if thread.served > 0 {
                does.push(format!("served {}", thread.served));
            }
            does.extend(thread.waits.iter().cloned());
            if !thread.sleeps.is_empty() {
                does.push(format!("sleeps in {}", thread.sleeps.join(", ")));
            }
            let _ = writeln!(
                out,
                "  {} {}/{}  {}",
                paint(NAME, format!("{:<16}", thread.name)),
                thread.pid,
                thread.tid,
                does.join("; ")
            );
        }
        if self.threads.len() > 12 {
            let _ = writeln!(out, "  {}", paint(DIM, format!("and {} threads more", self.threads.len() - 12)));
        }
        let one = &self.measures;
        let _ = writeln!(
            out,
            "\n  per request ({} in a row): {} waits with a report, {} without; {} reads, {} EAGAIN; {} system calls",
            one.requests,
            one.waits_per_request,
            one.empty_waits_per_request,
            one.reads_per_request,
            one.eagain_per_request,
            one.calls_per_request
        );
        let _ = writeln!(
            out,
            "  wake-ups without work: {:.0}%; per connection {} processes and {} threads created",
            one.wakeups_without_work * 100.0,
            one.processes_per_connection,
            one.threads_per_connection
        );
        for blind in &self.blind {
            let _ = writeln!(out, "  {} {blind}", paint(DOUBT, "not seen:"));
        }
        let _ = writeln!(out);
        if self.hazards.is_empty() {
            let _ = writeln!(out, "{}", paint(GOOD, "no hazards seen"));
        }
        for hazard in &self.hazards {
            let (style, word) = if hazard.severity == Severity::Danger { (BAD, "hazard") } else { (DOUBT, "cost") };
            let kind = serde_json::to_value(hazard.kind)
                .ok()
                .and_then(|kind| kind.as_str().map(str::to_owned))
                .unwrap_or_default();
            let _ =
                writeln!(out, "{} {} ({} times): {}", paint(style, word), paint(BOLD, kind), hazard.times, hazard.what);
            for event in &hazard.events {
                let who = if event.tid == 0 { String::new() } else { format!("thread {}: ", event.tid) };
                let _ = writeln!(out, "    {:>5}.{:03} ms  {who}{}", event.at / 1000, event.at % 1000, event.text);
            }
            let _ = writeln!(out, "    {}", paint(DIM, &hazard.rests_on));
        }
        out
    }
}

fn seconds(nanos: u64) -> f64 {
    std::time::Duration::from_nanos(nanos).as_secs_f64()
}

fn axis<T: std::fmt::Display>(out: &mut String, name: &str, axis: &Axis<T>) {
    let style = match axis.certainty {
        Certainty::Certain => GOOD,
        Certainty::Likely => DOUBT,
        Certainty::Unknown => BAD,
    };
    let _ = writeln!(out, "  {name:<11} {}  {}", paint(BOLD, format!("{:<24}", axis.is)), paint(style, axis.certainty));
    for because in &axis.because {
        let _ = writeln!(out, "              {}", paint(DIM, because));
    }
}

fn threads(facts: &Facts) -> Vec<ThreadLine> {
    let lines = facts
        .threads
        .iter()
        .filter(|(_, thread)| thread.accepts > 0 || !thread.served.is_empty() || !thread.waits.is_empty());
    let line = |(tid, thread): (&u32, &super::facts::Thread)| ThreadLine {
        pid: thread.pid,
        tid: *tid,
        name: thread.name.clone(),
        accepted: thread.accepts,
        served: thread.served.len(),
        waits: thread
            .waits
            .iter()
            .map(|(call, (ready, empty, _))| format!("{} {ready}+{empty}", calls::name(*call)))
            .collect(),
        sleeps: thread.sleeps.keys().map(|call| calls::name(*call)).collect(),
    };
    let mut lines: Vec<ThreadLine> = lines.map(line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse((line.accepted, line.served)));
    lines
}
