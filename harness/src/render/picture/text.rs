//! A recording as text: for each connection what happened on it, with the time since the event before.
use std::fmt::Write as _;

use super::about::Objects;
use super::items::{Item, items};
use super::label::label;
use super::lanes::window;
use crate::case::Value;
use crate::recording::{Account, Half, Recording, Run};
use crate::render::paint::{BOLD, DIM, NAME, paint};
use crate::render::screen::Look;
use crate::render::text::{counted, grouped, left, right};

/// How many frames of a stack stand in a line.
const FRAMES: usize = 3;

/// Which lines are shown.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only what happened on the object of this name.
    pub on: Option<String>,
    /// Only events whose kernel name or label contains one of these.
    pub events: Vec<String>,
}

/// All runs of a recording.
pub fn text(recording: &Recording, wanted: &Wanted, look: Look) -> String {
    let head = &recording.head;
    let mut out = format!("{} on Linux {}, evidence {}\n", paint(BOLD, &head.case), head.kernel.release, head.grade);
    for (place, run) in recording.runs.iter().enumerate() {
        let half = if run.head.half == Half::Subject { "the case" } else { "the control" };
        let point: Vec<_> = run
            .head
            .point
            .iter()
            .map(|(name, value)| match value {
                Value::Int(number) => format!("{name} = {number}"),
                Value::Text(text) => format!("{name} = {text}"),
            })
            .collect();
        let point = if point.is_empty() { String::new() } else { format!(", {}", point.join(", ")) };
        _ = writeln!(out, "\n{}", paint(BOLD, format!("run {}: {half}{point}", place + 1)));
        one(&mut out, recording, run, wanted, look);
        out += &accounts(&run.head.accounts);
    }
    out
}

/// What became of the records of each kind: all that were fired came or were lost, or nothing is proven.
fn accounts(accounts: &[Account]) -> String {
    if accounts.is_empty() {
        return String::new();
    }
    let columns = ["kind", "fired", "came", "lost", "passed over"];
    let row = |cells: [String; 5]| {
        let [kind, numbers @ ..] = cells;
        let numbers: String = numbers.iter().map(|number| right(number, 14)).collect();
        format!("  {}{numbers}\n", left(&kind, 24))
    };
    let mut out = format!("\n  {}\n", paint(BOLD, "records"));
    out += &paint(DIM, row(columns.map(str::to_owned)));
    for Account { kind, fired, lost, missed, delivered } in accounts {
        let numbers = [fired, delivered, lost, missed].map(|number| grouped(*number));
        let [fired, delivered, lost, missed] = numbers;
        out += &row([kind.clone(), fired, delivered, lost, missed]);
    }
    out
}

fn one(out: &mut String, recording: &Recording, run: &Run, wanted: &Wanted, look: Look) {
    let objects = Objects::new(run);
    let (items, lanes) = items(recording, run, &objects);
    let (start, end) = window(run);
    let scripted = run.head.server.is_none();
    let (mut groups, mut rest) = (vec![Vec::new(); objects.len()], Vec::new());
    for item in items.iter().filter(|item| (start..=end).contains(&item.event.time) && item.is_drawn(scripted)) {
        if !wanted.takes(item) {
            continue;
        }
        let about: Vec<usize> = item.about.iter().chain(&item.reports).map(|who| who.0).collect();
        for place in &about {
            groups[*place].push(item);
        }
        if about.is_empty() {
            rest.push(item);
        }
    }
    let named = groups.iter().enumerate().map(|(place, group)| (objects.name(place).to_owned(), group));
    if items.is_empty() {
        unseen(out, run);
    }
    for (name, group) in named.chain([("everything else".to_owned(), &rest)]) {
        if group.is_empty() || wanted.on.as_ref().is_some_and(|on| *on != name && !name.starts_with(&format!("{on}[")))
        {
            continue;
        }
        _ = writeln!(out, "\n  {}  {}", paint(BOLD, &name), paint(DIM, counted(group.len(), "event")));
        let mut before = start;
        for item in group {
            line(out, run, item, &lanes.name(item.key), (start, before), look);
            before = item.event.time;
        }
    }
}

/// A run of which no event was recorded: what its calls returned.
fn unseen(out: &mut String, run: &Run) {
    _ = writeln!(out, "\n  {}", paint(DIM, "no events were recorded; calls and their results, in order:"));
    let mut results: Vec<_> =
        run.head.results.iter().flat_map(|(name, all)| all.iter().map(move |one| (name, one))).collect();
    results.sort_by_key(|(_, result)| result.time);
    for (name, result) in results {
        let mut text = format!("{name} = {}", result.ret);
        for part in result.errno.iter().chain(&result.refused) {
            _ = write!(text, " {part}");
        }
        for ready in &result.ready {
            _ = write!(text, ", {}: {}", ready.name, ready.bits.join(" "));
        }
        _ = writeln!(out, "    {text}{}", if result.eof { ", end of the stream" } else { "" });
    }
}

impl Wanted {
    fn takes(&self, item: &Item) -> bool {
        self.events.is_empty() || {
            let name = crate::render::screen::name(item.event.name);
            self.events.iter().any(|event| name.contains(event.as_str()) || item.call.contains(event.as_str()))
        }
    }
}

fn line(out: &mut String, run: &Run, item: &Item, who: &str, (start, before): (u64, u64), look: Look) {
    let time = item.event.time;
    let since = time.saturating_sub(before);
    let _ = write!(
        out,
        "    {}  {}  {}  {}",
        right(&span(time.saturating_sub(start)), 10),
        paint(DIM, right(&format!("+{}", span(since)), 10)),
        left(who, 14),
        paint(NAME, label(run, item))
    );
    if let Some(stack) = item.event.stack.and_then(|place| run.head.stacks.get(place.index())) {
        let arrow = format!(" {} ", look.signs().caller());
        let frames: Vec<_> = stack.iter().take(FRAMES).map(AsRef::as_ref).collect();
        _ = write!(out, "  {}", paint(DIM, format!("in {}", frames.join(&arrow))));
    }
    out.push('\n');
}

/// A time as people read it: three digits and a unit.
pub fn span(ns: u64) -> String {
    let part = |unit: u64, name: &str| {
        let (whole, rest) = (ns / unit, ns % unit);
        match whole {
            0..10 => format!("{whole}.{:02} {name}", rest * 100 / unit),
            10..100 => format!("{whole}.{} {name}", rest * 10 / unit),
            _ => format!("{whole} {name}"),
        }
    };
    match ns {
        0..1000 => format!("{ns} ns"),
        1000..1_000_000 => part(1000, "µs"),
        1_000_000..1_000_000_000 => part(1_000_000, "ms"),
        _ => part(1_000_000_000, "s"),
    }
}
