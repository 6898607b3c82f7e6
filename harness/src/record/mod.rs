//! The only stage that touches the kernel: makes the runs of a plan and records what they did.
//!
//! Everything privileged or unsafe of the user side is below here or in the cell: probes are attached, the experiment runs
//! in a process of its own ([`crate::cell`]), its events are drained, and the result is plain data.
mod arm;
mod attach;
mod breakpoint;
mod bytes;
mod candidates;
mod counter;
mod decode;
mod inspect;
mod later;
mod live;
mod loaded;
mod memory;
mod misses;
mod observer;
mod probes;
mod reason;
mod run;
mod selfcheck;
mod stacks;
mod tap;
mod traffic;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use live::Taken;
pub use observer::Observer;
pub use probes::{Probes, Unobserved};
pub use tap::{Tap, Tapped};

use crate::case::Step;
use crate::cell::protocol::Rooms;
use crate::kernel;
use crate::plan::{Capabilities, Named, Plan};
use crate::recording::{Head, Landmarks, Recording, Run, VERSION};

/// Says that all work must stop; shared with whoever catches the signal.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// One step of a case.
    pub step: Duration,
    /// The server's announcement of its port.
    pub start: Duration,
    /// A whole run.
    pub run: Duration,
}

impl Default for Deadlines {
    /// In seconds and not milliseconds: an emulated guest on a busy machine must hold them too.
    fn default() -> Self {
        Self { step: Duration::from_secs(10), start: Duration::from_secs(10), run: Duration::from_mins(5) }
    }
}

/// Makes runs. Probes are attached once and serve all of them.
pub struct Recorder {
    /// None, and why.
    probes: Result<Probes, String>,
    deadlines: Deadlines,
    cancel: Cancel,
}

impl Recorder {
    /// One that sees events with the probes given. Without, only results of system calls are recorded; skips then name
    /// the reason.
    pub fn new(probes: Result<Probes, String>, deadlines: Deadlines, cancel: Cancel) -> Self {
        Self { probes, deadlines, cancel }
    }

    /// What can be seen here.
    pub fn capabilities(&self) -> Capabilities {
        match &self.probes {
            Ok(probes) => Capabilities { no_wire: probes.no_wire(), ..probes.capabilities() },
            Err(why) => Capabilities::surface(why),
        }
    }

    /// What there is here of that which a case names.
    fn landmarks(&self, named: &Named) -> Landmarks {
        let there = |probes: &Probes| kernel::landmarks(named, probes.types.get(), probes.symbols.get());
        self.probes.as_ref().map_or_else(|_| Landmarks::default(), there)
    }

    /// Makes all runs of a plan, in order. What goes wrong in one is part of its record; after a cancelled one there are
    /// no more.
    pub fn record(&mut self, plan: &Plan) -> Recording {
        self.runs(plan, Vec::new())
    }

    /// Makes the runs at these places of a recording again; all of them if none is named.
    pub fn record_again(&mut self, plan: &Plan, recording: Recording, places: &BTreeSet<usize>) -> Recording {
        let runs = recording.runs.into_iter().enumerate();
        let kept = runs.map(|(place, run)| (!places.is_empty() && !places.contains(&place)).then_some(run));
        self.runs(plan, kept.collect())
    }

    /// The runs of a plan, made now unless they were before.
    fn runs(&mut self, plan: &Plan, before: Vec<Option<Run>>) -> Recording {
        let have = self.capabilities();
        let head = Head {
            version: VERSION,
            case: plan.id.clone(),
            source: plan.text.to_string(),
            kernel: kernel::identity(),
            grade: have.grade,
            probes: have.probes,
            landmarks: self.landmarks(&plan.landmarks),
            defect: plan.defect,
        };
        let mut runs = Vec::with_capacity(plan.runs.len());
        let mut rooms = Rooms::new();
        for (planned, kept) in plan.runs.iter().zip(before.into_iter().chain(std::iter::repeat_with(|| None))) {
            let make = || run::make(self.probes.as_mut().ok(), planned, &rooms, self.deadlines, &self.cancel);
            let run = kept.unwrap_or_else(make);
            for step in &planned.case.steps {
                if let Step::Room(room) = step
                    && let Some(found) = run.head.states.get(&room.name).and_then(|states| states.last())
                {
                    rooms.entry(room.name.clone()).or_insert_with(|| found.clone());
                }
            }
            runs.push(run);
            if self.cancel.is_cancelled() {
                break;
            }
        }
        Recording { head, runs }
    }
}
