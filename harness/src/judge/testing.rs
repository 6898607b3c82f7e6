//! Small recordings for tests.
use crate::case::EventName;
use crate::recording::{Event, Extra};

/// An event of which nothing is said yet.
pub(crate) fn event(time: u64, name: EventName) -> Event {
    Event {
        time,
        name,
        via: None,
        pid: 0,
        tid: 0,
        by: None,
        cpu: 0,
        object: 0,
        peer: 0,
        value: 0,
        detail: 0,
        local: 0,
        remote: 0,
        call: 0,
        extra: Extra::None,
        stack: None,
    }
}
