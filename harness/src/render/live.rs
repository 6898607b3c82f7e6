//! One event as one line, while it happens.
use super::excerpt::plain;
use super::paint::{DIM, NAME, paint};
use super::picture::text::span;
use super::screen::name;
use super::text::{left, right};
use crate::matching::Scene;
use crate::recording::Event;

/// How many frames of a stack stand in the line.
const FRAMES: usize = 3;

/// The line: time since the first event and since the one before, task, name, connection, fields.
pub fn line(event: &Event, scene: Scene<'_>, first: u64, before: u64) -> String {
    let connection = match (event.local, event.remote) {
        (0, _) => String::new(),
        (local, 0) => format!(" port {local}"),
        (local, remote) => format!(" port {local} from {remote}"),
    };
    let stack: Vec<&str> = scene.stack(event).iter().take(FRAMES).map(AsRef::as_ref).collect();
    let stack = if stack.is_empty() { String::new() } else { paint(DIM, format!("  in {}", stack.join(" < "))) };
    format!(
        "{}  {}  {}  {}{connection}{}{stack}\n",
        right(&span(event.time.saturating_sub(first)), 10),
        paint(DIM, right(&format!("+{}", span(event.time.saturating_sub(before))), 10)),
        right(&event.tid.to_string(), 7),
        left(&paint(NAME, name(event.name)), 16),
        plain(event, scene)
    )
}
