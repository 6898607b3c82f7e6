//! The server as the harness sees it: its events as they come, and looks at it while it is left alone.
use std::hash::{BuildHasher as _, Hasher as _};
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use foldhash::{HashMap, HashMapExt as _};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::calls::Class;
use super::observation::{Event, More, Rest, What};
use super::snapshot;
use crate::cell::tasks;
use crate::cell::wait::{self, Deadline};
use crate::record::{Observer, Unobserved};

/// How long after a look the next one comes: for a server that may rest by now, and for a busy one.
const SOON: Duration = Duration::from_micros(500);
const LATE: Duration = Duration::from_millis(8);

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A command that is started.
    Command(Vec<String>),
    /// A process that runs, with its descendants: watched for so long under the load it has, or else under ours.
    Process(u32, Option<Duration>),
}

/// The observer with what it has seen.
pub struct Watcher {
    /// Attached programs.
    pub observer: Observer,
    /// Of the run, for the fence.
    pub token: u64,
    /// What happened so far.
    pub events: Vec<Event>,
    /// The looks.
    pub rests: Vec<Rest>,
    /// What has come and is not yet among the events.
    fresh: Vec<Event>,
    /// By thread: calls since the last that did something, as places among the events.
    idle: HashMap<u32, HashMap<(u16, i32), usize>>,
    /// When frequent calls were last not recorded, from and to: a time without an end while they are not. Of one that was
    /// entered before the end nothing is known but its result.
    passed: Range<u64>,
    /// For how long they were not, in nanoseconds.
    pub unwatched: u64,
}

impl Watcher {
    /// Attaches.
    pub fn attach() -> Result<Self, Unobserved> {
        let token = std::hash::RandomState::new().build_hasher().finish() | 1;
        Ok(Self {
            observer: Observer::attach(token)?,
            token,
            events: Vec::new(),
            rests: Vec::new(),
            fresh: Vec::new(),
            idle: HashMap::new(),
            passed: 0..0,
            unwatched: 0,
        })
    }

    /// Watches a process that runs, with its descendants.
    pub fn track(&mut self, pid: u32) -> anyhow::Result<()> {
        for pid in tasks::family(pid) {
            self.observer.track(pid).map_err(|why| anyhow!("failed to watch process {pid}: {why}"))?;
        }
        Ok(())
    }

    /// Takes what has come, and says how much. A server that spins does the same again and again: that is one event with a
    /// number.
    pub fn drain(&mut self) -> usize {
        self.observer.drain(&mut self.fresh);
        let came = self.fresh.len();
        // The ring's order is that of reservations; times were read a little later, so neighbours change places.
        self.fresh.sort_by_key(|event| event.time);
        for mut event in self.fresh.drain(..) {
            if event.class().is_some_and(Class::frequent) {
                if self.passed.contains(&event.time) {
                    continue;
                }
                if event.entered < self.passed.end {
                    (event.entered, event.slept) = (0, 0);
                }
                // The sets are those of a call that was seen being entered.
                if event.entered == 0 && matches!(event.more, More::Select(_)) {
                    event.more = More::None;
                }
            }
            let waits = event.class().is_some_and(Class::waits);
            let idle = self.idle.entry(event.tid).or_default();
            if event.what != What::Call || !waits && event.result != -i64::from(libc::EAGAIN) {
                idle.clear();
                self.events.push(event);
                continue;
            }
            let place = (event.call, event.fd);
            if let Some(before) = idle.get(&place).and_then(|place| self.events.get_mut(*place))
                && (before.result, before.object, before.left, &before.more)
                    == (event.result, event.object, event.left, &event.more)
                && before.slept == 0
                && event.slept == 0
            {
                before.again += 1;
                continue;
            }
            idle.insert(place, self.events.len());
            self.events.push(event);
        }
        came
    }

