//! Checks what documents say about sockets, `select`, `poll` and `epoll` against the running kernel.
//!
//! One way leads through the house: [`load`] → plan → record → judge → render. Types flow forward only.
pub mod case;
pub mod catalogue;
pub mod cell;
pub mod cli;
pub mod derive;
pub mod judge;
pub mod kernel;
pub mod load;
pub mod matching;
pub mod object;
pub mod observe;
pub mod plan;
pub mod record;
pub mod recording;
pub mod render;
mod shortened;
pub mod verdict;
