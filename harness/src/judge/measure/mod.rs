//! The measures of one run, all taken in a single pass over its events.
mod calls;
mod chain;
mod count;
mod faults;
mod packets;
mod results;
mod window;
mod writes;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::evidence::{grade, lost, word};
use super::value::Reading;
use super::{Gap, Taken};
use crate::case::{Case, EventName, Filter, Grade, Measure};
use crate::derive::Deriver;
use crate::matching::{Matcher, Pattern, Scene};
use crate::recording::{Event, Head, Run};
use window::Window;

pub(super) use results::results;

/// How many events are shown for one measure.
const SHOWN: usize = 6;

/// What reads a measure off the events inside of its window.
trait Reader {
    fn read(&mut self, place: usize, event: &Event, matcher: &Matcher, scene: Scene<'_>);
    /// The value, and the places of the first events that make it up.
    fn finish(self: Box<Self>) -> (Reading, Vec<usize>);
}

struct Slot<'a> {
    name: &'a str,
    window: Window,
    /// The window is the one without load, in which there must be nothing.
    idle: bool,
    grade: Grade,
    reader: Box<dyn Reader>,
}

/// What was taken of a run.
pub(super) struct Measured {
    /// Every measure but fits, which are about several runs.
    pub(super) taken: IndexMap<String, Taken>,
    /// What was seen in the window without load, if anything was.
    pub(super) idle: Option<String>,
}

/// Takes all measures of a run.
pub(super) fn measure(run: &Run, case: &Case, head: &Head) -> Measured {
    let mut measured = Measured { taken: IndexMap::new(), idle: None };
    let mut slots = Vec::new();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); EventName::ALL.len()];
    for (name, measure) in &case.measure {
        let prepared = match measure {
            Measure::Fit(_) => continue,
            Measure::Calls(calls) => {
                measured.call(name, calls, run);
                continue;
            }
            _ => prepare(name, measure, run, head, &mut slots),
        };
        // Keeps the order of the case: the value follows when all events have been read.
        let taken = match prepared {
            Ok(()) => Taken { value: Ok(Json::Null.into()), events: Vec::new(), grade: Grade::Surface },
            Err(gap) => Taken { value: Err(gap), events: Vec::new(), grade: Grade::Surface },
        };
        measured.taken.insert(name.clone(), taken);
    }
    for (place, slot) in slots.iter().enumerate() {
        for event in case.measure[slot.name].events() {
            readers[event as usize].push(place);
        }
    }
    pass(run, head, &mut slots, &readers);
    for slot in slots {
        measured.finish(slot, run);
    }
    measured
}

/// One pass over the events.
fn pass(run: &Run, head: &Head, slots: &mut [Slot<'_>], readers: &[Vec<usize>]) {
    let scene = Scene::of(&run.head);
    let mut deriver = Deriver::new(&head.probes);
    let mut matcher = Matcher::new();
    for (place, event) in run.events.iter().enumerate() {
        deriver.each(event, scene, |event| {
            matcher.around(event, scene, |matcher| {
                for &reader in &readers[event.name as usize] {
                    let slot = &mut slots[reader];
                    if slot.window.contains(event.time) {
                        slot.reader.read(place, event, matcher, scene);
                    }
                }
            });
        });
    }
}

/// Makes the readers of one measure: for its own window, and for the one without load.
fn prepare<'a>(name: &'a str, measure: &Measure, run: &Run, head: &Head, slots: &mut Vec<Slot<'a>>) -> Result<(), Gap> {
    let (from, until) = marks(measure);
    let mut strongest = Grade::Surface;
    for event in measure.events() {
        strongest = strongest.max(grade(event, least(measure), head)?);
        lost(event, head, &run.head.accounts).map_or(Ok(()), Err)?;
    }
    let window = Window::between(from, until, &run.head)?;
    slots.push(Slot { name, window, idle: false, grade: strongest, reader: reader(measure, run)? });
    if let (Some(window), false) = (Window::idle(&run.head), matches!(measure, Measure::Faults(_))) {
        slots.push(Slot { name, window, idle: true, grade: strongest, reader: reader(measure, run)? });
    }
    Ok(())
}

