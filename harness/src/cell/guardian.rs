//! The way into the cell, and who watches over it from outside: whatever dies first, nothing is left behind.
//!
//! Three processes, each killed by the kernel when the one before it ends (`PR_SET_PDEATHSIG`):
//!
//! ```text
//! harness ── guardian ── one that leaves the namespaces ── the cell, process 1 of its own, and all its children
//! ```
//!
//! The end of process 1 ends its namespace. Where there is none, the second process is the cell, and the guardian
//! outlives the harness for just long enough to kill what descends from it.
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getppid, pipe2};

use super::isolate::{WAYS, Way};
use super::protocol::Isolation;
use super::{process, wait};

/// Returns in the cell's own process, and says how far it is shut off. The processes outside of it end in here.
pub fn enter(harness: Option<u32>) -> anyhow::Result<Isolation> {
    process::die_with_parent()?;
    let parent = harness.map_or(getppid().as_raw(), |harness| i32::try_from(harness).unwrap_or(-1));
    let harness =
        process::Handle::open(parent).with_context(|| format!("failed to open the harness, process {parent}"))?;
    if getppid().as_raw() != parent {
        bail!("the harness, process {parent}, has ended");
    }
    let mut refusals = Vec::new();
    for way in WAYS {
        if !way.isolation().processes {
            // Killing us would leave the others alive: we watch the harness instead, and adopt what is orphaned.
            set_pdeathsig(None)?;
            set_child_subreaper(true)?;
        }
        let (ready, report) = pipe2(OFlag::O_CLOEXEC)?;
        let guardian = process::Handle::open(Pid::this().as_raw())?;
        let Some(child) = process::split()? else {
            drop((ready, harness));
            return Ok(inside(way, &guardian, report));
        };
        drop(report);
        let mut refusal = String::new();
        File::from(ready).read_to_string(&mut refusal)?;
        if refusal.is_empty() {
            if !way.isolation().processes {
                watch(&harness, child)?;
            }
            pass_on(child)
        }
        waitpid(child, None)?;
        refusals.push(refusal);
    }
    bail!("failed to make a cell: {}", refusals.join("; "))
}

/// The second process. Returns in the cell. A reason against it goes through the pipe, whose mere end is the good news.
fn inside(way: Way, guardian: &process::Handle, report: OwnedFd) -> Isolation {
    let mut report = Some(File::from(report));
    match try_inside(way, guardian, &mut report) {
        Ok(()) => way.isolation(),
        Err(error) => {
            let _ = report.map(|mut report| write!(report, "{way}: {error:#}"));
            std::process::exit(1)
        }
    }
}

fn try_inside(way: Way, guardian: &process::Handle, report: &mut Option<File>) -> anyhow::Result<()> {
    live_with(guardian)?;
    way.leave()?;
    // A change of credentials can take the death signal back (kernel/cred.c: commit_creds).
    live_with(guardian)?;
    if way.isolation().processes {
        let outside = process::Handle::open(Pid::this().as_raw())?;
        if let Some(cell) = process::split()? {
            *report = None;
            pass_on(cell)
        }
        live_with(&outside)?;
    }
    way.furnish()?;
    set_child_subreaper(true)?;
    Ok(())
}

fn live_with(parent: &process::Handle) -> anyhow::Result<()> {
    process::die_with_parent()?;
    // The signal comes only for a death after the request.
    if parent.ended()? {
        bail!("the parent has ended");
    }
    Ok(())
}

/// Waits for a child, and ends as it ended.
fn pass_on(child: Pid) -> ! {
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => std::process::exit(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => std::process::exit(128 + signal as i32),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => std::process::exit(1),
        }
    }
}

/// Waits for the cell or for the end of the harness, and kills whatever is left.
fn watch(harness: &process::Handle, cell: Pid) -> anyhow::Result<()> {
    let child = process::Handle::open(cell.as_raw())?;
    while !child.ended()? {
        wait::any(&[harness.fd(), child.fd()], libc::POLLIN, None)?;
        if harness.ended()? {
            process::kill_descendants();
            std::process::exit(1);
        }
    }
    // The cell stays a zombie until its status has been passed on, and no longer counts among the living.
    process::kill_living_descendants();
    Ok(())
}
