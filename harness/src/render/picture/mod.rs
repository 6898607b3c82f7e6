//! What one run looks like: lanes of tasks, sockets and eventpolls, the events on them, and the ways of segments.
//!
//! Made once, when a case has been judged, and kept with the results, so that every report can draw it without the
//! recording. Compact: texts and stacks are kept once and referred to by place.
mod about;
mod draw;
mod items;
mod label;
mod lanes;
mod spans;
mod story;
#[cfg(test)]
mod tests;
pub mod text;
mod ways;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Value;
use crate::recording::{Half, Recording};
use crate::verdict::{Evidence, Verdict};

pub use draw::MOST;

/// One run as a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Picture {
    /// Subject or control.
    pub half: Half,
    /// The parameters' values.
    pub point: BTreeMap<String, Value>,
    /// From top to bottom.
    pub lanes: Vec<Lane>,
    /// Texts that dots and spans refer to by place.
    pub texts: Vec<String>,
    /// Kernel stacks, innermost frame first, that dots refer to by place.
    pub stacks: Vec<Vec<String>>,
    /// What happened, in order of time.
    pub dots: Vec<Dot>,
    /// What lasted.
    pub spans: Vec<Span>,
    /// The ways of segments: places of dots, in order.
    pub ways: Vec<Vec<usize>>,
    /// Marks with their time after the start, in nanoseconds.
    pub marks: Vec<(String, i64)>,
    /// Measures, and the dots that they count.
    pub counts: Vec<Counted>,
    /// What it shows, in a sentence for each socket of the case.
    #[serde(default)]
    pub story: Vec<String>,
    /// Events of the window that are not drawn.
    pub left_out: usize,
}

/// A measure as it was, and the dots that it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    /// Its name and value.
    pub text: String,
    /// Places of dots.
    pub dots: Vec<usize>,
}

/// A task or an object of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lane {
    /// What it is.
    pub kind: LaneKind,
    /// What it is called.
    pub name: String,
}

/// What a lane stands for; lanes stand in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LaneKind {
    /// The process that drives clients.
    Client,
    /// A socket, or another file that can be waited for.
    Socket,
    /// An eventpoll.
    Eventpoll,
    /// A task that waits: the server's, or one of the script.
    Task,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "DotRow", from = "DotRow")]
pub struct Dot {
    /// Nanoseconds after the mark `start`.
    pub at: i64,
    /// Place of its lane.
    pub lane: usize,
    /// How it looks.
    pub shape: Shape,
    /// Place of its name in `texts`.
    pub label: usize,
    /// Place of its fields in `texts`, one a line.
    pub fields: usize,
    /// Place of its kernel stack in `stacks`.
    pub stack: Option<usize>,
}

/// A dot as it is written: time, lane, shape, label, fields, stack.
type DotRow = (i64, usize, Shape, usize, usize, Option<usize>);

impl From<Dot> for DotRow {
    fn from(dot: Dot) -> Self {
        (dot.at, dot.lane, dot.shape, dot.label, dot.fields, dot.stack)
    }
}

impl From<DotRow> for Dot {
    fn from((at, lane, shape, label, fields, stack): DotRow) -> Self {
        Self { at, lane, shape, label, fields, stack }
    }
}

/// How a dot looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A segment reached a socket.
    Segment,
    /// The callback of an eventpoll was called.
    Callback,
    /// A task was woken.
    Wake,
    /// A wait call returned with something to report.
    Report,
    /// A wait call returned with nothing.
    Nothing,
    /// Data was taken.
    Read,
    /// A read found nothing.
    Empty,
    /// Data was sent.
    Write,
    /// A connection was taken.
    Accept,
    /// Anything else.
    Other,
}

/// Something that lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "SpanRow", from = "SpanRow")]
pub struct Span {
    /// From, in nanoseconds after the start.
    pub from: i64,
    /// Until.
    pub until: i64,
    /// Place of its lane.
    pub lane: usize,
    /// What it is.
    pub kind: SpanKind,
    /// Place of its description in `texts`.
    pub label: usize,
}

/// A span as it is written.
type SpanRow = (i64, i64, usize, SpanKind, usize);

impl From<Span> for SpanRow {
    fn from(span: Span) -> Self {
        (span.from, span.until, span.lane, span.kind, span.label)
    }
}

impl From<SpanRow> for Span {
    fn from((from, until, lane, kind, label): SpanRow) -> Self {
        Self { from, until, lane, kind, label }
    }
}

/// What lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// A task is in a call that may sleep.
    Waiting,
    /// Data lies in a socket and has not been read.
    Unread,
    /// The ready list of an eventpoll holds something.
    Ready,
}

/// The pictures of a case: of the run that its verdict points to, and of the same in the control.
pub(super) fn pictures(recording: &Recording, verdict: &Verdict) -> Vec<Picture> {
    [Half::Subject, Half::Control]
        .into_iter()
        .filter_map(|half| {
            let evidence = evidence(verdict, half);
            let run = chosen(recording, half, &evidence)?;
            let evidence: Vec<_> = evidence.into_iter().filter(|evidence| evidence.run == run).collect();
            draw::picture(recording, run, &evidence, MOST)
        })
        .collect()
}

/// Every run as a whole, however long it is.
pub fn whole(recording: &Recording) -> Vec<Picture> {
    (0..recording.runs.len()).filter_map(|run| draw::picture(recording, run, &[], usize::MAX)).collect()
}

/// What the verdict rests on in one half, what came out otherwise than expected first.
fn evidence(verdict: &Verdict, half: Half) -> Vec<&Evidence> {
    match half {
        Half::Control => verdict.control.findings.iter().flat_map(|finding| &finding.evidence).collect(),
        Half::Subject => {
            let failed = verdict.expectations.iter().filter(|finding| finding.held == Some(false));
            let held = verdict.expectations.iter().filter(|finding| finding.held != Some(false));
            let claims = verdict.claims.iter().flat_map(|claim| &claim.evidence);
            let first = failed.flat_map(|finding| &finding.evidence);
            first.chain(claims).chain(held.flat_map(|finding| &finding.evidence)).collect()
        }
    }
}

/// The run of that half that is pointed to with events, else with anything, else the first.
fn chosen(recording: &Recording, half: Half, evidence: &[&Evidence]) -> Option<usize> {
    let of_half = |place: &usize| recording.runs.get(*place).is_some_and(|run| run.head.half == half);
    let mut pointed = evidence.iter().filter(|evidence| !evidence.events.is_empty()).map(|evidence| evidence.run);
    let mut without = evidence.iter().map(|evidence| evidence.run);
    pointed.find(of_half).or_else(|| without.find(of_half)).or_else(|| (0..recording.runs.len()).find(of_half))
}
