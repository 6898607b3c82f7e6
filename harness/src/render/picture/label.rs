//! What a dot says: a short name in the kernel's words, and all that is known of it.
use std::fmt::Write as _;

use super::Shape;
use super::items::Item;
use crate::case::EventName;
use crate::matching::Scene;
use crate::recording::{By, Event, Extra, Run, Via};
use crate::render::excerpt::{fields as of_event, ret};
use crate::render::screen::{bare, name};

/// Fields that are not known of a derived event: what stands there is nothing.
const OWN: [&str; 3] = ["len", "flags", "mask"];
/// How long a field may be.
const FIELD: usize = 120;

/// The name beside a dot.
pub(super) fn label(run: &Run, item: &Item) -> String {
    let Item { event, call, .. } = item;
    match (event.name, item.shape) {
        (EventName::TcpV4Rcv | EventName::SkDataReady, Shape::Segment) => segment(item),
        (EventName::TcpV4Rcv, _) => "acknowledgement".to_owned(),
        (EventName::SchedWaking, _) => "woken".to_owned(),
        (EventName::Read, Shape::Read) if event.value == 0 => format!("{call}: end of stream"),
        (EventName::Read | EventName::Write | EventName::Accept, _) if event.value < 0 => {
            format!("{call}: {}", errno(event.value))
        }
        (EventName::Read | EventName::Write, _) => format!("{call}: {}", bytes(event.value)),
        (EventName::Accept, _) => format!("{call}: descriptor {}", event.value),
        (EventName::EpollWait | EventName::Select | EventName::Poll, _) => match event.value {
            0 => format!("{call}: nothing"),
            1 => format!("{call}: 1 ready"),
            ret @ 2.. => format!("{call}: {ret} ready"),
            ret => format!("{call}: {}", errno(ret)),
        },
        (EventName::EpollCtl, _) => match *Scene::of(&run.head).extra(event) {
            Extra::Ctl { op: 1, .. } => "epoll_ctl ADD".to_owned(),
            Extra::Ctl { op: 2, .. } => "epoll_ctl DEL".to_owned(),
            Extra::Ctl { op: 3, .. } => "epoll_ctl MOD".to_owned(),
            _ => "epoll_ctl".to_owned(),
        },
        (EventName::Watch, _) => "ready list emptied".to_owned(),
        (other, _) => name(other),
    }
}

fn segment(item: &Item) -> String {
    const FLAGS: [(u32, &str); 3] = [(4, "RST"), (2, "SYN"), (1, "FIN")];
    if let Some(len) = item.bytes.filter(|len| *len > 0) {
        return format!("segment, {}", bytes(i64::try_from(len).unwrap_or(i64::MAX)));
    }
    let flag = FLAGS.iter().find(|(bit, _)| item.event.name == EventName::TcpV4Rcv && item.event.detail & bit != 0);
    flag.map_or_else(|| "segment".to_owned(), |(_, name)| format!("segment {name}"))
}

fn bytes(number: i64) -> String {
    if number == 1 { "1 byte".to_owned() } else { format!("{number} bytes") }
}

fn errno(value: i64) -> String {
    let text = bare(&ret(value));
    text.split_once(' ').map_or(text.clone(), |(_, name)| name.to_owned())
}

/// Everything that is known of it, a line for each.
pub(super) fn fields(run: &Run, item: &Item) -> String {
    let event = &item.event;
    let mut out = name(event.name);
    for (field, value) in of_event(run, event) {
        if event.via.is_some() && OWN.contains(&field.as_str()) {
            continue;
        }
        let value: String = bare(&value).chars().take(FIELD).collect();
        _ = write!(out, "\n{field}: {value}");
    }
    _ = write!(out, "\ntask: {}, cpu {}", task(run, event), event.cpu);
    match event.via {
        Some(Via::Stack) => out.push_str("\nseen: on the kernel stack of another event"),
        Some(Via::Watchpoint) => out.push_str("\nseen: by a watchpoint on the ready list"),
        None => {}
    }
    out
}

fn task(run: &Run, event: &Event) -> String {
    let role = match event.by {
        Some(By::Client) => "client ",
        Some(By::Server) => "server ",
        None => "",
    };
    match run.head.actors.get(&event.tid) {
        Some(actor) => format!("{actor} {}", event.tid),
        None => format!("{role}{}", event.tid),
    }
}
