//! What cannot be decided with what there is, and why.
use std::collections::{BTreeMap, BTreeSet};

use super::wants::Script;
use super::{Capabilities, derive};
use crate::case::{Case, ClaimVerdict, EventName, Filter, Grade, Measure, OneOrMore, Probe, event_fields};
use crate::load::{LoadedCase, Predicate};

/// What can be decided about a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Why the whole case cannot be decided.
    pub skip: Option<String>,
    /// Why a measure cannot be taken, by its name.
    pub measures: BTreeMap<String, String>,
    /// Why an expectation or claim cannot be decided, by its name.
    pub undecided: BTreeMap<String, String>,
}

/// Says what of a case can be decided with what there is.
pub fn decide(loaded: &LoadedCase, have: &Capabilities) -> Decision {
    let case = loaded.case();
    let mut decision = Decision { skip: skip(loaded, case, have), ..Decision::default() };
    for (name, measure) in &case.measure {
        if let Err(why) = measurable(measure, have) {
            decision.measures.insert(name.clone(), why);
        }
    }
    for (name, measure) in &case.measure {
        if let Measure::Fit(fit) = measure
            && let Some(why) = decision.measures.get(&fit.of).cloned()
        {
            decision.measures.insert(name.clone(), why);
        }
    }
    // Most often nothing is missing, and no predicate need be parsed to know that all can be decided.
    if decision.measures.is_empty() {
        return decision;
    }
    let mut decided = 0;
    for (name, predicates) in predicates(case) {
        let used: BTreeSet<String> = predicates.iter().flat_map(|source| Predicate::variables(source)).collect();
        match decision.measures.iter().find(|(measure, _)| used.contains(*measure)) {
            Some((measure, why)) => {
                _ = decision.undecided.insert(name, format!("`{measure}` cannot be measured: {why}"));
            }
            None => decided += 1,
        }
    }
    if decision.skip.is_none() && decided == 0 {
        decision.skip = decision.undecided.values().next().cloned();
    }
    decision
}

/// Everything that is decided by predicates, with these.
fn predicates(case: &Case) -> Vec<(String, Vec<&str>)> {
    let claims = case.claims.iter().filter(|claim| claim.verdict != ClaimVerdict::Undecidable).map(|claim| {
        let both = [&claim.literal, &claim.repaired];
        (claim.id.clone(), both.into_iter().flatten().map(String::as_str).collect())
    });
    claims.chain(case.expect.iter().map(|(name, predicate)| (name.clone(), vec![predicate.as_str()]))).collect()
}

fn skip(loaded: &LoadedCase, case: &Case, have: &Capabilities) -> Option<String> {
    if case.grade > have.grade {
        return Some(too_weak(case.grade, have));
    }
    for &half in loaded.halves() {
        for point in loaded.points() {
            let Ok(case) = loaded.resolve(half, &point) else { continue };
            let mut script = Script::default();
            script.read(&case.steps);
            // One reason for all of them: what is missing is the same.
            if !have.observes() && script.watches_the_kernel() {
                return Some(too_weak(Grade::Trace, have));
            }
            if script.wired
                && let Some(why) = &have.no_wire
            {
                return Some(format!(
                    "a step needs a pair of virtual Ethernet devices, and none can be made here: {why}"
                ));
            }
            if !script.watches.is_empty() && !have.has(Probe::Watchpoint) {
                return Some(format!("a step watches a word, and {}", missing(Probe::Watchpoint, have)));
            }
            if script.inspects && !have.has(Probe::TaskFileIterator) {
                return Some(format!("a step reads kernel memory, and {}", missing(Probe::TaskFileIterator, have)));
            }
            for (event, only) in &script.awaited {
                if let Err(why) = visible(*event, only, have) {
                    return Some(format!("a step awaits `{}`, and {why}", name(*event)));
                }
            }
        }
    }
    None
}

fn measurable(measure: &Measure, have: &Capabilities) -> Result<(), String> {
    let enough = |grade: Option<Grade>| match grade {
        Some(grade) if grade > have.grade => Err(format!("it {}", too_weak(grade, have))),
        _ => Ok(()),
    };
    match measure {
        Measure::Count(count) => enough(count.grade).and_then(|()| visible(count.of, &count.only, have)),
        Measure::List(list) => {
            enough(list.grade)?;
            visible(list.of, &list.only, have)?;
            known(list.of, &BTreeSet::from([list.take.clone()]), have)
        }
        Measure::Chain(chain) => chain.of.iter().try_for_each(|link| visible(link.of(), &link.only(), have)),
        Measure::Calls(calls) => {
            let names = match &calls.of {
                OneOrMore::One(one) => std::slice::from_ref(one),
                OneOrMore::More(more) => more.as_slice(),
            };
            let tracepoint = names.iter().any(|name| name.contains(':'));
            if have.has(Probe::FunctionCounter) || (tracepoint && have.observes()) {
                Ok(())
            } else {
                Err(missing(Probe::FunctionCounter, have))
            }
        }
        Measure::Packets(packets) => packets.at.iter().try_for_each(|event| visible(*event, &Filter::default(), have)),
        Measure::Faults(_) => visible(EventName::PageFaultKernel, &Filter::default(), have),
        Measure::Writes(_) => visible(EventName::Watch, &Filter::default(), have),
        Measure::Fit(_) => Ok(()),
    }
}

fn visible(event: EventName, only: &Filter, have: &Capabilities) -> Result<(), String> {
    derive::sight(event, have).map_err(|probe| missing(probe, have))?;
    known(event, &only.condition.as_deref().map(Predicate::variables).unwrap_or_default(), have)
}

/// An event that is derived from another has only the fields that every event has.
fn known(event: EventName, fields: &BTreeSet<String>, have: &Capabilities) -> Result<(), String> {
    if !derive::sight(event, have).is_ok_and(|sight| sight.derived) {
        return Ok(());
    }
    let common: Vec<&str> = event_fields(EventName::Select)
        .map(|field| field.0)
        .filter(|name| !["ret", "call", "fd"].contains(name))
        .collect();
    match fields.iter().find(|field| !common.contains(&field.as_str())) {
        Some(field) => Err(format!(
            "`{field}` is only known where the function {} itself is probed: {}",
            name(event),
            remedy(Grade::Function)
        )),
        None => Ok(()),
    }
}

fn missing(probe: Probe, have: &Capabilities) -> String {
    if have.observes() {
        let grade = if matches!(probe, Probe::FunctionCounter) { Grade::Function } else { Grade::Trace };
        format!("`{}` cannot be attached here{}: {}", word(&probe), have.reason(probe), remedy(grade))
    } else {
        format!("only results of system calls are seen: {}", have.why_blind())
    }
}

/// The grade that is missing, why, and what to do.
fn too_weak(needed: Grade, have: &Capabilities) -> String {
    let why = if have.observes() { remedy(needed) } else { have.why_blind() };
    format!("needs evidence of grade {needed}, and here is only {}: {why}", have.grade)
}

/// What to do to get evidence of a grade, where some is to be had.
fn remedy(grade: Grade) -> &'static str {
    match grade {
        Grade::Surface => "nothing is needed for it",
        Grade::Trace => "`wakeproof doctor` says why; or use a guest: cargo xtask test --kernel guest",
        Grade::Function => "run it on a kernel that allows function probes, such as a guest",
    }
}

fn name(event: EventName) -> String {
    word(&event)
}

/// The name by which a case file or a report has it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
