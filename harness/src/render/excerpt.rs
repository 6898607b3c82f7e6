//! The part of a run that a report may show: the events that a verdict points to, and the last ones before a stop.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use wakeproof_abi::SWITCH_ENTERS;

use crate::case::{EventName, Value, tcp_state};
use crate::matching::{Scene, function, packet, skb};
use crate::recording::{Account, By, End, Event, Extra, Half, Named, Recording, Run, Via, softirq_name};
use crate::verdict::Verdict;

/// How many of the last events of a run that stopped are shown.
const LAST: usize = 8;
/// How many frames of a stack are shown.
const FRAMES: usize = 4;
/// Functions that cases speak of: they are shown however far out on the stack they stand.
const LANDMARKS: [&str; 4] = ["ep_poll_callback", "sock_def_readable", "tcp_v4_rcv", "release_sock"];
/// Stands for frames that are left out.
pub(super) const LEFT_OUT: &str = "…";

/// What a report may show of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Excerpt {
    /// Subject or control.
    pub half: Half,
    /// The parameters' values.
    pub point: BTreeMap<String, Value>,
    /// How it ended.
    pub end: End,
    /// What the server wrote to its standard error, and how it ended by itself, if it did.
    pub server: Option<String>,
    /// Marks with their time after the start, in nanoseconds.
    pub marks: Vec<(String, i64)>,
    /// What was lost.
    pub lossy: Vec<Account>,
    /// Events by their place in the run.
    pub events: BTreeMap<usize, Shown>,
}

/// An event, ready to be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// Nanoseconds after the mark `start`.
    pub at: i64,
    /// The running task.
    pub tid: u32,
    /// What its process is there for: `client`, `server`, or the actor's name.
    pub by: Option<String>,
    /// What happened.
    pub name: EventName,
    /// How it was seen, if not by a probe of that name.
    pub via: Option<Via>,
    /// The fields that say something about this kind of event.
    pub fields: Map<String, Json>,
    /// The kernel stack, innermost frame first; `…` stands for frames that are left out.
    pub stack: Vec<String>,
}

impl Excerpt {
    /// The last calls of the server before the end of a run, so many.
    pub fn last_of_server(run: &Run, count: usize) -> Self {
        let end = run.head.marks.iter().rfind(|mark| mark.name == "end").map_or(u64::MAX, |mark| mark.time);
        let theirs = |event: &Event| event.by == Some(By::Server) && event.name.calls().is_some() && event.time < end;
        let places = run.events.iter().enumerate().rev().filter(|(_, event)| theirs(event)).map(|(place, _)| place);
        of_run(run, &places.take(count).collect())
    }
}

/// The excerpts of all runs: what the verdict points to, and the end of runs that did not come to theirs.
pub(super) fn excerpts(recording: &Recording, verdict: &Verdict) -> Vec<Excerpt> {
    let subject = verdict.expectations.iter().chain(&verdict.control.findings).flat_map(|finding| &finding.evidence);
    let evidence: Vec<_> = subject.chain(verdict.claims.iter().flat_map(|claim| &claim.evidence)).collect();
    let excerpt = |(place, run): (usize, &Run)| {
        let mut wanted: BTreeSet<usize> = evidence
            .iter()
            .filter(|evidence| evidence.run == place)
            .flat_map(|evidence| evidence.events.iter().copied())
            .collect();
        if !run.head.end.is_sound() {
            wanted.extend(run.events.len().saturating_sub(LAST)..run.events.len());
        }
        of_run(run, &wanted)
    };
    recording.runs.iter().enumerate().map(excerpt).collect()
}

fn of_run(run: &Run, wanted: &BTreeSet<usize>) -> Excerpt {
    let marks = &run.head.marks;
    let start = marks.iter().find(|mark| mark.name == "start").map(|mark| mark.time);
    let start = start.or_else(|| run.events.first().map(|event| event.time)).unwrap_or_default();
    let after = |time: u64| i64::try_from(i128::from(time) - i128::from(start)).unwrap_or(i64::MAX);
    let server = run.head.server.as_ref().and_then(|server| {
        let exit = server.exit.as_deref().map(|exit| format!("{} {exit}", server.model));
        let parts: Vec<_> =
            exit.into_iter().chain((!server.stderr.is_empty()).then(|| server.stderr.trim_end().to_owned())).collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    });
    Excerpt {
        half: run.head.half,
        point: run.head.point.clone(),
        end: run.head.end.clone(),
        server,
        marks: marks.iter().map(|mark| (mark.name.clone(), after(mark.time))).collect(),
        lossy: run.head.accounts.iter().filter(|account| account.fired != account.delivered).cloned().collect(),
        events: wanted.iter().filter_map(|&place| Some((place, shown(run, run.events.get(place)?, after)))).collect(),
    }
}

