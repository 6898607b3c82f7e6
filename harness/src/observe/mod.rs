//! Any server, looked at from outside: which I/O model it has, which mistakes it makes, and what it costs.
//!
//! ```text
//! drive ──→ Observation ──fold→ Facts ──→ Model, Hazards, Measures ──→ Report
//! (adapter, phases, watcher)          └─ pure from here on: no kernel, no clock, no process
//! ```
//!
//! The load has phases that tell models apart, and at the end of each the server is left alone until all its tasks
//! sleep; what lies in its queues then is what nobody will ever take.
pub mod adapter;
pub mod calls;
pub mod drive;
pub mod driver;
pub mod facts;
pub mod guard;
pub mod hazards;
pub mod measures;
pub mod model;
pub mod observation;
pub mod phases;
pub mod report;
pub(crate) mod snapshot;
mod watcher;

pub use watcher::{Target, Watcher};

#[cfg(test)]
mod tests;
