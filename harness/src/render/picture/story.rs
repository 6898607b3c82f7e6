//! What a picture shows, in a sentence for each socket: so that it can be read without being looked at.
use super::about::{Objects, Who};
use super::items::Item;
use super::spans::Lasting;
use super::{Shape, SpanKind};
use crate::case::EventName;
use crate::render::picture::lanes::Key;

/// More sockets than this are not told of one by one.
const TOLD: usize = 3;

/// What happened on each socket of the case, until `end`.
pub(super) fn story(items: &[Item], lasting: &[Lasting], objects: &Objects, end: u64) -> Vec<String> {
    let mut all: Vec<Who> = items.iter().filter(|item| item.brings()).filter_map(|item| item.about).collect();
    all.sort_unstable();
    all.dedup();
    all.retain(|who| !objects.is_sentinel(who.0));
    if all.len() > TOLD {
        return Vec::new();
    }
    all.into_iter().map(|who| of_one(who, items, lasting, objects, end)).collect()
}

fn of_one(who: Who, items: &[Item], lasting: &[Lasting], objects: &Objects, end: u64) -> String {
    let about = |item: &&Item| item.about == Some(who) && !item.far;
    let count = |shape: Shape| items.iter().filter(about).filter(|item| item.shape == shape).count();
    let wait = items.iter().find(|item| item.shape == Shape::Report && item.reports.contains(&who));
    let reports = items.iter().filter(|item| item.shape == Shape::Report && item.reports.contains(&who)).count();
    let callbacks = count(Shape::Callback);
    let reads = items.iter().filter(about).filter(|item| item.event.name == EventName::Read && item.event.value > 0);
    let left =
        lasting.iter().find(|span| span.kind == SpanKind::Unread && span.until >= end && span.key == Key::Named(who.0));
    let mut parts = vec![arrivals(count(Shape::Segment))];
    if callbacks > 0 {
        parts.push(format!("epoll’s callback is seen {}", times(callbacks)));
    }
    if let Some(wait) = wait {
        parts.push(format!("{} reports it {}", wait.call, times(reports)));
    }
    parts.push(match reads.count() {
        0 => "nobody reads it".to_owned(),
        number => format!("it is read {}", times(number)),
    });
    let rest = left.map_or_else(String::new, |span| format!("; {} at the end", span.label));
    format!("On {}: {}{rest}.", objects.name(who.0), parts.join(", "))
}

fn arrivals(number: usize) -> String {
    if number == 1 { "1 segment arrives".to_owned() } else { format!("{number} segments arrive") }
}

fn times(number: usize) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        number => format!("{number} times"),
    }
}