fn shown(run: &Run, event: &Event, after: impl Fn(u64) -> i64) -> Shown {
    let role = event.by.map(|by| match by {
        By::Client => "client".to_owned(),
        By::Server => "server".to_owned(),
    });
    let stack = event.stack.and_then(|place| run.head.stacks.get(place.index())).map(Vec::as_slice).unwrap_or_default();
    Shown {
        at: after(event.time),
        tid: event.tid,
        by: run.head.actors.get(&event.tid).cloned().or(role),
        name: event.name,
        via: event.via,
        fields: fields(run, event),
        stack: shortened(stack),
    }
}

/// The innermost frames, and what a case may speak of among the others.
fn shortened(stack: &[Arc<str>]) -> Vec<String> {
    let mut short = Vec::new();
    let mut before = 0;
    for (place, frame) in stack.iter().enumerate() {
        if place < FRAMES || LANDMARKS.contains(&function(frame)) {
            if place > before {
                short.push(LEFT_OUT.to_owned());
            }
            short.push(frame.to_string());
            before = place + 1;
        }
    }
    short
}

/// What this kind of event says, by the names that a case uses for it.
pub(super) fn fields(run: &Run, event: &Event) -> Map<String, Json> {
    let mut about = run.head.names.iter().filter(|(_, all)| all.iter().any(|one| is_about(event, one)));
    let mut fields: Map<String, Json> =
        about.next().map(|(name, _)| ("on".to_owned(), json!(name))).into_iter().collect();
    fields.extend(own(event, Scene::of(&run.head)));
    fields
}

/// The fields of an event without a run, in one line.
pub(super) fn plain(event: &Event, scene: Scene<'_>) -> String {
    let one = |(name, value): (&String, &Json)| format!(" {name}={}", super::screen::bare(value));
    own(event, scene).iter().map(one).collect()
}

/// What an event says by itself.
fn own(event: &Event, scene: Scene<'_>) -> Map<String, Json> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Json| {
        fields.insert(name.to_owned(), value);
    };
    match event.name {
        // Of a derived segment neither is known.
        EventName::TcpV4Rcv if event.via.is_some() => {}
        EventName::TcpV4Rcv => {
            put("len", json!(event.value));
            put("flags", json!(flags(event.detail)));
        }
        EventName::EpPollCallback => put("mask", json!(bits(event.detail))),
        EventName::SkDataReady
        | EventName::TcpProbe
        | EventName::SysEnterEpollWait
        | EventName::SysEnterSelect
        | EventName::SysEnterPoll => {}
        EventName::SysEnterAccept | EventName::SysEnterRead => put("fd", json!(event.detail)),
        EventName::Fork => put("child", json!(event.value)),
        EventName::Exit => put("code", json!(event.value)),
        EventName::SchedWaking | EventName::SchedWakeup => put("woken", json!(event.value)),
        name if name.is_packet() => {
            let (_, headroom, bytes) = packet(event, scene);
            put("skb", json!(format!("{:#x}", skb(event))));
            put("headroom", json!(headroom));
            put("bytes", json!(if name == EventName::SkbCopyDatagramIovec { event.value } else { bytes.into() }));
        }
        EventName::SoftirqRaise | EventName::SoftirqEntry | EventName::SoftirqExit => {
            put("vec", json!(softirq_name(event.value)));
        }
        EventName::IrqHandlerEntry | EventName::LocalTimerEntry => put("irq", json!(event.value)),
        EventName::SchedSwitch if event.peer & SWITCH_ENTERS != 0 => put("enters", json!(true)),
        EventName::SchedSwitch => {
            put("state", json!(event.detail));
            put("other", json!(event.object));
        }
        EventName::TlbFlush => put("reason", json!(event.value)),
        EventName::SysEnterFutex => put("address", json!(format!("{:#x}", event.object))),
        EventName::PageFaultKernel => {
            put("address", json!(format!("{:#x}", event.object)));
            put("write", json!(event.detail & 2 != 0));
        }
        EventName::InetSockSetState => {
            put("old", json!(tcp_state(event.detail)));
            put("new", json!(u32::try_from(event.value).map_or("", tcp_state)));
        }
        EventName::Watch => {
            put("watch", json!(scene.watches.get(usize::from(event.call))));
            put("empty", json!(event.detail == 1));
        }
        _ => {
            if let Some(call) = call(event) {
                put("call", json!(call));
            }
            put("ret", ret(event.value));
        }
    }
    match scene.extra(event) {
        Extra::None | Extra::Packet { .. } => {}
        Extra::Pairs(pairs) => {
            put("ready", json!(pairs.iter().map(|(mask, _)| bits(*mask)).collect::<Vec<_>>().join(" ")));
        }
        Extra::PollFds(entries) => {
            let found = entries.iter().filter(|(_, _, found)| *found != 0);
            put(
                "ready",
                json!(
                    found
                        .map(|(fd, _, found)| format!("{fd}:{}", bits(u32::from(found.cast_unsigned()))))
                        .collect::<Vec<_>>()
                        .join(" ")
                ),
            );
        }
        Extra::Set(set) => put("ready", json!(set.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))),
        Extra::Ctl { op, fd, mask, .. } => {
            put(
                "op",
                json!(match op {
                    1 => "ADD",
                    2 => "DEL",
                    3 => "MOD",
                    _ => "?",
                }),
            );
            put("fd", json!(fd));
            put("mask", json!(bits(*mask)));
        }
    }
    fields
}