    /// Takes what comes for so long.
    pub fn drain_for(&mut self, time: Duration) {
        /// How often the ring is read, which holds much more.
        const READ: Duration = Duration::from_millis(20);
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            std::thread::park_timeout(left.min(READ));
            self.drain();
        }
    }

    /// Lets a busy server do what it does for every request without recording it, for as long as something else is done.
    pub fn let_pass(&mut self, meanwhile: impl FnOnce(&mut Self)) -> anyhow::Result<()> {
        let failed = |why| anyhow!("failed to take samples of what the server does: {why}");
        self.drain();
        // Neither begins nor ends for all calls at once.
        let start = wait::now();
        self.passed = start..u64::MAX;
        self.observer.record_frequent(false).map_err(failed)?;
        self.gap(start);
        meanwhile(self);
        self.observer.record_frequent(true).map_err(failed)?;
        let end = wait::now();
        self.passed.end = end;
        self.gap(end);
        self.unwatched += end - start;
        Ok(())
    }

    fn gap(&mut self, time: u64) {
        self.drain();
        self.idle.clear();
        self.events.push(Event { time, what: What::Gap, ..Event::default() });
    }

    /// The server's living processes.
    pub fn processes(&mut self) -> Vec<u32> {
        let tracked = self.observer.tracked().unwrap_or_default();
        tracked.into_iter().filter(|pid| std::fs::exists(format!("/proc/{pid}")).unwrap_or(false)).collect()
    }

    /// Lets the server be until all its tasks sleep, or until the time is over. Whether they do.
    pub fn settle(&mut self, millis: u64) -> bool {
        let deadline = Deadline::after(millis);
        let look = |watcher: &mut Self| -> Vec<tasks::Task> {
            watcher.processes().into_iter().filter_map(|pid| i32::try_from(pid).ok()).flat_map(tasks::of).collect()
        };
        let mut before = look(self);
        let mut same = 0;
        let mut pause = SOON;
        while !deadline.passed() {
            std::thread::park_timeout(pause);
            self.drain();
            let now = look(self);
            // Who is busy goes on being busy, and every look takes time from it.
            pause = if now == before { SOON } else { LATE.min(pause * 2) };
            same = if now == before && now.iter().all(tasks::Task::rests) { same + 1 } else { 0 };
            if same == 3 {
                return true;
            }
            before = now;
        }
        false
    }

    /// Lets the server be, and looks at it.
    pub fn rest(&mut self, phase: &str, millis: u64) {
        let settled = self.settle(millis);
        let processes = self.processes();
        let rest = snapshot::look(phase, wait::now(), settled, &processes);
        self.drain();
        self.rests.push(rest);
    }

    /// Looks again and again until something holds, or the time is over; the last look is kept.
    pub fn until(&mut self, phase: &str, millis: u64, holds: impl Fn(&Rest) -> bool) {
        let deadline = Deadline::after(millis);
        loop {
            let settled = self.settle(100);
            let processes = self.processes();
            let rest = snapshot::look(phase, wait::now(), settled, &processes);
            self.drain();
            if holds(&rest) || deadline.passed() {
                self.rests.push(rest);
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Confines all threads of the server to one processor, so that whoever runs there before them is not overtaken. Gives
    /// back which, and what they were allowed before.
    pub fn confine(&mut self) -> Option<(usize, CpuSet)> {
        let threads = self.threads();
        let before = sched_getaffinity(*threads.first()?).ok()?;
        let processor = (0..CpuSet::count()).find(|number| before.is_set(*number).unwrap_or(false))?;
        let mut one = CpuSet::new();
        one.set(processor).ok()?;
        for thread in threads {
            // One that has ended meanwhile runs nowhere.
            let _ = sched_setaffinity(thread, &one);
        }
        Some((processor, before))
    }

    /// Lets them run where they were allowed to; those that were born meanwhile too.
    pub fn release(&mut self, allowed: &CpuSet) {
        let confined = |thread: &Pid| sched_getaffinity(*thread).is_ok_and(|now| now != *allowed);
        for _ in 0..3 {
            for thread in self.threads().into_iter().filter(confined) {
                let _ = sched_setaffinity(thread, allowed);
            }
        }
    }

    fn threads(&mut self) -> Vec<Pid> {
        let processes = self.processes().into_iter().filter_map(|pid| i32::try_from(pid).ok());
        processes.flat_map(tasks::of).map(|task| Pid::from_raw(task.tid)).collect()
    }

    /// The events in order of time, now that no more are wanted.
    pub fn finish(&mut self) -> Vec<Event> {
        let _ = self.observer.stop();
        self.drain();
        let mut events = std::mem::take(&mut self.events);
        events.sort_by_key(|event| event.time);
        // A birth says its process in `fd`; 0 would be descriptor 0 elsewhere.
        debug_assert!(events.iter().all(|event| event.what != What::Birth || event.result != 0));
        events
    }
}
