//! Events, understood: on which lane each stands, what it is about, and what it brings or takes.
use super::Shape;
use super::about::{Objects, Who};
use super::lanes::{Key, Lanes};
use crate::case::{EventName, Side, call_name};
use crate::derive::Deriver;
use crate::matching::{Matcher, Scene, function};
use crate::recording::{By, Event, Recording, Run, Via};

/// How far behind a segment's arrival its sender's `write` may return, in events.
const SOON: usize = 24;

/// An event, understood.
#[derive(Clone)]
pub(super) struct Item {
    /// Its place in the run; a derived event has that of its source.
    pub(super) place: usize,
    pub(super) event: Event,
    pub(super) key: Key,
    pub(super) shape: Shape,
    /// The object that it is about.
    pub(super) about: Option<Who>,
    /// It is about the far end of that object: a client's own call on its connection.
    pub(super) far: bool,
    /// The objects that a wait call reports.
    pub(super) reports: Vec<Who>,
    /// How many bytes came or were taken, if that is known.
    pub(super) bytes: Option<u64>,
    /// The system call, without `sys_enter_`.
    pub(super) call: String,
}

/// All events of a run that stand on a lane, in order, and the lanes.
pub(super) fn items<'a>(recording: &Recording, run: &'a Run, objects: &'a Objects) -> (Vec<Item>, Lanes<'a>) {
    let scene = Scene::of(&run.head);
    let mut deriver = Deriver::new(&recording.head.probes);
    let mut all = Vec::with_capacity(run.events.len());
    for (place, event) in run.events.iter().enumerate() {
        deriver.each(event, scene, |event| all.push((place, *event)));
    }
    let lanes = Lanes::new(run, objects, all.iter().map(|(_, event)| event));
    let mut matcher = Matcher::new();
    let mut items: Vec<Item> = Vec::new();
    for (place, event) in all {
        let item = matcher.around(&event, scene, |matcher| item(place, &event, &lanes, objects, matcher, scene));
        let Some(item) = item else { continue };
        if let Some(callback) = callback(&items, &item, &lanes, scene) {
            items.push(callback);
        }
        items.push(item);
    }
    lengths(&mut items);
    (items, lanes)
}

fn item(
    place: usize,
    event: &Event,
    lanes: &Lanes<'_>,
    objects: &Objects,
    matcher: &Matcher,
    scene: Scene<'_>,
) -> Option<Item> {
    let key = lanes.of(event, matcher, scene)?;
    let near = objects.subject(event, matcher, scene);
    let far = if event.by == Some(By::Client) && event.local != 0 && near.is_none() {
        let swapped = Event { local: event.remote, remote: event.local, ..*event };
        objects.subject(&swapped, matcher, scene)
    } else {
        None
    };
    Some(Item {
        place,
        event: *event,
        key,
        shape: shape(event),
        about: near.or(far),
        far: far.is_some(),
        reports: objects.reported(event, matcher, scene),
        bytes: matches!(event.name, EventName::TcpV4Rcv | EventName::Read | EventName::Write)
            .then(|| u64::try_from(event.value).ok())
            .flatten()
            .filter(|bytes| event.via.is_none() || *bytes > 0),
        call: call(event),
    })
}

/// Where only the wake-up is seen, the callback stands on its stack.
fn callback(before: &[Item], waking: &Item, lanes: &Lanes<'_>, scene: Scene<'_>) -> Option<Item> {
    let event = &waking.event;
    let on_stack = || scene.stack(event).iter().any(|frame| function(frame) == "ep_poll_callback");
    if event.name != EventName::SchedWaking || !on_stack() {
        return None;
    }
    let segment = |item: &&Item| item.shape == Shape::Segment;
    let same = |item: &&Item| item.event.tid == event.tid;
    let since = before.iter().rev().filter(same).take_while(|item| !segment(item));
    if since.into_iter().any(|item| item.event.name == EventName::EpPollCallback) {
        return None;
    }
    let key = lanes.only_eventpoll()?;
    let callback = Event { name: EventName::EpPollCallback, via: Some(Via::Stack), value: 0, detail: 0, ..*event };
    Some(Item { event: callback, key, shape: Shape::Callback, ..waking.clone() })
}

/// Where the kernel does not tell a segment's length, it is that of the write that sent it.
fn lengths(items: &mut [Item]) {
    let mut used = std::collections::BTreeSet::new();
    for place in 0..items.len() {
        let (who, tid) = (items[place].about, items[place].event.tid);
        if items[place].shape != Shape::Segment || items[place].bytes.is_some() || who.is_none() {
            continue;
        }
        let near = items.len().min(place + SOON);
        let write = (place..near).find(|&other| {
            let other = &items[other];
            other.event.name == EventName::Write && other.event.tid == tid && other.about == who
        });
        if let Some(write) = write.filter(|write| used.insert(*write)) {
            items[place].bytes = items[write].bytes;
        }
    }
}

fn shape(event: &Event) -> Shape {
    /// FIN, SYN or RST.
    const MEANS_SOMETHING: u32 = 0b111;
    match (event.name, event.value) {
        (EventName::TcpV4Rcv, len) if len > 0 || event.via.is_some() || event.detail & MEANS_SOMETHING != 0 => {
            Shape::Segment
        }
        // Of a TCP socket the segment itself is seen.
        (EventName::SkDataReady, _) if event.local == 0 => Shape::Segment,
        (EventName::EpPollCallback, _) => Shape::Callback,
        (EventName::SchedWaking, _) => Shape::Wake,
        (EventName::EpollWait | EventName::Select | EventName::Poll, ret) if ret > 0 => Shape::Report,
        (EventName::EpollWait | EventName::Select | EventName::Poll, _) => Shape::Nothing,
        (EventName::Read, ret) if ret >= 0 => Shape::Read,
        (EventName::Write, ret) if ret > 0 => Shape::Write,
        (EventName::Accept, ret) if ret >= 0 => Shape::Accept,
        (EventName::Read | EventName::Accept, _) => Shape::Empty,
        _ => Shape::Other,
    }
}

fn call(event: &Event) -> String {
    let Some((_, calls)) = event.name.calls() else { return String::new() };
    let other = calls.first().map_or("", |(_, name)| name);
    call_name(i64::from(event.call)).filter(|_| event.call != 0).unwrap_or(other).to_owned()
}

impl Item {
    /// A call by which the harness itself gets on, on a descriptor that the case does not know.
    pub(super) fn is_ours(&self, scripted: bool) -> bool {
        let waits = matches!(self.event.name, EventName::EpollWait | EventName::Select | EventName::Poll);
        self.key == Key::Client && self.about.is_none() && !(scripted && waits)
    }

    /// Whether it is worth a dot: not an entry, which begins a span, not what another dot stands for, and no call on a
    /// descriptor that the case does not know.
    pub(super) fn is_drawn(&self, scripted: bool) -> bool {
        match self.event.name {
            EventName::SchedSwitch => false,
            EventName::SkDataReady => self.shape == Shape::Segment,
            // A callback is derived from the write that fills the list.
            EventName::Watch => matches!(self.key, Key::Eventpoll(_)) && self.event.detail == 1,
            EventName::Read | EventName::Write | EventName::Close => self.about.is_some(),
            EventName::EpollWait | EventName::Select | EventName::Poll | EventName::Accept => !self.is_ours(scripted),
            name => !matches!(name.calls(), Some((Side::Enter, _))),
        }
    }

    /// Whether it makes something readable: data, a connection, an end.
    pub(super) fn brings(&self) -> bool {
        self.shape == Shape::Segment
    }
}
