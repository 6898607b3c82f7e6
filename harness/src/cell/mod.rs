//! The cell: a process in namespaces of its own, in which one run happens.
//!
//! The harness starts it with [`command`], sends an [`Order`](protocol::Order), and answers what the cell says. The cell
//! starts the server, makes the steps and reports; it never reads an event and knows nothing of probes.
mod actors;
mod alarm;
mod buffers;
mod call;
mod child;
mod client;
mod compare;
mod compute;
mod crowd;
mod elsewhere;
mod epoll;
mod exchange;
mod failure;
pub(crate) mod fence;
mod files;
mod filter;
pub(crate) mod guardian;
mod inject;
mod isolate;
mod kinds;
mod limits;
mod link;
pub(crate) mod listeners;
mod machine;
mod memory;
mod names;
mod nofile;
mod options;
mod pause;
mod ping_pong;
mod poll;
pub(crate) mod process;
mod procfs;
pub mod protocol;
mod rcu;
mod resources;
mod ring;
mod run;
mod select;
mod server;
mod settings;
mod socket;
mod sockets;
mod steps;
mod stranger;
pub(crate) mod tasks;
pub(crate) mod wait;
mod wire;

pub use fence::{burst, join};

use std::process::Command;

use anyhow::Context as _;

use protocol::Say;
pub use wire::Wire;

/// The command that starts a cell: this program again, told who its harness is.
///
/// The cell dies with the *thread* that spawns it (`PR_SET_PDEATHSIG` in prctl(2)), so spawn it from one that waits for
/// it. Its standard input and output are the protocol's; its standard error says what went wrong inside.
pub fn command() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg("cell").arg("--harness").arg(std::process::id().to_string());
    command
}

/// Leaves the network namespace for a new one that has nothing but a loopback. Needs root.
pub fn leave_network() -> anyhow::Result<()> {
    isolate::NETWORK.leave()?;
    isolate::NETWORK.furnish()
}

/// Is a cell: isolates itself, makes one run, reports it. Call it from a process with one thread.
///
/// `harness` is the process that started this one, if it is known: should it have ended already, so does the cell.
///
/// # Errors
///
/// If no isolation whatever could be had, if the harness went away, or if it does not speak the protocol. Whatever
/// goes wrong in the run itself is not an error but the run's end, in its report.
pub fn main(harness: Option<u32>) -> anyhow::Result<()> {
    let isolation = guardian::enter(harness)?;
    process::raise_descriptor_limit().context("failed to raise the limit of descriptors (RLIMIT_NOFILE)")?;
    let mut link = link::Link::open();
    let order = link.order()?;
    fence::join(wakeproof_abi::Role::Client, order.token);
    let report = run::run(&order, isolation, &mut link)?;
    link.say(&Say::Done(Box::new(report)))
}
