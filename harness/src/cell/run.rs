//! One run, from the server's start to its end.
use std::collections::HashSet;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::Stdio;

use indexmap::IndexMap;
use io_uring::IoUring;
use nix::unistd::Pid;
use wakeproof_servers::{Defect, Read, Reply};

use super::actors::Actor;
use super::alarm::Alarm;
use super::buffers::Buffers;
use super::call::{Call, Returned};
use super::compute::Ending;
use super::elsewhere::Elsewhere;
use super::failure::Failure;
use super::files::ports;
use super::link::Link;
use super::names::{Names, Object, Place};
use super::protocol::{Isolation, Order, Report, Rooms, Say};
use super::server::Server;
use super::steps::Stop;
use super::wait::{Deadline, now};
use super::wire::Wire;
use super::{fence, server, tasks};
use crate::case;
use crate::plan::Exchange;
use crate::recording::{CallResult, End, Named};

/// Everything that a run has.
pub struct Run<'a> {
    /// The conversation with the harness.
    pub link: &'a mut Link,
    /// Last argument of every fence.
    pub token: u64,
    /// Whether the network is its own.
    pub own_network: bool,
    /// Whether the harness sees events.
    pub observed: bool,
    /// How long a step may take.
    pub step_millis: u64,
    /// The server.
    pub server: Option<Server>,
    /// Whether it sends back what it reads.
    pub echoes: bool,
    /// What it is asked, and answers.
    pub exchange: Exchange,
    /// Connections on which a request was sent.
    pub asked: HashSet<Place>,
    /// Connections and descriptors.
    pub names: Names,
    /// Threads, in the order of their numbers.
    pub actors: Vec<Actor>,
    /// Memory for calls.
    pub buffers: Buffers,
    /// Rings by name; their memory must stay.
    pub rings: IndexMap<String, IoUring>,
    /// Ends what computes.
    pub over: Ending,
    /// The second network namespace, once something is in it.
    wire: Option<Wire>,
    /// The other network namespace.
    pub elsewhere: Elsewhere,
    /// When the last step that did something began.
    pub since: u64,
    /// What earlier runs have found.
    pub rooms: &'a Rooms,
    marks: Vec<(String, u64)>,
    results: IndexMap<String, Vec<CallResult>>,
    states: IndexMap<String, Vec<serde_json::Value>>,
    alarm: Alarm,
}

/// Makes the run of an order. The error is one that leaves nothing to report.
pub fn run<'a>(order: &'a Order, isolation: Isolation, link: &'a mut Link) -> anyhow::Result<Report> {
    let mut run = Run {
        link,
        token: order.token,
        own_network: isolation.network,
        observed: order.observed,
        step_millis: order.step_millis,
        server: None,
        echoes: order.stranger.is_none() && order.server.as_ref().is_some_and(echoes),
        exchange: order.stranger.as_ref().map(|stranger| stranger.exchange.clone()).unwrap_or_default(),
        asked: HashSet::new(),
        names: Names::default(),
        actors: Vec::new(),
        buffers: Buffers::default(),
        rings: IndexMap::new(),
        over: Ending::default(),
        wire: None,
        elsewhere: Elsewhere::default(),
        since: now(),
        rooms: &order.rooms,
        marks: Vec::new(),
        results: IndexMap::new(),
        states: IndexMap::new(),
        alarm: Alarm::new()?,
    };
    let end = match run.live(order, isolation) {
        Ok(()) => End::Complete,
        Err(Stop { step, failure }) => failure.at(step),
    };
    let server = run.server.take().map(Server::stop);
    let actors = run.actor_names();
    let (marks, results, states) = (run.marks, run.results, run.states);
    Ok(Report { end, server, names: run.names.report(), actors, marks, results, states, buffers: run.buffers.report() })
}

/// Whether a server answers each byte with that byte.
fn echoes(server: &case::Server) -> bool {
    let options = &server.options;
    options.reply == Reply::Echo && options.read != Some(Read::Never) && options.defect != Some(Defect::NeverReads)
}

