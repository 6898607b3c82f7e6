//! One run: arm, start the cell, answer it, drain, disarm.
use std::hash::{BuildHasher as _, Hasher as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::live::{Awaited, Live, Taken};
use super::probes::Probes;
use super::watch::Watches;
use super::{Cancel, Deadlines, traffic};
use crate::cell::protocol::{Answer, Object, Order, Report, Rooms, Say, Word};
use crate::plan::RunPlan;
use crate::recording::{End, Mark, Named, Run, RunHead};

/// How often the ring is looked at while nothing else happens.
const TICK: Duration = Duration::from_millis(1);

/// Makes one run; whatever goes wrong stands in its end.
pub(super) fn make(
    probes: Option<&mut Probes>,
    plan: &RunPlan,
    rooms: &Rooms,
    deadlines: Deadlines,
    cancel: &Cancel,
) -> Run {
    let started = Instant::now();
    let mut session = Session {
        token: token(),
        plan,
        rooms,
        deadlines,
        cancel,
        probes,
        live: Live::default(),
        watches: Watches::default(),
        states: IndexMap::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let report = match runtime {
        Ok(runtime) => session.arm().and_then(|()| runtime.block_on(session.through())),
        Err(error) => Err(broken("harness", format!("failed to make an event loop: {error}"))),
    };
    let report = report.unwrap_or_else(no_report);
    session.finish(report, started)
}

/// A number that no other run has: fences of other runs are not ours.
fn token() -> u64 {
    std::hash::RandomState::new().build_hasher().finish() | 1
}

fn broken(step: &str, why: impl Into<String>) -> End {
    End::Broken { step: step.into(), why: why.into() }
}

fn no_report(end: End) -> Report {
    Report {
        end,
        server: None,
        names: IndexMap::new(),
        actors: Vec::new(),
        marks: Vec::new(),
        results: IndexMap::new(),
        states: IndexMap::new(),
        buffers: std::collections::BTreeMap::default(),
    }
}

struct Session<'a> {
    token: u64,
    plan: &'a RunPlan,
    rooms: &'a Rooms,
    deadlines: Deadlines,
    cancel: &'a Cancel,
    probes: Option<&'a mut Probes>,
    live: Live,
    watches: Watches,
    states: IndexMap<String, Vec<serde_json::Value>>,
}

/// The running cell.
struct Cell {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Session<'_> {
    fn arm(&mut self) -> Result<(), End> {
        let Some(probes) = self.probes.as_deref_mut() else { return Ok(()) };
        probes.arm(&self.plan.wants, self.token).map_err(|why| broken("arming the probes", why))?;
        let functions: Vec<Vec<String>> = self.plan.wants.counters.iter().map(|want| want.of.clone()).collect();
        probes.count(&functions).map_err(|why| broken("arming the counters", why))
    }

    async fn through(&mut self) -> Result<Report, End> {
        let mut cell = self.start().await?;
        let deadline = Instant::now() + self.deadlines.run;
        loop {
            let say = self.hear(&mut cell, deadline).await?;
            let answer = match say {
                Say::Done(report) => {
                    let _ = cell.child.wait().await;
                    return Ok(*report);
                }
                Say::Joined { isolation } => {
                    tracing::debug!(?isolation, "the cell has joined");
                    Answer::Go
                }
                Say::Idle => self.idle(),
                Say::Await { of, only, times, since, names, actors } => {
                    // The fence by which a new actor said who it is may still lie in the ring.
                    self.drain();
                    let actors = self.live.actors(&actors);
                    let probes = self.probes.as_deref().map_or(&[][..], Probes::reports);
                    match Awaited::new(of, &only, (times, since), &names, &actors, probes) {
                        Ok(awaited) => self.wait_for(awaited, &mut cell).await?,
                        Err(why) => Answer::No { why, timeout: false },
                    }
                }
                Say::Watch { name, word } => self.watch(&name, &word),
                Say::Inspect { name, object, names } => self.inspect(name, &object, &names),
            };
            let mut line = serde_json::to_vec(&answer).map_err(|error| broken("protocol", error.to_string()))?;
            line.push(b'\n');
            if let Err(error) = cell.stdin.write_all(&line).await {
                return Err(self.dead(&mut cell, &format!("failed to answer the cell: {error}")).await);
            }
        }
    }

    async fn start(&self) -> Result<Cell, End> {
        let order = Order {
            token: self.token,
            server: self.plan.case.server.clone(),
            stranger: self.plan.stranger.clone(),
            steps: self.plan.case.steps.clone(),
            observed: self.probes.is_some(),
            rooms: self.rooms.clone(),
            step_millis: millis(self.deadlines.step),
            start_millis: millis(self.deadlines.start),
        };
        let mut command = Command::from(crate::cell::command());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let failed = |what: &str, why: String| broken("starting the cell", format!("failed to {what}: {why}"));
        let mut child = command.spawn().map_err(|error| failed("start this program again", error.to_string()))?;
        let mut stdin = child.stdin.take().ok_or_else(|| failed("take its input", "it has none".into()))?;
        let stdout = child.stdout.take().ok_or_else(|| failed("take its output", "it has none".into()))?;
        let mut line = serde_json::to_vec(&order).map_err(|error| failed("write the order", error.to_string()))?;
        line.push(b'\n');
        stdin.write_all(&line).await.map_err(|error| failed("send the order", error.to_string()))?;
        Ok(Cell { child, stdin, lines: BufReader::new(stdout).lines() })
    }

    /// The next thing the cell says; the ring is emptied meanwhile.
    async fn hear(&mut self, cell: &mut Cell, deadline: Instant) -> Result<Say, End> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                line = cell.lines.next_line() => {
                    let Ok(Some(line)) = line else { return Err(self.dead(cell, "the cell ended without a report").await) };
                    return serde_json::from_str(&line).map_err(|error| broken("protocol", format!("the cell said `{line}`: {error}")));
                }
                _ = tick.tick() => {
                    self.drain();
                    self.still_wanted(deadline)?;
                }
            }
        }
    }

    fn still_wanted(&self, deadline: Instant) -> Result<(), End> {
        if self.cancel.is_cancelled() {
            return Err(broken("interrupted", "the run was interrupted"));
        }
        if Instant::now() > deadline {
            let why = format!("the run did not end within {} s", self.deadlines.run.as_secs());
            return Err(End::Timeout { step: "the run".into(), why });
        }
        Ok(())
    }

    /// Why the cell is gone.
    async fn dead(&mut self, cell: &mut Cell, what: &str) -> End {
        let _ = cell.child.start_kill();
        let status = cell.child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        let mut said = String::new();
        if let Some(stderr) = cell.child.stderr.as_mut() {
            let _ = stderr.take(4096).read_to_string(&mut said).await;
        }
        broken("the cell", format!("{what} ({status}){}{}", if said.is_empty() { "" } else { ": " }, said.trim_end()))
    }

    fn drain(&mut self) {
        if let Some(probes) = self.probes.as_deref_mut() {
            self.live.drain(probes);
        }
    }

    /// The window without load: the server sleeps, and only strangers are busy.
    fn idle(&mut self) -> Answer {
        // Of a server without an epoll descriptor there is no ready list to watch.
        if self.plan.wants.server_ready_list
            && self.probes.as_deref_mut().is_some_and(Probes::server_has_epoll)
            && let Answer::No { why, timeout } = self.watch("ready list of the server", &Word::ServerReadyList)
        {
            return Answer::No { why, timeout };
        }
        match traffic::unrelated() {
            Ok(()) => Answer::Go,
            Err(error) => Answer::No { why: format!("failed to make unrelated traffic: {error}"), timeout: false },
        }
    }

    fn watch(&mut self, name: &str, word: &Word) -> Answer {
        let set = match self.probes.as_deref_mut() {
            Some(probes) => probes.watch(&mut self.watches, name, word, self.token),
            None => Err("nothing can be watched without probes".into()),
        };
        match set {
            Ok(()) => Answer::Go,
            Err(why) => Answer::No { why: format!("failed to watch {name}: {why}"), timeout: false },
        }
    }

    fn inspect(&mut self, name: String, object: &Object, names: &IndexMap<String, Vec<Named>>) -> Answer {
        let state = match self.probes.as_deref_mut() {
            Some(probes) => probes.inspect(object, names, self.token),
            None => Err("kernel memory cannot be read without probes".into()),
        };
        match state {
            Ok(state) => {
                self.states.entry(name).or_default().push(state);
                Answer::Go
            }
            Err(why) => Answer::No { why: format!("failed to read the state `{name}`: {why}"), timeout: false },
        }
    }

    async fn wait_for(&mut self, mut awaited: Awaited, cell: &mut Cell) -> Result<Answer, End> {
        let end = Instant::now() + self.deadlines.step + self.deadlines.run;
        // A slow machine has as long for each of many events as for one.
        let mut deadline = Instant::now() + self.deadlines.step;
        let mut before = 0;
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            self.drain();
            let Some(probes) = self.probes.as_deref() else {
                return Ok(Answer::No { why: "no events are seen here".into(), timeout: false });
            };
            if self.live.answered(&mut awaited, probes, &self.watches) {
                return Ok(Answer::Go);
            }
            if matches!(cell.child.try_wait(), Ok(Some(_))) {
                return Err(self.dead(cell, "the cell ended while it waited for an event").await);
            }
            self.still_wanted(end)?;
            let (seen, times) = awaited.progress();
            if seen > before {
                before = seen;
                deadline = Instant::now() + self.deadlines.step;
            }
            if Instant::now() > deadline {
                let why = format!(
                    "{seen} of {times} were seen, and no other within {} s; {}",
                    self.deadlines.step.as_secs(),
                    self.live.last()
                );
                return Ok(Answer::No { why, timeout: true });
            }
        }
    }

    /// Everything that was seen, as plain data.
    fn finish(mut self, report: Report, started: Instant) -> Run {
        let mut head = RunHead {
            half: self.plan.half,
            point: self.plan.point.clone(),
            end: report.end,
            server: report.server,
            names: report.names,
            actors: std::collections::BTreeMap::default(),
            marks: Vec::new(),
            results: report.results,
            states: std::mem::take(&mut self.states).into_iter().chain(report.states).collect(),
            eventpolls: std::collections::BTreeMap::default(),
            counts: Vec::new(),
            counters: Vec::new(),
            watches: Vec::new(),
            buffers: report.buffers,
            accounts: Vec::new(),
            stacks: Vec::new(),
            extras: Vec::new(),
            events: 0,
            millis: 0,
        };
        if let Err(why) = self.collect(&mut head)
            && head.end == End::Complete
        {
            head.end = broken("collecting", why);
        }
        // Only now everything has come.
        head.actors = self.live.actors(&report.actors);
        head.eventpolls = self.live.eventpolls();
        head.marks = report
            .marks
            .into_iter()
            .enumerate()
            .map(|(number, (name, time))| Mark {
                name,
                time: self.live.mark(number).unwrap_or(time),
                epoch: u32::try_from(number + 1).unwrap_or(u32::MAX),
            })
            .collect();
        head.watches = std::mem::take(&mut self.watches.names);
        let Taken { mut events, extras } = self.live.take();
        head.extras = extras;
        // The ring's order is that of reservations; times were read a little later, so only neighbours change places.
        events.sort_by_key(|event| event.time);
        head.events = events.len();
        head.millis = millis(started.elapsed());
        Run { head, events }
    }

    /// Stops recording, waits until every record that was fired has come or is known to be lost, and reads the numbers.
    fn collect(&mut self, head: &mut RunHead) -> Result<(), String> {
        let Some(probes) = self.probes.as_deref_mut() else { return Ok(()) };
        head.accounts = probes.settle(&mut self.live)?;
        (head.counters, head.counts) = probes.counts()?;
        probes.forget_all()?;
        head.stacks = self.live.stacks(probes);
        Ok(())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
