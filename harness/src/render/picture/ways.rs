//! The ways of segments: from the protocol handler through the callback and the wake-up to the wait call that reports the
//! socket and the read that takes the data.
//!
//! What happens inside of the receiving of a segment belongs to the youngest way that the same task has open, as functions
//! nest. A system call belongs to every way on the sockets that it is about. A way goes on while the data is unread, so
//! that a level-triggered report that comes again and again stands on it again and again; it ends with the read that
//! takes the last byte, or with the next
//! arrival, which later reports are about.
use std::collections::BTreeMap;

use super::Shape;
use super::about::Who;
use super::items::Item;
use super::lanes::Key;
use crate::case::EventName;

struct Way {
    about: Option<Who>,
    /// It began at the listening socket, which has no name.
    listener: bool,
    tid: u32,
    dots: Vec<usize>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Receiving,
    Reported,
    Done,
}

/// The ways, in order of their beginnings; each has at least two dots.
pub(super) fn ways(items: &[Item]) -> Vec<Vec<usize>> {
    let mut ways: Vec<Way> = Vec::new();
    let mut unread: BTreeMap<Who, u64> = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        let left = unread.entry(item.about.unwrap_or(Who(usize::MAX))).or_default();
        match (item.shape, item.bytes) {
            (Shape::Segment, Some(bytes)) => *left += bytes,
            (Shape::Read, Some(bytes)) if !item.far => *left = left.saturating_sub(bytes),
            _ => {}
        }
        match item.event.name {
            EventName::TcpV4Rcv | EventName::SkDataReady if item.brings() => ways.push(Way::new(place, item)),
            EventName::EpPollCallback | EventName::SchedWaking => {
                let tid = item.event.tid;
                if let Some(way) = ways.iter_mut().rfind(|way| way.stage == Stage::Receiving && way.tid == tid) {
                    way.dots.push(place);
                }
            }
            EventName::EpollWait | EventName::Select | EventName::Poll if item.event.value > 0 => {
                report(&mut ways, place, item);
            }
            EventName::Read | EventName::Accept if item.event.value >= 0 && !item.far => {
                for way in ways.iter_mut().filter(|way| way.is_taken_by(item)) {
                    way.dots.push(place);
                    way.stage = if *left == 0 { Stage::Done } else { way.stage };
                }
            }
            _ => {}
        }
    }
    ways.into_iter().map(|way| way.dots).filter(|dots| dots.len() > 1).collect()
}

/// A wait call returned: what has newly arrived on each reported object is reported now; where nothing has, it is the last
/// arrival that is reported once more.
fn report(ways: &mut [Way], place: usize, item: &Item) {
    let listener = usize::try_from(item.event.value).is_ok_and(|ready| ready > item.reports.len());
    let objects = item.reports.iter().map(|who| (Some(*who), false)).chain(listener.then_some((None, true)));
    for (about, listener) in objects {
        let same = |way: &Way| way.about == about && way.listener == listener && way.stage < Stage::Done;
        if ways.iter().any(|way| same(way) && way.stage == Stage::Receiving) {
            for way in ways.iter_mut().filter(|way| same(way) && way.stage == Stage::Receiving) {
                way.dots.push(place);
                way.stage = Stage::Reported;
            }
        } else if let Some(way) = ways.iter_mut().rfind(|way| same(way)) {
            way.dots.push(place);
        }
    }
}

impl Way {
    fn new(place: usize, item: &Item) -> Self {
        Self {
            about: item.about,
            listener: item.key == Key::Listener,
            tid: item.event.tid,
            dots: vec![place],
            stage: Stage::Receiving,
        }
    }

    /// Whoever reads a socket takes what has arrived there; whoever accepts takes a connection from the listening one.
    fn is_taken_by(&self, item: &Item) -> bool {
        let accepted = item.event.name == EventName::Accept && self.listener;
        let read = item.event.name == EventName::Read && self.about.is_some() && self.about == item.about;
        self.stage < Stage::Done && (accepted || read)
    }
}