impl Run<'_> {
    fn live(&mut self, order: &Order, isolation: Isolation) -> Result<(), Stop> {
        self.link.ask(&Say::Joined { isolation }).map_err(Stop::at("join"))?;
        if order.server.is_some() || order.stranger.is_some() {
            self.start_server(order, &Deadline::after(order.start_millis)).map_err(Stop::at("start the server"))?;
            self.await_idle().map_err(Stop::at("wait for the server to sleep"))?;
        }
        self.mark("idle");
        self.link.ask(&Say::Idle).map_err(Stop::at("idle"))?;
        self.mark("start");
        let made = self.steps(&order.steps);
        self.over.say();
        let settled = self.settle_actors(&self.deadline()).map_err(Stop::at("wait for the actors"));
        self.mark("end");
        made.and(settled)
    }

    fn start_server(&mut self, order: &Order, deadline: &Deadline) -> Result<(), Failure> {
        if let Some(stranger) = &order.stranger {
            self.server = Some(Server::stranger(stranger, self.token, deadline)?);
            return Ok(());
        }
        let Some(server) = &order.server else { return Ok(()) };
        let (model, command) = (server.model.to_string(), server::command(server));
        let started = Server::spawn(&model, command, Stdio::piped(), server.limit.as_ref(), self.token)?;
        self.server.insert(started).announced(deadline)
    }

    /// A server that has nothing to do must sleep: without that there is no window without load, and nothing can be told
    /// from its own stir.
    fn await_idle(&mut self) -> Result<(), Failure> {
        self.await_server_asleep(&self.deadline()).map_err(|failure| match failure {
            Failure::Timeout(why) => {
                Failure::Broken(format!("the server does not come to rest without clients: {why}"))
            }
            other => other,
        })
    }

    /// Waits until every task of the server sleeps.
    pub fn await_server_asleep(&mut self, deadline: &Deadline) -> Result<(), Failure> {
        let Some(server) = &mut self.server else {
            return Err(Failure::Broken("this case has no server that could sleep".to_owned()));
        };
        let me = Pid::this().as_raw();
        let rested = tasks::until_all_rest(|| tasks::below(me), deadline);
        match server.exit() {
            Some(how) => Err(Failure::Broken(format!("the server has ended ({how})"))),
            None => rested,
        }
    }

    /// The wire to a second network namespace.
    pub fn wire(&mut self) -> Result<&Wire, Failure> {
        if !self.own_network {
            return Err(Failure::Broken("a wire needs a network namespace of its own, and there is none".to_owned()));
        }
        let wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::lay()?,
        };
        Ok(self.wire.insert(wire))
    }

    /// The port at which the server listens.
    pub fn server_port(&self) -> Result<u16, Failure> {
        let server = self.server.as_ref().ok_or_else(|| Failure::Broken("this case has no server".to_owned()))?;
        Ok(server.address.port())
    }

    /// What the server does just now, if there is one.
    pub fn doings(&mut self) -> String {
        self.server.as_mut().map(Server::doings).unwrap_or_default()
    }

    /// The deadline of a step that begins now.
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.step_millis)
    }

    /// Passes a mark.
    pub fn mark(&mut self, name: &str) {
        let time = now();
        fence::mark(self.marks.len(), self.token);
        self.marks.push((name.to_owned(), time));
    }

    /// When the last mark of this name was passed.
    pub fn marked(&self, name: &str) -> Result<u64, Failure> {
        let passed = self.marks.iter().rev().find(|mark| mark.0 == name);
        passed.map(|mark| mark.1).ok_or_else(|| Failure::Broken(format!("the mark `{name}` has not been passed")))
    }

    /// Keeps what was read of the machine under its name.
    pub fn keep(&mut self, name: &str, state: serde_json::Value) {
        self.states.entry(name.to_owned()).or_default().push(state);
    }

    /// What was read last under a name.
    pub fn kept(&self, name: &str) -> Option<&serde_json::Value> {
        self.states.get(name)?.last()
    }

    /// The actors' names, in the order of their numbers.
    pub fn actor_names(&self) -> Vec<String> {
        self.actors.iter().map(|actor| actor.name.clone()).collect()
    }

    /// Gives a new descriptor of the script its name, and says where it is.
    pub fn add_descriptor(&mut self, name: &str, open: OwnedFd) -> Place {
        let (fd, (local, remote)) = (open.as_raw_fd(), ports(&open));
        self.names.add(name, Object { named: Named::Descriptor { fd, local, remote }, fd, open: Some(open) })
    }

    /// Makes calls, one after the other, and keeps their results.
    pub fn perform(&mut self, calls: Vec<Call>) -> Result<(), Failure> {
        for call in calls {
            let (what, result) = (call.what.clone(), call.result.clone());
            let returned = self.within_deadline(call)?;
            self.record(&what, result.as_deref(), returned, None)?;
        }
        Ok(())
    }

    /// Makes a call, which must come back before the step's deadline.
    pub fn within_deadline(&mut self, call: Call) -> Result<Returned, Failure> {
        let returned = if call.sleeps {
            let timed = self.alarm.during(self.step_millis, call.make);
            timed.map_err(|errno| Failure::call("set a timer", errno))?
        } else {
            (call.make)()
        };
        if returned.interrupted {
            return Err(Failure::Timeout(format!("{} has not returned within {} ms", call.what, self.step_millis)));
        }
        Ok(returned)
    }

    /// Keeps the result of a call under its name. One without a name must have succeeded.
    pub fn record(
        &mut self,
        what: &str,
        name: Option<&str>,
        mut returned: Returned,
        actor: Option<String>,
    ) -> Result<(), Failure> {
        match (name, returned.trouble) {
            (None, Some(trouble)) => Err(Failure::Broken(format!("{what}: {trouble}; without `as` it must succeed"))),
            (None, None) => Ok(()),
            (Some(name), _) => {
                returned.result.actor = actor;
                self.results.entry(name.to_owned()).or_default().push(returned.result);
                Ok(())
            }
        }
    }
}
