//! The way into the cell, and who watches over it from outside: whatever dies first, nothing is left behind.
//!
//! ```text
//! harness ── front ── guardian ── the cell ── the server and all its children
//! ```
//!
//! The kernel kills the front when the harness ends, the guardian when the front ends, the cell when the guardian ends
//! (`PR_SET_PDEATHSIG`). The guardian leaves the namespaces of the machine, and the cell is process 1 of its own: its end
//! ends all. Where no process namespace is to be had, the guardian outlives the front for just long enough to kill
//! whatever descends from itself.
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;

use anyhow::bail;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getppid, pipe2};

use super::isolate::{WAYS, Way};
use super::protocol::Isolation;
use super::{process, wait};

/// Returns in the cell's own process, and says how far it is shut off. The processes outside of it end in here.
pub fn enter(harness: Option<u32>) -> anyhow::Result<Isolation> {
    process::die_with_parent()?;
    if let Some(harness) = harness
        && getppid().as_raw() != i32::try_from(harness)?
    {
        bail!("the harness, process {harness}, has ended");
    }
    let front = process::Handle::open(Pid::this().as_raw())?;
    let mut refusals = Vec::new();
    for way in WAYS {
        let (ready, report) = pipe2(OFlag::O_CLOEXEC)?;
        let Some(guardian) = process::split()? else {
            return Ok(inside(way, &front, report));
        };
        drop(report);
        let mut refusal = String::new();
        File::from(ready).read_to_string(&mut refusal)?;
        if refusal.is_empty() {
            pass_on(guardian)
        }
        waitpid(guardian, None)?;
        refusals.push(refusal);
    }
    bail!("failed to make a cell: {}", refusals.join("; "))
}

/// In the guardian. Returns in the cell. A reason against it goes through the pipe, whose mere end is the good news.
fn inside(way: Way, front: &process::Handle, report: OwnedFd) -> Isolation {
    let mut report = Some(File::from(report));
    match try_inside(way, front, &mut report) {
        Ok(()) => way.isolation(),
        Err(error) => {
            let _ = report.map(|mut report| write!(report, "{way}: {error:#}"));
            std::process::exit(1)
        }
    }
}

fn try_inside(way: Way, front: &process::Handle, report: &mut Option<File>) -> anyhow::Result<()> {
    way.leave()?;
    if way.isolation().processes {
        // Only now, as a change of credentials can take the death signal back (kernel/cred.c: commit_creds).
        live_with(front)?;
    } else {
        set_child_subreaper(true)?;
    }
    let guardian = process::Handle::open(Pid::this().as_raw())?;
    if let Some(cell) = process::split()? {
        *report = None;
        if !way.isolation().processes {
            watch(front, cell)?;
        }
        pass_on(cell)
    }
    live_with(&guardian)?;
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

/// Waits for the end of the cell or of the front, and kills whatever is left.
fn watch(front: &process::Handle, cell: Pid) -> anyhow::Result<()> {
    let child = process::Handle::open(cell.as_raw())?;
    while !child.ended()? && !front.ended()? {
        wait::any(&[front.fd(), child.fd()], libc::POLLIN, None)?;
    }
    // The cell's own status is still to be collected, and passed on.
    process::kill_living_descendants();
    Ok(())
}
