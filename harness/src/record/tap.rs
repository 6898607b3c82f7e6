//! Recording without a case: processes that somebody else starts, for as long as the caller likes.
//!
//! It is the recorder of cases, with the same probes, ring and decoder; only what tells it when to begin and end is not a
//! plan.
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use aya::programs::RawTracePoint;
use nix::sched::{CloneFlags, setns};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use wakeproof_abi::Role;

use super::live::{Live, Taken};
use super::probes::{Probes, Unobserved};
use super::reason::reason;
use crate::case::EventName;
use crate::plan::{Capabilities, Wants};
use crate::recording::{Account, Event, Extra};

/// How often the ring is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Attached probes, and what they have seen since [`Tap::begin`].
pub struct Tap {
    probes: Probes,
    live: Live,
}

/// What was seen between [`Tap::begin`] and [`Tap::end`].
#[derive(Debug)]
pub struct Tapped {
    /// What happened and was not taken before, in order of time.
    pub events: Vec<Event>,
    /// What some of them carry beside, by the place that an event names.
    pub extras: Vec<Extra>,
    /// Kernel stacks, by the place that an event names.
    pub stacks: Vec<Vec<Arc<str>>>,
    /// What became of the records of each kind: fired = delivered + lost.
    pub accounts: Vec<Account>,
}

impl Tap {
    /// Attaches the probes that these events need. Nothing is recorded yet.
    pub fn attach(events: &[EventName]) -> Result<Self, Unobserved> {
        Ok(Self::over(Probes::attach_for(events)?))
    }

    /// Has bursts answered, too: see [`Tap::burst`].
    pub fn attach_bursts(&mut self) -> Result<(), String> {
        let program: &mut RawTracePoint = self.probes.program("burst")?;
        let attached = program.load().and_then(|()| program.attach("sys_enter").map(drop));
        attached.map_err(|error| reason(&error))
    }

    /// Records with probes that are attached already.
    pub fn over(probes: Probes) -> Self {
        Self { probes, live: Live::default() }
    }

    /// What can be seen here.
    pub fn capabilities(&self) -> Capabilities {
        self.probes.capabilities()
    }

    /// Records from now on. A process belongs to the experiment once it has said so by [`Tap::join`] with this token, or
    /// once it is [tracked](Tap::track); its children do as they are born.
    pub fn begin(&mut self, wants: &Wants, token: u64) -> Result<(), String> {
        self.live = Live::default();
        self.probes.arm(wants, token)
    }

    /// Has the calling process belong to the experiment, with its network namespace. Async-signal-safe, so that it may
    /// be called between fork and exec.
    pub fn join(role: Role, token: u64) {
        crate::cell::join(role, token);
    }

    /// Has one run of a program report [`BURST`](wakeproof_abi::BURST) returns of a system call.
    pub fn burst(call: i64, token: u64) {
        crate::cell::burst(call, token);
    }

    /// Has a process that runs belong to the experiment; for what arrives in its network namespace, see
    /// [`Tap::see_network`].
    pub fn track(&mut self, process: u32, role: Role) -> Result<(), String> {
        self.live.decoder.is(process, role);
        self.probes.track(process, role)
    }

    /// Records what arrives in the network namespace of this process, for whomever it is.
    ///
    /// Only the kernel knows a namespace as the probes see it, so that somebody has to be there for a moment: a child
    /// enters it, says so by [`Tap::join`] as a client, and ends.
    pub fn see_network(process: u32, token: u64) -> io::Result<()> {
        let network = File::open(format!("/proc/{process}/ns/net"))?;
        // SAFETY: the child makes system calls only, and returns to nobody.
        match unsafe { fork() }? {
            ForkResult::Child => {
                let entered = setns(&network, CloneFlags::CLONE_NEWNET);
                if entered.is_ok() {
                    Self::join(Role::Client, token);
                }
                // SAFETY: ends the process at once, without what the harness would do at its end.
                unsafe { libc::_exit(entered.map_or_else(|errno| errno as i32, |()| 0)) }
            }
            ForkResult::Parent { child } => match waitpid(child, None)? {
                WaitStatus::Exited(_, 0) => Ok(()),
                WaitStatus::Exited(_, errno) => Err(io::Error::from_raw_os_error(errno)),
                other => Err(io::Error::other(format!("the process that was to enter it has ended: {other:?}"))),
            },
        }
    }

    /// Takes what is in the ring; how many events have come and were not [taken](Tap::take).
    pub fn drain(&mut self) -> usize {
        self.live.drain(&mut self.probes);
        self.live.events.len()
    }

    /// Reads the ring again and again, until `go_on` says no; it may [take](Tap::take) what has come.
    ///
    /// The program wakes nobody up, since a wake-up would cost more than all the rest: the ring is looked at every few
    /// milliseconds, in which it does not fill.
    pub fn follow(&mut self, mut go_on: impl FnMut(&mut Self) -> bool) {
        loop {
            self.drain();
            if !go_on(self) {
                break;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The events that have come so far, nearly in order of time: only neighbours may have changed places.
    pub fn take(&mut self) -> Taken {
        self.live.take()
    }

    /// Kernel stacks so far, by the place that an event names.
    pub fn stacks(&self) -> Vec<Vec<Arc<str>>> {
        self.live.stacks(&self.probes)
    }

    /// Stops recording, and waits until every record that was fired has come or is known to be lost.
    pub fn end(&mut self) -> Result<Tapped, String> {
        let accounts = self.probes.settle(&mut self.live)?;
        self.probes.forget_all()?;
        let Taken { mut events, extras } = self.take();
        events.sort_by_key(|event| event.time);
        Ok(Tapped { events, extras, stacks: self.live.stacks(&self.probes), accounts })
    }
}
