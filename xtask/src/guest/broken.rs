//! Tells a guest that did its work from one that broke, and says what happened on one screen.

use std::fmt::Write as _;

use wakeproof_init::{channel::Ending, qemu_status};

use super::{
    accelerator::Engine,
    console::{End, Phase},
    memory::{Received, SharedMemory},
};
use crate::{
    kernels::Kernel,
    process::{RED, paint},
    progress::seconds,
};

/// Lines of console shown.
const SHOWN: usize = 20;

/// What went wrong with a guest.
#[derive(Debug)]
pub struct Fault {
    what: String,
    next: &'static str,
}

/// A guest that broke: everything about it, on one screen.
#[derive(Debug)]
pub struct Broken {
    /// What happened, in a sentence.
    pub what: String,
    /// What to do about it.
    pub next: &'static str,
    /// The last lines of the console.
    pub console: Vec<String>,
    screen: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.screen)
    }
}

impl std::error::Error for Broken {}

/// What the guest sent, if everything about its end agrees.
pub fn judge(end: &End, memory: &SharedMemory) -> Result<Received, Fault> {
    if let Some((phase, limit)) = end.overdue {
        let limit = seconds(limit);
        return Err(match phase {
            Phase::Boot => Fault {
                what: format!("the guest did not boot within {limit}"),
                next: "with `--accel kvm`, try `--accel tcg`; on a busy machine give it longer with `--guest-boot SECONDS`",
            },
            Phase::Run => Fault {
                what: format!("the command did not end within {limit}, and the guest was stopped"),
                next: "run fewer cases, or give it longer with `--guest-deadline SECONDS`",
            },
        });
    }
    let panic = end.console.iter().find(|line| line.contains("Kernel panic") || line.contains("Oops:"));
    let received = match memory.receive() {
        Ok(received) => received,
        Err(_) if panic.is_some() => {
            let line = panic.map_or("", String::as_str);
            let line = line.split_once("] ").map_or(line, |(_, text)| text);
            return Err(Fault {
                what: format!("the guest's kernel panicked: {line}"),
                next: "run the case that was running alone, with `--exact NAME`; a kernel that panics is worth a report",
            });
        }
        Err(error) if end.reached == Phase::Boot => {
            return Err(Fault {
                what: format!("the guest ended before it had booted (QEMU: {}): {error:#}", end.status),
                next: "the lines above are QEMU's or the kernel's own reason",
            });
        }
        Err(error) => {
            return Err(Fault {
                what: format!("the guest ended without a result (QEMU: {}): {error:#}", end.status),
                next: "run the same command again; if it breaks again, run fewer cases",
            });
        }
    };
    if received.ending == Ending::InitFailed {
        return Err(Fault { what: "the guest's init failed".into(), next: "the lines above say which step failed" });
    }
    let expected = qemu_status(received.status());
    if end.status.code() != Some(i32::from(expected)) {
        return Err(Fault {
            what: format!(
                "the guest's result says status {}, for which QEMU should have exited with {expected}, but: {}",
                received.status(),
                end.status
            ),
            next: "run the same command again; if it stays, QEMU or the guest's kernel stopped the machine on its own",
        });
    }
    Ok(received)
}

/// The last lines of the console.
pub fn last(end: &End) -> Vec<String> {
    end.console.iter().skip(end.console.len().saturating_sub(SHOWN)).cloned().collect()
}

/// One screen about a broken guest.
pub fn report(fault: Fault, end: &End, kernel: &Kernel, accelerator: Engine) -> Broken {
    let Fault { what, next } = fault;
    let console = last(end);
    let mut text = format!("{}: {what}\n", paint("broken", RED));
    let _ = writeln!(text, "  kernel   {}", kernel.summary());
    let boot = end.boot.map_or_else(|| "did not boot".to_owned(), |boot| format!("booted after {}", seconds(boot)));
    let _ =
        writeln!(text, "  machine  QEMU with {}, {boot}, ended after {}", accelerator.words().0, seconds(end.whole));
    let _ = writeln!(text, "  console  the last {} lines:", console.len());
    for line in &console {
        let _ = writeln!(text, "    │ {line}");
    }
    let _ = write!(text, "  next     {next}");
    Broken { what, next, console, screen: text }
}
