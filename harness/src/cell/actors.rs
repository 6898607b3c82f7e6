//! Actors: threads, or processes of their own, that make the calls given to them, and may sleep in them.
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::unistd::{Pid, gettid};

use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use super::tasks::Task;
use super::wait::{self, Deadline};
use super::{child, fence, names};
use crate::case::Start;

/// A thread that lives as long as the run.
pub struct Actor {
    /// What it is called: `t`, or `t[0]` if there are several.
    pub name: String,
    /// The task that makes the calls: of a thread always the same, of a process a new one for each call.
    task: Arc<Mutex<(i32, i32)>>,
    orders: Sender<Call>,
    returned: Receiver<Returned>,
    busy: Option<Busy>,
}

/// The call that an actor is in.
struct Busy {
    what: String,
    number: i64,
    result: Option<String>,
}

impl Actor {
    fn start(name: String, (number, process): (usize, bool), token: u64) -> Result<Self, Failure> {
        let (orders, received) = channel::<Call>();
        let (give, returned) = channel();
        let (tell, told) = channel();
        let task = Arc::new(Mutex::new((0, 0)));
        let own = Arc::clone(&task);
        let life = move || {
            if !process {
                fence::actor(number, token);
            }
            set(&own, (Pid::this().as_raw(), gettid().as_raw()));
            let _ = tell.send(());
            while let Ok(call) = received.recv() {
                let returned =
                    if process { child::make(call, number, token, |pid| set(&own, (pid, pid))) } else { (call.make)() };
                if give.send(returned).is_err() {
                    return;
                }
            }
        };
        let failed = |why: String| Failure::Broken(format!("failed to start a thread for the actor {name}: {why}"));
        thread::Builder::new()
            .name(name.chars().take(15).collect())
            .spawn(life)
            .map_err(|error| failed(error.to_string()))?;
        told.recv().map_err(|error| failed(error.to_string()))?;
        Ok(Self { name, task, orders, returned, busy: None })
    }

    fn give(&mut self, call: Call) -> Result<(), Failure> {
        if let Some(busy) = &self.busy {
            return Err(Failure::Broken(format!("{} is still in its {}", self.name, busy.what)));
        }
        self.busy = Some(Busy { what: call.what.clone(), number: call.number, result: call.result.clone() });
        self.orders.send(call).map_err(|_| Failure::Broken(format!("the thread of {} has ended", self.name)))
    }

    fn look(&self) -> Option<Task> {
        let (pid, tid) = *self.task.lock().unwrap_or_else(PoisonError::into_inner);
        Task::look(pid, tid)
    }

    /// Whether it sleeps in its call, and not on the way there. Where the kernel doesn't say in which call, sleep will do.
    fn sleeps_in_call(&self, task: &Task) -> bool {
        task.stat.state == 'S'
            && self.busy.as_ref().is_some_and(|busy| task.call().is_none_or(|call| call == busy.number))
    }

    fn doing(&self) -> String {
        self.look().map_or_else(|| "its thread has ended".to_owned(), |task| task.describe())
    }
}

fn set(task: &Mutex<(i32, i32)>, to: (i32, i32)) {
    *task.lock().unwrap_or_else(PoisonError::into_inner) = to;
}

/// How an actor's call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It has come back, or there was none.
    Returned,
    /// It sleeps in the kernel: seen there twice, without a switch in between.
    Asleep,
}

