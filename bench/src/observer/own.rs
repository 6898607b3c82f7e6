//! Our own recorder, with the probes of a case.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};
use wakeproof::case::EventName;
use wakeproof::plan::Wants;
use wakeproof::record::{Tap, Tapped};
use wakeproof_abi::Role;

use super::{Observer, Watched};
use crate::cpu;
use crate::echo::Server;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// What a readiness case wants: data arrives, somebody is woken, `epoll_wait` returns.
    Readiness,
    /// All that the recorder has for a server: every call's way in and out, and what the scheduler does.
    Full,
}

impl Set {
    /// As events.
    pub fn events(self) -> &'static [EventName] {
        match self {
            Self::Readiness => &[EventName::EpollWait, EventName::SkDataReady, EventName::SchedWaking],
            Self::Full => &[
                EventName::EpollWait,
                EventName::SysEnterEpollWait,
                EventName::Read,
                EventName::SysEnterRead,
                EventName::Write,
                EventName::Accept,
                EventName::Close,
                EventName::SkDataReady,
                EventName::SchedWaking,
                EventName::SchedSwitch,
                EventName::Fork,
                EventName::Exit,
            ],
        }
    }
}

/// The recorder in a thread of its own, as it runs beside a case. Its probes are attached only while it watches: programs
/// that record nothing cost something, too, and a bare window is bare.
pub struct Own {
    name: &'static str,
    set: Set,
    token: u64,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<Result<(Tapped, Duration), String>>>,
}

impl Own {
    /// One that records this set.
    pub fn new(name: &'static str, set: Set, token: u64) -> Self {
        Self { name, set, token, stop: Arc::default(), reader: None }
    }
}

impl Observer for Own {
    fn name(&self) -> &str {
        self.name
    }

    fn begin(&mut self, server: &Server) -> Result<()> {
        let mut tap = Tap::attach(self.set.events())?;
        let wants = Wants::seeing(self.set.events(), &tap.capabilities());
        tap.begin(&wants, self.token).map_err(|why| anyhow!(why))?;
        tap.track(server.pid(), Role::Server).map_err(|why| anyhow!(why))?;
        // the namespace's sockets, and the client
        Tap::join(Role::Client, self.token);
        self.stop.store(false, Ordering::Relaxed);
        let stop = Arc::clone(&self.stop);
        self.reader = Some(thread::spawn(move || {
            let before = cpu::of_thread();
            tap.follow(|_| !stop.load(Ordering::Relaxed));
            let tapped = tap.end()?;
            Ok((tapped, cpu::of_thread().saturating_sub(before)))
        }));
        Ok(())
    }

    fn end(&mut self) -> Result<Watched> {
        self.stop.store(true, Ordering::Relaxed);
        let reader = self.reader.take().ok_or_else(|| anyhow!("it was not watching"))?;
        let (tapped, cpu) =
            reader.join().map_err(|_| anyhow!("the reader has panicked"))?.map_err(|why| anyhow!(why))?;
        let delivered = tapped.accounts.iter().map(|account| account.delivered).sum();
        // what neither came nor is known to be lost is lost
        let lost = tapped.accounts.iter().map(|account| account.fired.saturating_sub(account.delivered)).sum();
        Ok(Watched { events: Some(delivered), lost: Some(lost), ..Watched::of(cpu) })
    }
}