/// Whether an event is about either end of a connection.
fn is_about(event: &Event, named: &Named) -> bool {
    let (near, far) = match *named {
        Named::Connection { client, server } => (server, client),
        Named::Descriptor { local, remote, .. } => (local, remote),
    };
    let reverse = far != 0 && (event.remote, event.local) == (near, far);
    near != 0 && ((event.local, event.remote) == (near, far) || reverse)
}

/// Which of its siblings a system call's event is, unless it is the one that names them all.
fn call(event: &Event) -> Option<&'static str> {
    let (_, calls) = event.name.calls()?;
    let place = calls.iter().position(|(number, _)| *number == i64::from(event.call))?;
    (place > 0).then_some(calls[place].1)
}

/// The flags of a TCP header.
fn flags(byte: u32) -> String {
    let names = ["FIN", "SYN", "RST", "PSH", "ACK"];
    let set: Vec<_> =
        names.iter().enumerate().filter(|(bit, _)| byte & (1 << bit) != 0).map(|(_, name)| *name).collect();
    set.join("|")
}

/// A system call's result: a negative one by number and name.
pub(super) fn ret(value: i64) -> Json {
    match i32::try_from(-value) {
        Ok(number @ 1..4096) => json!(format!("-{number} {:?}", nix::errno::Errno::from_raw(number))),
        _ => json!(value),
    }
}

/// The bits of a poll mask by the manual's names.
fn bits(mask: u32) -> String {
    const NAMES: [(u32, &str); 13] = [
        (0x1, "IN"),
        (0x2, "PRI"),
        (0x4, "OUT"),
        (0x8, "ERR"),
        (0x10, "HUP"),
        (0x20, "NVAL"),
        (0x40, "RDNORM"),
        (0x80, "RDBAND"),
        (0x100, "WRNORM"),
        (0x2000, "RDHUP"),
        (1 << 28, "EXCLUSIVE"),
        (1 << 30, "ONESHOT"),
        (1 << 31, "ET"),
    ];
    let names: Vec<_> = NAMES.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, name)| *name).collect();
    if names.is_empty() { "0".to_owned() } else { names.join("|") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_shortened_but_for_what_cases_speak_of() {
        let long = [
            "try_to_wake_up",
            "ep_autoremove_wake_function",
            "__wake_up_common",
            "__wake_up",
            "ep_poll_callback",
            "__wake_up_common",
            "sock_def_readable",
            "tcp_data_queue",
            "tcp_v4_do_rcv",
            "tcp_v4_rcv",
            "ip_rcv",
        ];
        let short = shortened(&long.map(Arc::from));
        assert_eq!(short[..4], long[..4]);
        assert_eq!(short[4..], ["ep_poll_callback", LEFT_OUT, "sock_def_readable", LEFT_OUT, "tcp_v4_rcv"]);
        assert_eq!(shortened(&long[..3].iter().map(|frame| Arc::from(*frame)).collect::<Vec<_>>()), long[..3]);
    }
}