impl Run<'_> {
    /// Gives each actor its call, and starts the threads of those that are new.
    pub fn start(&mut self, step: &Start, deadline: &Deadline) -> Result<(), Failure> {
        for index in 0..step.times.size() {
            let name = if step.times.0 == 1 { step.actor.clone() } else { format!("{}[{index}]", step.actor) };
            let mut first = Vec::new();
            for step in &step.first {
                first.extend(self.prepare(step)?);
            }
            let Ok([call]) = <[Call; 1]>::try_from(self.prepare(&step.call)?) else {
                return Err(Failure::Broken(format!(
                    "{name} can make one call, so its name must stand for one object"
                )));
            };
            let call = call.after(first);
            let known = self.actors.iter().position(|actor| actor.name == name);
            let at = known.unwrap_or(self.actors.len());
            if known.is_none() {
                self.actors.push(Actor::start(name, (at, step.process), self.token)?);
            }
            if self.stand(at, deadline)? == Stand::Returned {
                self.collect(at)?;
            }
            self.actors[at].give(call)?;
        }
        Ok(())
    }

    /// The process and the task of one actor, which must be in a call.
    pub fn task_of(&self, reference: &str) -> Result<(i32, i32), Failure> {
        match self.find_actors(reference)?[..] {
            [at] if self.actors[at].busy.is_some() => {
                Ok(*self.actors[at].task.lock().unwrap_or_else(PoisonError::into_inner))
            }
            [_] => Err(Failure::Broken(format!("{reference} is in no call, so there is no task to compare with"))),
            _ => Err(Failure::Broken(format!("`{reference}` stands for several actors: say which"))),
        }
    }

    /// The actors that a reference stands for.
    fn find_actors(&self, reference: &str) -> Result<Vec<usize>, Failure> {
        let is_meant = |name: &str| name == reference || names::split(name).0 == reference;
        let found: Vec<_> =
            self.actors.iter().enumerate().filter(|(_, actor)| is_meant(&actor.name)).map(|(at, _)| at).collect();
        if found.is_empty() {
            let known: Vec<_> = self.actors.iter().map(|actor| actor.name.as_str()).collect();
            return Err(Failure::Broken(format!("no actor is called `{reference}`; there is {}", known.join(", "))));
        }
        Ok(found)
    }

    /// Process and thread of an actor.
    pub fn actor_task(&self, reference: &str) -> Result<(i32, i32), Failure> {
        match self.find_actors(reference)?[..] {
            [at] => Ok(*self.actors[at].task.lock().unwrap_or_else(PoisonError::into_inner)),
            ref all => Err(Failure::Broken(format!("`{reference}` stands for {} actors: say which", all.len()))),
        }
    }

    /// Waits until each of them has come back from its call.
    pub fn await_returned(&mut self, reference: &str, deadline: &Deadline) -> Result<(), Failure> {
        for at in self.find_actors(reference)? {
            let actor = &self.actors[at];
            let Some(busy) = &actor.busy else { continue };
            match actor.returned.recv_timeout(deadline.left()) {
                Ok(returned) => self.collected(at, returned)?,
                Err(RecvTimeoutError::Timeout) => {
                    let why = format!("waited {} ms for {} to return from {}", deadline.millis, actor.name, busy.what);
                    return Err(Failure::Timeout(why).add(&actor.doing()));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::Broken(format!("the thread of {} has ended", actor.name)));
                }
            }
        }
        Ok(())
    }

    /// Waits until each of them sleeps in its call.
    pub fn await_asleep(&mut self, reference: &str, deadline: &Deadline) -> Result<(), Failure> {
        for at in self.find_actors(reference)? {
            if self.stand(at, deadline)? == Stand::Returned {
                let name = self.actors[at].name.clone();
                self.collect(at)?;
                return Err(Failure::Broken(format!("{name} does not sleep: its call has returned")));
            }
        }
        Ok(())
    }

    /// Waits until no actor is on its way, and takes the results of those that have come back.
    pub fn settle_actors(&mut self, deadline: &Deadline) -> Result<(), Failure> {
        for at in 0..self.actors.len() {
            if self.stand(at, deadline)? == Stand::Returned {
                self.collect(at)?;
            }
        }
        Ok(())
    }

    /// Waits until an actor has either come back or sleeps.
    fn stand(&mut self, at: usize, deadline: &Deadline) -> Result<Stand, Failure> {
        let mut before = None;
        loop {
            if self.actors[at].busy.is_none() || self.collect(at)? {
                return Ok(Stand::Returned);
            }
            let actor = &self.actors[at];
            let now = actor.look();
            if now.as_ref().is_some_and(|task| actor.sleeps_in_call(task)) && now == before {
                // It may have come back between the two looks, and sleep because it has nothing to do.
                return Ok(if self.collect(at)? { Stand::Returned } else { Stand::Asleep });
            }
            if deadline.passed() {
                let what = actor.busy.as_ref().map_or("nothing", |busy| busy.what.as_str());
                let why = format!("waited {} ms for {} to sleep in {what} or return", deadline.millis, actor.name);
                return Err(Failure::Timeout(why).add(&actor.doing()));
            }
            before = now;
            wait::between_looks();
        }
    }

    /// Takes the result of an actor's call if it is there.
    fn collect(&mut self, at: usize) -> Result<bool, Failure> {
        match self.actors[at].returned.try_recv() {
            Ok(returned) => self.collected(at, returned).map(|()| true),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => Ok(false),
        }
    }

    fn collected(&mut self, at: usize, returned: Returned) -> Result<(), Failure> {
        let actor = &mut self.actors[at];
        let Some(busy) = actor.busy.take() else { return Ok(()) };
        let name = actor.name.clone();
        self.record(&format!("{name}: {}", busy.what), busy.result.as_deref(), returned, Some(name))
    }
}
