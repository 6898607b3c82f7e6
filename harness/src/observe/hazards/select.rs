//! `select` beyond the end of an `fd_set`.
use super::{Hazard, Kind, Seen};
use crate::observe::calls::Class;

const FD_SETSIZE: i32 = 1024;

pub(super) fn find(seen: &Seen<'_>) -> Vec<Hazard> {
    let mut beyond =
        seen.observation.events.iter().filter(|event| event.class() == Some(Class::Select) && event.fd > FD_SETSIZE);
    let Some(first) = beyond.next() else { return Vec::new() };
    let text = format!("its first argument was {}: the kernel reads and writes as many bits of each set", first.fd);
    vec![Hazard::new(
        Kind::BeyondFdSetsize,
        1 + beyond.count(),
        "select was given descriptors of 1024 and more: an fd_set has no room for them, and unless the sets are larger ones of the server's own, what lies behind them is written over",
        "select(2): \"Executing FD_CLR() or FD_SET() with a value of fd that is negative or is equal to or larger than FD_SETSIZE will result in undefined behavior\"",
        vec![seen.shown(first), seen.note(first.time, text)],
    )]
}
