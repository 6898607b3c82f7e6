//! Starts each server as a process of its own and talks to it as a client.

mod defects;
mod healthy;
mod process;