fn reader(measure: &Measure, run: &Run) -> Result<Box<dyn Reader>, Gap> {
    Ok(match measure {
        Measure::Count(count) => Box::new(count::Counted::new(pattern(count.of, &count.only, run)?)),
        Measure::List(list) => Box::new(count::Listed::new(pattern(list.of, &list.only, run)?, &list.take)),
        Measure::Chain(chain) => Box::new(chain::Chains::new(chain, run)?),
        Measure::Faults(faults) => Box::new(faults::Faulted::new(&faults.inside, &run.head)?),
        Measure::Packets(packets) => Box::new(packets::Passed::new(packets, run)),
        Measure::Writes(writes) => Box::new(writes::Written::new(writes, &run.head)?),
        Measure::Calls(_) | Measure::Fit(_) => return Err(Gap::Wrong("it is not about events".to_owned())),
    })
}

fn pattern(of: EventName, filter: &Filter, run: &Run) -> Result<Pattern, Gap> {
    Pattern::new(of, filter, &run.head.names, &run.head.actors)
        .map(|pattern| pattern.with_stacks(&run.head.stacks))
        .map_err(|error| Gap::Wrong(error.to_string()))
}

fn least(measure: &Measure) -> Option<Grade> {
    match measure {
        Measure::Count(count) => count.grade,
        Measure::List(list) => list.grade,
        _ => None,
    }
}

fn marks(measure: &Measure) -> (Option<&str>, Option<&str>) {
    let (from, until) = match measure {
        Measure::Count(count) => (&count.only.from, &count.only.until),
        Measure::List(list) => (&list.only.from, &list.only.until),
        Measure::Chain(chain) => (&chain.from, &chain.until),
        Measure::Calls(calls) => (&calls.from, &calls.until),
        Measure::Faults(faults) => (&faults.from, &faults.until),
        Measure::Writes(writes) => (&writes.from, &writes.until),
        Measure::Packets(packets) => (&packets.from, &packets.until),
        Measure::Fit(_) => (&None, &None),
    };
    (from.as_deref(), until.as_deref())
}

impl Measured {
    fn call(&mut self, name: &str, calls: &crate::case::Calls, run: &Run) {
        let (value, idle) = calls::calls(calls, &run.head);
        let grade = if value.is_ok() { Grade::Function } else { Grade::Surface };
        self.taken.insert(name.to_owned(), Taken { value: value.map(Reading::from), events: Vec::new(), grade });
        if idle > 0 {
            let why = format!("`{name}` was {idle} in the window without load, in which it must be 0");
            self.idle.get_or_insert(why);
        }
    }

    fn finish(&mut self, slot: Slot<'_>, run: &Run) {
        let (value, events) = slot.reader.finish();
        if slot.idle {
            let nothing = value.count() == Some(0);
            if !nothing && self.idle.is_none() {
                let first = events
                    .first()
                    .map_or_else(String::new, |&place| format!("; first: {}", describe(place, &run.events[place])));
                let seen =
                    value.entries().map_or_else(|| value.shown().to_string(), |entries| format!("a list of {entries}"));
                self.idle = Some(format!(
                    "`{}` was {seen} in the window without load, in which it must be empty{first}",
                    slot.name
                ));
            }
        } else {
            self.taken.insert(slot.name.to_owned(), Taken { value: Ok(value), events, grade: slot.grade });
        }
    }
}

fn describe(place: usize, event: &Event) -> String {
    let Event { pid, tid, local, remote, value, .. } = event;
    format!("event {place}, {} by {pid}/{tid}, ports {local} and {remote}, value {value}", word(event.name))
}
