//! `wakeproof trace`: what a command, or a process that runs, makes the kernel do, event by event as it happens.
use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::{Args as ClapArgs, ValueEnum};
use wakeproof_abi::Role;

use super::test::{Color, interrupt};
use super::{Exit, bad_input, terminal};
use crate::case::EventName;
use crate::cell::tasks::family;
use crate::derive::Deriver;
use crate::matching::Scene;
use crate::observe::snapshot::listening;
use crate::plan::Wants;
use crate::record::Tap;
use crate::recording::{By, Event, Extra, write_event};
use crate::render::live::line;
use crate::render::screen::name;

/// Arguments of `wakeproof trace`.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The command and its arguments: it is followed with its children, until it ends.
    #[arg(value_name = "COMMAND", last = true, required_unless_present = "pid")]
    command: Vec<String>,
    /// A process that runs: it is followed, with its children, until it ends, or Ctrl-C.
    #[arg(long, value_name = "PID", conflicts_with = "command")]
    pid: Option<u32>,
    /// Only events whose name contains this (can be given again): `epoll`, `tcp_v4_rcv`.
    #[arg(long, value_name = "EVENT")]
    event: Vec<String>,
    /// Only what is about a connection with this port, on either end (can be given again).
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// A line for people, or the event as recordings have it; `auto` is JSON when piped.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text on a terminal, else JSON.
    #[default]
    Auto,
    /// A line for people.
    Text,
    /// One JSON object a line.
    Json,
}

const AFTER: &str = concat!(
    "Examples:\n",
    "  wakeproof trace -- curl -s http://127.0.0.1:8080/           what a command does\n",
    "  wakeproof trace --pid 4711 --event epoll                    how a server waits\n",
    "  wakeproof trace --pid 4711 --port 8080 | jq .name           for programs\n",
    "\n",
    "Exit status: that of the command; 130 after Ctrl-C; 2 if nothing can be seen here (`wakeproof doctor` says why).\n",
);

/// What is followed.
const EVENTS: &[EventName] = &[
    EventName::TcpV4Rcv,
    EventName::EpPollCallback,
    EventName::SchedWaking,
    EventName::EpollWait,
    EventName::Select,
    EventName::Poll,
    EventName::Accept,
    EventName::Read,
    EventName::Write,
    EventName::EpollCtl,
    EventName::Close,
    EventName::Fork,
    EventName::Exit,
];

/// Follows, and ends as the command did.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    terminal::colors(args.color);
    let events: Vec<EventName> = EVENTS.iter().copied().filter(|event| args.wants(*event)).collect();
    if events.is_empty() {
        let all: Vec<_> = EVENTS.iter().map(|event| name(*event)).collect();
        return Err(bad_input(format!(
            "no event is called like `{}`; there are {}",
            args.event.join("`, `"),
            all.join(", ")
        )));
    }
    let mut tap =
        Tap::attach(&events).map_err(|why| bad_input(format!("nothing can be seen here: {why}; {}", why.remedy())))?;
    let have = tap.capabilities();
    let token = u64::from(std::process::id()) << 32 | 0x77_61_6b_65;
    tap.begin(&Wants::seeing(&events, &have), token).map_err(|why| anyhow!("failed to begin recording: {why}"))?;
    let cancel = interrupt::watch()?;
    let mut child = start(args, &mut tap, token)?;
    let mut writer = Writer::new(args, Deriver::new(&have.probes));
    let (mut end, mut wrote) = (Ok(None), Ok(()));
    let mut stacks = Vec::new();
    tap.follow(|tap| {
        // The ending is looked for first: what happened before it is then taken below.
        end = ended(args, child.as_mut())
            .map(|end| end.or_else(|| cancel.is_cancelled().then_some(Exit::Interrupted as i32)));
        let fresh = tap.take();
        if fresh.events.iter().any(|event| event.stack.is_some_and(|place| place.index() >= stacks.len())) {
            stacks = tap.stacks();
        }
        wrote = writer.write(&fresh.events, &fresh.extras, &stacks);
        wrote.is_ok() && matches!(end, Ok(None))
    });
    let end = end?;
    if let Some(child) = child.as_mut().filter(|_| cancel.is_cancelled() || wrote.is_err()) {
        // Only what was started here is ended here.
        _ = child.kill();
        _ = child.wait();
    }
    let rest = tap.end().map_err(|why| anyhow!("failed to end recording: {why}"))?;
    wrote.and_then(|()| writer.write(&rest.events, &rest.extras, &rest.stacks)).context("failed to write")?;
    let lost: u64 = rest.accounts.iter().map(|account| account.lost).sum();
    if lost > 0 {
        anstream::eprintln!("{lost} events were lost: there was no room for them");
    }
    std::process::exit(end.unwrap_or(Exit::NoReader as i32));
}

