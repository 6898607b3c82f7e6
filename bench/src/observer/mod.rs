//! Who watches: nobody, our recorder, or one of the tools that people would use instead.
mod inspect;
mod own;
mod tool;

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::echo::Server;

pub use inspect::Inspect;
pub use own::{Own, Set};
pub use tool::TOOLS;

/// What the watching of one window cost and gave.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Watched {
    /// Processor time of the watcher itself, in microseconds.
    pub cpu: f64,
    /// Events that it recorded, as far as it says.
    pub events: Option<u64>,
    /// Events that it lost, as far as it says.
    pub lost: Option<u64>,
}

impl Watched {
    fn of(cpu: Duration) -> Self {
        Self { cpu: cpu.as_secs_f64() * 1e6, ..Self::default() }
    }
}

/// Somebody who can watch a server for a while.
pub trait Observer {
    /// What the tables call it.
    fn name(&self) -> &str;
    /// Begins to watch; returns when it does.
    fn begin(&mut self, server: &Server) -> Result<()>;
    /// Stops watching.
    fn end(&mut self) -> Result<Watched>;
}
