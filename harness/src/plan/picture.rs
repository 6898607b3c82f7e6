//! What is recorded beside what the measures ask for, so that a report can draw the way of a segment: from the protocol
//! handler through the callback and the wake-up to the wait call's return and the read.
use crate::case::{Case, EventName, Step};

/// A case that does more than this has no picture that anybody could follow, and its measures need the room.
const STEPS: u64 = 100;

/// The events of a picture, in the order in which a segment meets them.
const EVENTS: &[EventName] = &[
    EventName::TcpV4Rcv,
    EventName::EpPollCallback,
    EventName::SchedWaking,
    EventName::SysEnterEpollWait,
    EventName::EpollWait,
    EventName::SysEnterSelect,
    EventName::Select,
    EventName::SysEnterPoll,
    EventName::Poll,
    EventName::SysEnterAccept,
    EventName::SysEnterRead,
    EventName::Read,
    EventName::Write,
];

/// What is recorded for the picture of a case. A server with a mistake may spin, and would fill the ring with it.
pub(super) fn events(case: &Case) -> &'static [EventName] {
    let mistaken = case.server.as_ref().is_some_and(|server| server.options.defect.is_some());
    if volume(&case.steps) > STEPS || mistaken { &[] } else { EVENTS }
}

/// How much happens, in steps.
fn volume(steps: &[Step]) -> u64 {
    let each = steps.iter().map(|step| match step {
        Step::Repeat(repeat) => repeat.times.0.saturating_mul(volume(&repeat.steps)),
        Step::Start(start) => start.times.0,
        Step::Connect(connect) => connect.times.0,
        Step::Crowd(crowd) => crowd.clients.0,
        Step::Socketpair(pair) => pair.times.0,
        _ => 1,
    });
    each.fold(0, u64::saturating_add)
}
