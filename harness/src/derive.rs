//! Events that a kernel without function probes does not report, read off those that it does.
//!
//! - `tcp_v4_rcv` from `sk_data_ready` (or, without that tracepoint, `sched_waking`) with `tcp_v4_rcv` on its kernel stack.
//!   Lost: segments that make nothing readable (pure acknowledgements, the handshake), segments that waited in the backlog
//!   of a socket that its owner held (they are processed on the owner's stack, from `release_sock`), and `len` and `flags`.
//! - `ep_poll_callback` from a write of a watched ready list with `ep_poll_callback` on its kernel stack. Lost: callbacks
//!   for an item that is on the ready list already, as they write nothing, and `mask`.
//! - The connection of a `sched_waking`, which itself only says who is woken: that of the last receive event of the same
//!   task on the same processor, if the stack shows that the waking happened inside of the receive path, or, where no stack
//!   was recorded, if the task has not returned from a system call in between.
//!
//! A derived event says so in `via`. It stands immediately before its source, as its function was entered before.
use std::sync::Arc;

use crate::case::{EventName, Grade, Probe, Side};
use crate::matching::{Scene, function};
use crate::recording::{Event, Place, ProbeReport, Run, Via};

/// Derives events while a recording is read, or while it is made.
#[derive(Clone, Debug, Default)]
pub struct Deriver {
    segments: Segments,
    callbacks: bool,
    /// What the receive path last did, by processor.
    receiving: Vec<Receiving>,
    /// What is on the stacks, by their place; 0 is not looked at yet.
    stacks: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Segments {
    /// The function itself was probed, or nothing shows it.
    #[default]
    Probed,
    DataReady,
    Waking,
}

#[derive(Clone, Copy, Debug, Default)]
struct Receiving {
    tid: u32,
    local: u16,
    remote: u16,
    object: u64,
}

const LOOKED: u8 = 1;
const SEGMENT: u8 = 2;
const CALLBACK: u8 = 4;
const READABLE: u8 = 8;

impl Deriver {
    /// One for a kernel on which these probes were attached.
    pub fn new(probes: &[ProbeReport]) -> Self {
        let report = |probe| probes.iter().find(|report| report.probe == probe);
        let won = |probe| report(probe).is_some_and(|report| report.won.is_some());
        let on_function = |probe| report(probe).is_some_and(|report| report.grade == Some(Grade::Function));
        let segments = match () {
            () if on_function(Probe::TcpV4Rcv) => Segments::Probed,
            () if won(Probe::SkDataReady) => Segments::DataReady,
            () if won(Probe::Scheduler) => Segments::Waking,
            () => Segments::Probed,
        };
        Self { segments, callbacks: !on_function(Probe::EpPollCallback), ..Self::default() }
    }

    /// Hands on what is derived from an event, then the event itself.
    pub fn each(&mut self, event: &Event, scene: Scene<'_>, mut next: impl FnMut(&Event)) {
        match event.name {
            EventName::SkDataReady => {
                self.receive(event);
                if self.segments == Segments::DataReady && self.stack(event, scene) & SEGMENT != 0 {
                    next(&derived(event, EventName::TcpV4Rcv, Via::Stack));
                }
                next(event);
            }
            EventName::TcpV4Rcv | EventName::EpPollCallback => {
                self.receive(event);
                next(event);
            }
            EventName::Watch => {
                if self.callbacks && event.detail == 0 && self.stack(event, scene) & CALLBACK != 0 {
                    let callback = Event { detail: 0, ..derived(event, EventName::EpPollCallback, Via::Watchpoint) };
                    self.receive(&callback);
                    next(&callback);
                }
                next(event);
            }
            EventName::SchedWaking => self.waking(event, scene, next),
            name => {
                if let (Some((Side::Exit, _)), Some(last)) =
                    (name.calls(), self.receiving.get_mut(usize::from(event.cpu)))
                    && last.tid == event.tid
                {
                    *last = Receiving::default();
                }
                next(event);
            }
        }
    }

    fn waking(&mut self, event: &Event, scene: Scene<'_>, mut next: impl FnMut(&Event)) {
        let stack = self.stack(event, scene);
        let last = self.receiving.get(usize::from(event.cpu)).copied().unwrap_or_default();
        let inside = event.stack.is_none() || stack & (SEGMENT | CALLBACK | READABLE) != 0;
        let mut waking = *event;
        if inside && last.tid == event.tid && event.local == 0 {
            (waking.local, waking.remote, waking.object) = (last.local, last.remote, last.object);
        }
        if self.segments == Segments::Waking && stack & SEGMENT != 0 {
            next(&derived(&waking, EventName::TcpV4Rcv, Via::Stack));
        }
        next(&waking);
    }

    fn receive(&mut self, event: &Event) {
        let cpu = usize::from(event.cpu);
        if self.receiving.len() <= cpu {
            self.receiving.resize(cpu + 1, Receiving::default());
        }
        self.receiving[cpu] =
            Receiving { tid: event.tid, local: event.local, remote: event.remote, object: event.object };
    }

