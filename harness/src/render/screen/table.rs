//! Events as a little table: when, who, what, with which fields, and from where in the kernel.
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::super::excerpt::{Excerpt, Shown};
use super::super::paint::{DIM, NAME, paint};
use super::super::text::{columns, grouped, left, right, wrap};
use super::Look;
use crate::case::{EventName, Probe};
use crate::recording::Via;
use crate::shortened;

/// Columns that fields need, to stand beside the event's name.
const FIELDS: usize = 20;

/// The events with these places, indented by `indent`.
pub(crate) fn table(excerpt: &Excerpt, places: impl IntoIterator<Item = usize>, indent: usize, look: Look) -> String {
    let events: Vec<_> = places.into_iter().filter_map(|place| excerpt.events.get(&place)).collect();
    let times: Vec<_> = events.iter().map(|event| offset(event.at)).collect();
    let whos: Vec<_> = events.iter().map(|event| who(event)).collect();
    let names: Vec<_> = events.iter().map(|event| name(event.name)).collect();
    let widest = |cells: &[String]| cells.iter().map(|cell| columns(cell)).max().unwrap_or_default();
    let (time, actor, kind) = (widest(&times), widest(&whos), widest(&names));
    let full = indent + time + actor + kind + 6;
    // In a narrow terminal the fields stand below.
    let beside = full + FIELDS <= look.columns();
    let before = if beside { full } else { indent + time + 2 };
    let room = look.columns().saturating_sub(before);
    let mut out = String::new();
    for (index, event) in events.iter().enumerate() {
        let mut fields = wrap(&fields(event), room).into_iter();
        let first = if beside { fields.next().unwrap_or_default() } else { String::new() };
        let kind = left(&paint(NAME, &names[index]), kind);
        let line = format!(
            "{}{}  {}  {kind}  {first}",
            " ".repeat(indent),
            right(&times[index], time),
            left(&whos[index], actor)
        );
        out.push_str(line.trim_end());
        out.push('\n');
        for more in fields {
            _ = writeln!(out, "{}{more}", " ".repeat(before));
        }
        if !event.stack.is_empty() {
            let arrow = format!(" {} ", look.signs().caller());
            let frames = event.stack.iter().map(|frame| look.signs().frame(frame)).collect::<Vec<_>>().join(&arrow);
            let indent = indent + time + 2;
            for line in wrap(&format!("in {frames}"), look.columns().saturating_sub(indent)) {
                _ = writeln!(out, "{}{}", " ".repeat(indent), paint(DIM, line));
            }
        }
    }
    out
}

/// Nanoseconds after the start: `+12 345 ns`.
fn offset(at: i64) -> String {
    format!("{}{} ns", if at < 0 { '-' } else { '+' }, grouped(at.unsigned_abs()))
}

fn who(event: &Shown) -> String {
    match &event.by {
        Some(by) => format!("{by} {}", event.tid),
        None => format!("tid {}", event.tid),
    }
}

/// The kernel's name of an event.
pub(crate) fn name(name: EventName) -> String {
    serde_json::to_value(name).map_or_else(|_| String::new(), |name| bare(&name))
}

/// The name of a probe, as cases have it.
pub(crate) fn probe_name(probe: Probe) -> String {
    serde_json::to_value(probe).map_or_else(|_| String::new(), |name| bare(&name))
}

fn fields(event: &Shown) -> String {
    let mut parts: Vec<_> = event.fields.iter().map(|(name, value)| format!("{name}={}", bare(value))).collect();
    match event.via {
        Some(Via::Stack) => parts.push("(seen on a stack)".to_owned()),
        Some(Via::Watchpoint) => parts.push("(seen by a watchpoint)".to_owned()),
        None => {}
    }
    parts.join(" ")
}

/// A JSON value as predicates write it, long lists cut short; a text stands without quotation marks.
pub(crate) fn bare(value: &Json) -> String {
    value.as_str().map_or_else(|| written(value, WIDTH), str::to_owned)
}

/// How many entries of a list are written out.
const ENTRIES: usize = 12;
/// How many characters a list may take before the rest of its entries is only counted; one within another has a third.
const WIDTH: usize = 240;

fn written(value: &Json, width: usize) -> String {
    match value {
        Json::Array(list) => {
            let (list, length) = shortened::entries(list);
            let mut entries: Vec<String> = Vec::new();
            let mut taken = 0;
            for entry in list.iter().take(ENTRIES) {
                if taken > width {
                    break;
                }
                let text = written(entry, width / 3);
                taken += text.chars().count();
                entries.push(text);
            }
            if length > entries.len() {
                entries.push(format!("and {} more", grouped((length - entries.len()) as u64)));
            }
            format!("[{}]", entries.join(", "))
        }
        Json::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{name}: {}", written(value, width))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_lists_are_cut_by_their_entries_and_by_their_width() {
        assert_eq!(bare(&json!("a text")), "a text");
        assert_eq!(bare(&json!((0..14).collect::<Vec<_>>())), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, and 2 more]");
        let wide = json!(vec![json!({"name": "x".repeat(200)}); 9]);
        let text = bare(&wide);
        assert!(text.ends_with(", and 7 more]"), "{text}");
        assert!(bare(&json!([["y".repeat(100), "z"]])).contains("and 1 more]]"));
        let kept = shortened::shorten(&json!(vec![1; 10_000]));
        let text = bare(&kept);
        assert!(text.ends_with("1, 1, and 9 988 more]"), "as many as there were, not as are kept: {text}");
    }
}
