//! What a request costs the server, from the phase in which requests came one after another.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calls::Class;
use super::observation::{Observation, What};

/// Costs, per request where it says so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measures {
    /// Requests that were answered.
    pub requests: u32,
    /// Waits that reported something, per request.
    pub waits_per_request: f64,
    /// Waits that reported nothing, per request.
    pub empty_waits_per_request: f64,
    /// Reads that brought bytes, per request.
    pub reads_per_request: f64,
    /// Reads that found nothing (`EAGAIN`), per request.
    pub eagain_per_request: f64,
    /// System calls of any kind, per request.
    pub calls_per_request: f64,
    /// The share of waits with a report, in the whole run, after which nothing was taken, given, accepted or changed.
    pub wakeups_without_work: f64,
    /// Processes created for each connection.
    pub processes_per_connection: f64,
    /// Threads created for each connection.
    pub threads_per_connection: f64,
}

impl Measures {
    /// What an observation says.
    pub fn of(observation: &Observation, facts: &super::facts::Facts) -> Self {
        let mut measures = Self::default();
        if let Some(phase) = observation.phases.iter().find(|phase| phase.name == "requests") {
            measures.requests = phase.clients.iter().map(|client| client.answered).sum();
            let inside = |time: u64| time >= phase.start && time <= phase.end;
            let events = || observation.events.iter().filter(|event| inside(event.time));
            let per = |count: usize| per(count, measures.requests as usize);
            let times = |event: &super::observation::Event| 1 + event.again as usize;
            let waits = |ready: bool| -> usize {
                let waits = |event: &&super::observation::Event| event.class().is_some_and(Class::waits);
                events().filter(waits).filter(|event| (event.result > 0) == ready).map(times).sum()
            };
            let reads = || events().filter(|event| event.class() == Some(Class::Read) && event.remote != 0);
            let made: u64 = observation.made.values().sum();
            (measures.waits_per_request, measures.empty_waits_per_request) = (per(waits(true)), per(waits(false)));
            measures.reads_per_request = per(reads().filter(|event| event.result > 0).count());
            measures.eagain_per_request =
                per(reads().filter(|event| event.result == -i64::from(libc::EAGAIN)).map(times).sum());
            measures.calls_per_request = per(usize::try_from(made).unwrap_or(0));
        }
        measures.wakeups_without_work = idle_wakeups(observation);
        let accepted = facts.connections.len();
        let (processes, threads): (Vec<&super::facts::Birth>, Vec<&super::facts::Birth>) =
            facts.births.iter().partition(|birth| birth.is_process());
        measures.processes_per_connection = per(processes.len(), accepted);
        measures.threads_per_connection = per(threads.len(), accepted);
        measures
    }
}

fn idle_wakeups(observation: &Observation) -> f64 {
    let mut last: BTreeMap<u32, bool> = BTreeMap::new();
    let (mut all, mut idle) = (0u32, 0u32);
    for event in &observation.events {
        match event.class() {
            Some(class) if class.waits() => {
                if last.insert(event.tid, event.result > 0) == Some(true) {
                    idle += 1;
                }
                all += u32::from(event.result > 0) * (1 + event.again);
                idle += u32::from(event.result > 0) * event.again;
            }
            Some(Class::RingEnter) => {}
            Some(_) if event.result >= 0 => drop(last.insert(event.tid, false)),
            None if event.what == What::Gap => last.clear(),
            None if event.what == What::Birth => drop(last.insert(event.tid, false)),
            _ => {}
        }
    }
    per(idle as usize, all as usize)
}

/// A ratio with two digits, so that files stay readable; 0 of nothing is 0.
fn per(count: usize, of: usize) -> f64 {
    let hundredths = (count * 100 + of / 2).checked_div(of).unwrap_or(0);
    f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0
}