    /// What is on the event's stack, looked for once a stack.
    fn stack(&mut self, event: &Event, scene: Scene<'_>) -> u8 {
        let Some(place) = event.stack.map(Place::index) else { return 0 };
        if self.stacks.len() < scene.stacks.len() {
            self.stacks.resize(scene.stacks.len(), 0);
        }
        let Some(known) = self.stacks.get_mut(place) else { return 0 };
        if *known == 0 {
            *known = scene.stack(event).iter().fold(LOOKED, |found, frame| found | landmark(frame));
        }
        *known
    }
}

fn landmark(frame: &Arc<str>) -> u8 {
    match function(frame) {
        "tcp_v4_rcv" => SEGMENT,
        "ep_poll_callback" => CALLBACK,
        "sock_def_readable" => READABLE,
        _ => 0,
    }
}

/// Value and detail are those of another event, so of a segment neither is known. A written ready list has the descriptor
/// and the eventpoll where a callback has them.
fn derived(source: &Event, name: EventName, via: Via) -> Event {
    let keeps = via == Via::Watchpoint;
    Event {
        name,
        via: Some(via),
        value: if keeps { source.value } else { 0 },
        detail: 0,
        peer: if keeps { source.peer } else { 0 },
        call: 0,
        extra: None,
        ..*source
    }
}

/// All events of a run, with those that are derived, in order.
pub fn derive(run: &Run, probes: &[ProbeReport]) -> Vec<Event> {
    let mut deriver = Deriver::new(probes);
    let scene = Scene::of(&run.head);
    let mut events = Vec::with_capacity(run.events.len());
    for event in &run.events {
        deriver.each(event, scene, |event| events.push(*event));
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Script, function_probes, trace_probes};

    const RECEIVE: &[&str] = &["sock_def_readable", "tcp_data_queue", "tcp_v4_rcv", "ip_local_deliver"];
    const INSERT: &[&str] = &["ep_poll_callback", "__wake_up_common", "sock_def_readable", "tcp_v4_rcv"];
    const SEND: &[&str] = &["ep_done_scan", "do_epoll_wait"];

    fn run() -> Run {
        Script::subject()
            .connection("conn", 5001)
            .seen("conn", EventName::SkDataReady, RECEIVE)
            .seen("conn", EventName::Watch, INSERT)
            .seen("conn", EventName::Watch, SEND)
            .seen("conn", EventName::SchedWaking, &["try_to_wake_up", "ep_poll_callback", "tcp_v4_rcv"])
            .seen("conn", EventName::SkDataReady, &["sock_def_readable", "release_sock"])
            .run()
    }

    fn of(events: &[Event], name: EventName) -> Vec<&Event> {
        events.iter().filter(|event| event.name == name).collect()
    }

    #[test]
    fn the_receive_path_is_read_off_stacks_and_the_watched_list() {
        let events = derive(&run(), &trace_probes());
        let segments = of(&events, EventName::TcpV4Rcv);
        assert_eq!(segments.len(), 1, "the second readability came from the backlog");
        assert_eq!((segments[0].via, segments[0].local, segments[0].remote), (Some(Via::Stack), 8000, 5001));
        let callbacks = of(&events, EventName::EpPollCallback);
        assert_eq!(callbacks.len(), 1, "the scan's write of the list is no callback");
        assert_eq!((callbacks[0].via, callbacks[0].remote), (Some(Via::Watchpoint), 5001));
        let place = |name| events.iter().position(|event| event.name == name);
        assert!(place(EventName::TcpV4Rcv) < place(EventName::SkDataReady), "the function was entered before");
    }

    #[test]
    fn a_waking_inside_of_the_receive_path_is_about_its_connection() {
        let events = derive(&run(), &trace_probes());
        assert_eq!(of(&events, EventName::SchedWaking)[0].remote, 5001);
        let elsewhere = Script::subject()
            .connection("conn", 5001)
            .seen("conn", EventName::SkDataReady, RECEIVE)
            .seen("conn", EventName::SchedWaking, &["try_to_wake_up", "futex_wake"])
            .run();
        assert_eq!(of(&derive(&elsewhere, &trace_probes()), EventName::SchedWaking)[0].remote, 0);
    }

    #[test]
    fn nothing_is_derived_where_the_functions_are_probed() {
        let run = run();
        let events = derive(&run, &function_probes());
        assert_eq!(events.len(), run.events.len());
    }

    #[test]
    fn without_the_readability_tracepoint_wakings_show_segments() {
        let mut probes = trace_probes();
        probes.iter_mut().filter(|report| report.probe == Probe::SkDataReady).for_each(|report| report.won = None);
        assert_eq!(of(&derive(&run(), &probes), EventName::TcpV4Rcv).len(), 1);
    }
}
