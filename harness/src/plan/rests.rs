//! Which probes a case rests on: those that its steps wait for and that its measures are taken with. Pure.
use std::collections::BTreeSet;

use super::derive;
use super::wants::Script;
use crate::case::{Calls, Case, EventName, Measure, OneOrMore, Probe};

/// The probes of the case and of its control; not those that only name its objects or draw its picture.
pub fn rests_on(case: &Case) -> BTreeSet<Probe> {
    let mut script = Script::default();
    script.read(&case.steps);
    script.read(case.control.steps.as_deref().unwrap_or_default());
    let awaited = script.awaited.iter().map(|(event, _)| *event);
    let slept = script.sentinel.then_some(EventName::Read);
    let measured = case.measure.values().flat_map(Measure::events);
    let mut probes: BTreeSet<Probe> = awaited.chain(slept).chain(measured).map(derive::probe).collect();
    let counted = case.measure.values().any(|measure| matches!(measure, Measure::Calls(calls) if of_functions(calls)));
    probes.extend(counted.then_some(Probe::FunctionCounter));
    probes.extend((!script.watches.is_empty()).then_some(Probe::Watchpoint));
    probes.extend(script.inspects.then_some(Probe::TaskFileIterator));
    probes
}

/// Whether a function is counted, and not a tracepoint (`net:netif_rx`).
fn of_functions(calls: &Calls) -> bool {
    match &calls.of {
        OneOrMore::One(name) => !name.contains(':'),
        OneOrMore::More(names) => names.iter().any(|name| !name.contains(':')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Suite;

    fn of(case: &str) -> Vec<Probe> {
        let suite = Suite::embedded_where(|id| id == case).unwrap_or_else(|wrong| panic!("{wrong}"));
        rests_on(suite.cases[0].case()).into_iter().collect()
    }

    #[test]
    fn measures_and_steps_name_the_probes() {
        assert_eq!(
            of("copy/epoll-wait-copies-each-event-to-user-memory"),
            [Probe::PageFaultKernel, Probe::Watchpoint],
            "faults and writes; that epoll_create names its descriptor is not what it rests on"
        );
        assert_eq!(of("epoll/each-eventpoll-that-watches-a-socket-is-called"), [Probe::FunctionCounter]);
        assert_eq!(of("select/the-system-call-watches-descriptor-1500"), [], "results of system calls say it all");
    }
}
