//! From a run to its picture.
use std::collections::BTreeSet;

use indexmap::IndexSet;

use super::about::Objects;
use super::items::{Item, items};
use super::label::{fields, label};
use super::lanes::{Lanes, window};
use super::spans::{Lasting, spans};
use super::story::story;
use super::ways::ways;
use super::{Counted, Dot, Picture, Span};
use crate::recording::{Recording, Run};
use crate::render::screen::bare;
use crate::verdict::Evidence;

/// How many dots a picture has at most.
pub const MOST: usize = 240;
/// How long a measure's value may be.
const VALUE: usize = 60;

/// The picture of one run; none if there is nothing to draw.
pub(super) fn picture(recording: &Recording, place: usize, evidence: &[&Evidence], room: usize) -> Option<Picture> {
    let run = recording.runs.get(place)?;
    let objects = Objects::new(run);
    let (items, lanes) = items(recording, run, &objects);
    let (start, mut end) = window(run);
    let scripted = run.head.server.is_none();
    let lasting = spans(&items, (start, end), scripted);
    let inside = |item: &Item| (start..=end).contains(&item.event.time);
    let drawn: Vec<Item> = items.into_iter().filter(|item| inside(item) && item.is_drawn(scripted)).collect();
    let all = drawn.len();
    let drawn = most(drawn, evidence, room);
    if let Some(last) = drawn.last().filter(|_| drawn.len() < all) {
        end = last.event.time;
    }
    if drawn.is_empty() {
        return None;
    }
    let lasting: Vec<_> = lasting.into_iter().filter(|span| span.until > start && span.from < end).collect();
    let mut picture =
        Drawing { run, start, texts: IndexSet::new(), stacks: IndexSet::new() }.draw(&lanes, &drawn, &lasting);
    picture.counts = counts(&drawn, evidence);
    picture.story = story(&drawn, &lasting, &objects, end);
    picture.left_out = all - drawn.len();
    Some(picture)
}

/// As many as a picture has room for: from the first that a measure counts on, or from the beginning.
fn most(mut drawn: Vec<Item>, evidence: &[&Evidence], room: usize) -> Vec<Item> {
    if drawn.len() <= room {
        return drawn;
    }
    let counted: BTreeSet<usize> = evidence.iter().flat_map(|evidence| &evidence.events).copied().collect();
    let first = drawn.iter().position(|item| counted.contains(&item.place)).unwrap_or(0);
    let from = first.saturating_sub(room / 4).min(drawn.len() - room);
    drawn.drain(..from);
    drawn.truncate(room);
    drawn
}

/// Each measure once, with the dots that it counts.
fn counts(drawn: &[Item], evidence: &[&Evidence]) -> Vec<Counted> {
    let mut seen = BTreeSet::new();
    evidence
        .iter()
        .filter(|evidence| seen.insert(&evidence.measure))
        .map(|evidence| {
            let mut value = bare(&evidence.value);
            if value.chars().count() > VALUE {
                value = value.chars().take(VALUE).chain(['…']).collect();
            }
            let mut dots: Vec<usize> = Vec::new();
            for event in &evidence.events {
                // Of a derived event and its source the first is meant.
                dots.extend(drawn.iter().position(|item| item.place == *event));
            }
            Counted { text: format!("{} = {value}", evidence.measure), dots }
        })
        .collect()
}

struct Drawing<'a> {
    run: &'a Run,
    start: u64,
    texts: IndexSet<String>,
    stacks: IndexSet<Vec<String>>,
}

impl Drawing<'_> {
    fn draw(mut self, lanes: &Lanes<'_>, drawn: &[Item], lasting: &[Lasting]) -> Picture {
        let keys = drawn.iter().map(|item| item.key).chain(lasting.iter().map(|span| span.key));
        let (lanes, places) = lanes.order(keys);
        let dots = drawn.iter().map(|item| self.dot(item, places[&item.key])).collect();
        let spans = lasting.iter().map(|span| self.span(span, places[&span.key])).collect();
        let last = drawn.last().map_or(0, |item| item.event.time);
        let marks = self.run.head.marks.iter().filter(|mark| mark.time >= self.start && mark.time <= last);
        Picture {
            half: self.run.head.half,
            point: self.run.head.point.clone(),
            lanes,
            dots,
            spans,
            ways: ways(drawn),
            marks: marks.map(|mark| (mark.name.clone(), self.after(mark.time))).collect(),
            counts: Vec::new(),
            story: Vec::new(),
            left_out: 0,
            texts: self.texts.into_iter().collect(),
            stacks: self.stacks.into_iter().collect(),
        }
    }

    fn dot(&mut self, item: &Item, lane: usize) -> Dot {
        let stack = item.event.stack.and_then(|place| self.run.head.stacks.get(place.index()));
        Dot {
            at: self.after(item.event.time),
            lane,
            shape: item.shape,
            label: self.text(label(self.run, item)),
            fields: self.text(fields(self.run, item)),
            stack: stack.map(|frames| self.stacks.insert_full(frames.iter().map(ToString::to_string).collect()).0),
        }
    }

    fn span(&mut self, span: &Lasting, lane: usize) -> Span {
        let label = self.text(span.label.clone());
        Span { from: self.after(span.from), until: self.after(span.until), lane, kind: span.kind, label }
    }

    fn text(&mut self, text: String) -> usize {
        self.texts.insert_full(text).0
    }

    fn after(&self, time: u64) -> i64 {
        i64::try_from(i128::from(time) - i128::from(self.start)).unwrap_or(i64::MAX)
    }
}
