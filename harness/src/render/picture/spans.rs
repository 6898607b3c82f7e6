//! What lasts: a call that may sleep, data that lies unread, a ready list that holds something.
use std::collections::BTreeMap;

use super::about::Who;
use super::items::Item;
use super::lanes::Key;
use super::{Shape, SpanKind};
use crate::case::{EventName, Side};
use crate::recording::Via;

/// A span whose lane is not numbered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lasting {
    pub(super) key: Key,
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) kind: SpanKind,
    pub(super) label: String,
}

/// The spans of a window that ends at `end`.
pub(super) fn spans(items: &[Item], (start, end): (u64, u64), scripted: bool) -> Vec<Lasting> {
    let mut spans = Vec::new();
    waiting(items, (start, end), scripted, &mut spans);
    unread(items, end, &mut spans);
    ready(items, end, &mut spans);
    spans
}

/// From the entry of a call to its return in the same task.
fn waiting(items: &[Item], (start, end): (u64, u64), scripted: bool, spans: &mut Vec<Lasting>) {
    let mut inside: BTreeMap<u32, (u64, Key, String)> = BTreeMap::new();
    for item in items {
        let Some((side, _)) = item.event.name.calls() else { continue };
        let tid = item.event.tid;
        match side {
            Side::Enter => {
                inside.insert(tid, (item.event.time.max(start), item.key, item.call.clone()));
            }
            Side::Exit => {
                let Some((from, key, call)) = inside.remove(&tid) else { continue };
                let until = item.event.time;
                if until > start && item.call == call && !item.is_ours(scripted) {
                    spans.push(Lasting { key, from, until, kind: SpanKind::Waiting, label: format!("in {call}") });
                }
            }
        }
    }
    for (from, key, call) in inside.into_values().filter(|(_, key, _)| *key != Key::Client) {
        spans.push(Lasting { key, from, until: end, kind: SpanKind::Waiting, label: format!("in {call}, to the end") });
    }
}

/// From the first segment to the read that takes the last byte. Where the kernel does not tell a segment's length, it is
/// that of the write that sent it.
fn unread(items: &[Item], end: u64, spans: &mut Vec<Lasting>) {
    let mut lying: BTreeMap<Who, (u64, u64, Key)> = BTreeMap::new();
    let close = |who: Who, until: u64, lying: &mut BTreeMap<Who, (u64, u64, Key)>, spans: &mut Vec<Lasting>| {
        if let Some((from, bytes, key)) = lying.remove(&who) {
            let label = if bytes == 1 { "1 byte unread".to_owned() } else { format!("{bytes} bytes unread") };
            spans.push(Lasting { key, from, until, kind: SpanKind::Unread, label });
            return Some((bytes, key));
        }
        None
    };
    for item in items {
        let Some(who) = item.about else { continue };
        let time = item.event.time;
        let change = match (item.shape, item.bytes) {
            (Shape::Segment, Some(bytes @ 1..)) => i128::from(bytes),
            (Shape::Read, Some(bytes)) if !item.far => -i128::from(bytes),
            _ => continue,
        };
        let (before, key) = close(who, time, &mut lying, spans).unwrap_or((0, item.key));
        let after = u64::try_from(i128::from(before) + change).unwrap_or(0);
        if after > 0 {
            lying.insert(who, (time, after, key));
        }
    }
    let left: Vec<Who> = lying.keys().copied().collect();
    for who in left {
        close(who, end, &mut lying, spans);
    }
}

/// From a write that fills a watched ready list to one that empties it.
fn ready(items: &[Item], end: u64, spans: &mut Vec<Lasting>) {
    let mut holding: BTreeMap<Key, u64> = BTreeMap::new();
    let mut put = |key, from, until| {
        let label = "ready list holds something".to_owned();
        spans.push(Lasting { key, from, until, kind: SpanKind::Ready, label });
    };
    for item in items {
        let Key::Eventpoll(_) = item.key else { continue };
        let empty = match (item.event.name, item.event.via) {
            (EventName::Watch, _) => item.event.detail == 1,
            (EventName::EpPollCallback, Some(Via::Watchpoint)) => false,
            _ => continue,
        };
        if !empty {
            holding.entry(item.key).or_insert(item.event.time);
        } else if let Some(from) = holding.remove(&item.key) {
            put(item.key, from, item.event.time);
        }
    }
    for (key, from) in holding {
        put(key, from, end);
    }
}
