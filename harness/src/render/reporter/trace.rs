//! The trace event format, which Perfetto and `chrome://tracing` read: a process for each picture, a thread for each lane,
//! and the ways of segments as flows.
use serde_json::{Value, json};

use super::super::picture::Picture;
use crate::recording::Half;

/// All pictures one beside the other; times are microseconds after each run's start.
pub fn trace<'a>(pictures: impl IntoIterator<Item = (&'a str, &'a Picture)>) -> serde_json::Result<String> {
    let mut events = Vec::new();
    for (place, (case, picture)) in pictures.into_iter().enumerate() {
        one(place + 1, case, picture, &mut events);
    }
    let mut text = serde_json::to_string(&json!({"displayTimeUnit": "ns", "traceEvents": events}))?;
    text.push('\n');
    Ok(text)
}

fn one(pid: usize, case: &str, picture: &Picture, events: &mut Vec<Value>) {
    let half = if picture.half == Half::Subject { "run" } else { "control" };
    events.push(json!({"ph": "M", "pid": pid, "name": "process_name", "args": {"name": format!("{case} ({half})")}}));
    for (tid, lane) in picture.lanes.iter().enumerate() {
        events.push(json!({"ph": "M", "pid": pid, "tid": tid, "name": "thread_name", "args": {"name": lane.name}}));
        events
            .push(json!({"ph": "M", "pid": pid, "tid": tid, "name": "thread_sort_index", "args": {"sort_index": tid}}));
    }
    for span in &picture.spans {
        events.push(json!({
            "ph": "X", "pid": pid, "tid": span.lane, "ts": micros(span.from), "dur": micros(span.until - span.from),
            "name": picture.texts[span.label], "cat": span.kind,
        }));
    }
    for dot in &picture.dots {
        let mut fields = picture.texts[dot.fields].lines();
        let mut arguments = json!({"event": fields.next()});
        for (name, value) in fields.filter_map(|line| line.split_once(": ")) {
            arguments[name] = json!(value);
        }
        if let Some(stack) = dot.stack {
            arguments["stack"] = json!(picture.stacks[stack].join(" < "));
        }
        // A flow needs something that lasts to stand on.
        events.push(json!({
            "ph": "X", "pid": pid, "tid": dot.lane, "ts": micros(dot.at), "dur": 0.5, "name": picture.texts[dot.label],
            "cat": dot.shape, "args": arguments,
        }));
    }
    for (number, way) in picture.ways.iter().enumerate() {
        let last = way.len().saturating_sub(1);
        for (step, dot) in way.iter().enumerate() {
            let dot = picture.dots[*dot];
            let phase = if step == 0 {
                "s"
            } else if step == last {
                "f"
            } else {
                "t"
            };
            events.push(json!({
                "ph": phase, "pid": pid, "tid": dot.lane, "ts": micros(dot.at), "id": format!("{pid}.{number}"),
                "name": "segment", "cat": "way", "bp": "e",
            }));
        }
    }
    for (name, at) in &picture.marks {
        events.push(json!({"ph": "i", "pid": pid, "tid": 0, "ts": micros(*at), "name": name, "s": "p"}));
    }
}

/// Nanoseconds as microseconds; a trace begins at its start or a little before.
#[expect(clippy::cast_precision_loss, reason = "a run takes less than 2^52 nanoseconds")]
fn micros(ns: i64) -> f64 {
    ns as f64 / 1000.0
}