/// Starts the command, or has the process followed that runs.
fn start(args: &Args, tap: &mut Tap, token: u64) -> anyhow::Result<Option<Child>> {
    if let Some(pid) = args.pid {
        let failed = |why: &dyn Display| bad_input(format!("failed to follow process {pid}: {why}"));
        Tap::see_network(pid, token).map_err(|error| failed(&error))?;
        for process in family(pid) {
            tap.track(process, Role::Server).map_err(|why| failed(&why))?;
        }
        return Ok(None);
    }
    let Some((program, arguments)) = args.command.split_first() else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(arguments);
    // SAFETY: `Tap::join` makes system calls only, and is safe between fork and exec.
    unsafe {
        command.pre_exec(move || {
            Tap::join(Role::Server, token);
            Ok(())
        });
    }
    let child = command.spawn().map_err(|error| bad_input(format!("failed to start `{program}`: {error}")))?;
    Ok(Some(child))
}

/// The exit status, once what is followed has ended.
fn ended(args: &Args, child: Option<&mut Child>) -> io::Result<Option<i32>> {
    if let Some(child) = child {
        return Ok(child.try_wait()?.map(|status| status.code().unwrap_or(1)));
    }
    let gone = args.pid.is_none_or(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists());
    Ok(gone.then_some(0))
}

impl Args {
    fn wants(&self, event: EventName) -> bool {
        EVENTS.contains(&event) && self.names(event)
    }

    fn names(&self, event: EventName) -> bool {
        self.event.is_empty() || self.event.iter().any(|part| name(event).contains(part.as_str()))
    }

    /// Whether an event is about a connection that is asked for.
    fn about(&self, event: &Event) -> bool {
        self.port.is_empty() || self.port.contains(&event.local) || self.port.contains(&event.remote)
    }
}

struct Writer<'a> {
    args: &'a Args,
    deriver: Deriver,
    json: bool,
    /// Ports of those who are followed: what arrives for others in their network namespace is not theirs.
    ports: BTreeSet<u16>,
    first: Option<u64>,
    last: u64,
}

impl<'a> Writer<'a> {
    fn new(args: &'a Args, deriver: Deriver) -> Self {
        let json = match args.format {
            Format::Auto => !io::stdout().is_terminal(),
            Format::Text => false,
            Format::Json => true,
        };
        let ports = args.pid.map(|pid| listening(&family(pid))).into_iter().flatten().collect();
        Self { args, deriver, json, ports, first: None, last: 0 }
    }

    /// Whether those who are followed did it, or it happened for them.
    fn theirs(&mut self, event: &Event) -> bool {
        let did = event.by == Some(By::Server);
        if did && event.local != 0 {
            self.ports.insert(event.local);
        }
        did || self.ports.contains(&event.local)
    }

    fn write(&mut self, events: &[Event], extras: &[Extra], stacks: &[Vec<Arc<str>>]) -> io::Result<()> {
        let mut sorted: Vec<&Event> = events.iter().collect();
        sorted.sort_by_key(|event| event.time);
        let scene = Scene { stacks, extras, ..Scene::default() };
        let mut all = Vec::new();
        for event in sorted {
            self.deriver.each(event, scene, |event| all.push(*event));
        }
        let mut out = anstream::stdout().lock();
        for event in all {
            if !(self.theirs(&event) && self.args.wants(event.name) && self.args.about(&event)) {
                continue;
            }
            let first = *self.first.get_or_insert(event.time);
            if self.json {
                write_event(&mut out, &event, extras)?;
            } else {
                let last = if self.last == 0 { event.time } else { self.last };
                out.write_all(line(&event, scene, first, last).as_bytes())?;
            }
            self.last = event.time;
        }
        out.flush()
    }
}
