//! Two tasks that hand a byte to and fro, so that the processor switches from one to the other and back.
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe2};

use super::call::{Call, Returned};
use crate::case::{Kinship, PingPong};

const STACK: usize = 64 * 1024;

/// Plays in a process of its own, which is bound to the processor that it is on.
pub fn play(step: &PingPong) -> Call {
    let (between, rounds) = (step.between, u32::try_from(step.rounds.0).unwrap_or(u32::MAX));
    Call {
        what: "play ping-pong".to_owned(),
        number: libc::SYS_wait4,
        result: Some(step.name.clone()),
        sleeps: true,
        make: Box::new(move || {
            let ended = game(between, rounds);
            match ended {
                Ok(kept) => Returned::take(i64::from(kept)),
                Err(Errno::EINTR) => {
                    Errno::EINTR.set();
                    Returned::take(-1)
                }
                Err(errno) => Returned::refused(format!("failed to play ping-pong: {}", errno.desc())),
            }
        }),
    }
}

/// How often the first player found its word as it had left it.
fn game(between: Kinship, rounds: u32) -> nix::Result<u32> {
    let (result, told) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: the child makes system calls on memory of its own and leaves; it takes no lock.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let _ = set_pdeathsig(Signal::SIGKILL);
            let kept = first_player(between, rounds).unwrap_or(u32::MAX);
            let said = nix::unistd::write(&told, &kept.to_ne_bytes());
            // SAFETY: leaves without running anything of the parent's.
            unsafe { libc::_exit(i32::from(said.is_err() || kept == u32::MAX)) }
        }
        ForkResult::Parent { child } => {
            drop(told);
            match waitpid(child, None)? {
                WaitStatus::Exited(_, 0) => {
                    let mut kept = [0; 4];
                    nix::unistd::read(&result, &mut kept)?;
                    Ok(u32::from_ne_bytes(kept))
                }
                _ => Err(Errno::ECHILD),
            }
        }
    }
}

/// What the second player needs; it lies on the stack of the first.
struct Table {
    there: RawFd,
    back: RawFd,
    word: AtomicU32,
    rounds: u32,
}

fn first_player(between: Kinship, rounds: u32) -> nix::Result<u32> {
    let mut here = CpuSet::new();
    here.set(sched_getcpu()?)?;
    sched_setaffinity(Pid::from_raw(0), &here)?;
    let (there, back) = (pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?);
    let table = Table { there: there.0.as_raw_fd(), back: back.1.as_raw_fd(), word: AtomicU32::new(0), rounds };
    let partner = start(between, &table)?;
    let mut kept = 0;
    for round in 1..=rounds {
        table.word.store(round, Relaxed);
        hand_over(&there.1)?;
        take(back.0.as_raw_fd())?;
        kept += u32::from(table.word.load(Relaxed) == round);
    }
    if between != Kinship::Threads {
        waitpid(partner, None)?;
    }
    Ok(kept)
}

/// Starts the second player. Its stack stays until this process ends.
fn start(between: Kinship, table: &Table) -> nix::Result<Pid> {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    let stack = unsafe { libc::mmap(ptr::null_mut(), STACK, access, kind, -1, 0) };
    if stack == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    let flags = match between {
        Kinship::Processes => libc::SIGCHLD,
        Kinship::SharingMemory => libc::CLONE_VM | libc::SIGCHLD,
        Kinship::Threads => {
            libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_FS | libc::CLONE_SIGHAND | libc::CLONE_THREAD
        }
    };
    // SAFETY: the stack is its own and grows down from its end; the table outlives it, as the first player waits for the
    // last byte; the function makes system calls alone, so that it needs no thread-local memory of its own.
    let partner = unsafe {
        let top = stack.byte_add(STACK);
        libc::clone(second_player, top, flags, ptr::from_ref(table).cast_mut().cast())
    };
    Errno::result(partner).map(Pid::from_raw)
}

/// Writes to its word, and gives the byte back.
extern "C" fn second_player(table: *mut libc::c_void) -> libc::c_int {
    // SAFETY: it is the table of the first player, or the copy of it that `fork` made.
    let table = unsafe { &*table.cast::<Table>() };
    for _ in 0..table.rounds {
        let mut byte = 0_u8;
        // SAFETY: one byte is read to and written from a variable of its own.
        unsafe {
            if libc::read(table.there, ptr::from_mut(&mut byte).cast(), 1) != 1 {
                return 1;
            }
            table.word.store(0, Relaxed);
            if libc::write(table.back, ptr::from_ref(&byte).cast(), 1) != 1 {
                return 1;
            }
        }
    }
    0
}

fn hand_over(to: &OwnedFd) -> nix::Result<()> {
    nix::unistd::write(to, b".").map(drop)
}

fn take(from: RawFd) -> nix::Result<()> {
    let mut byte = 0_u8;
    // SAFETY: one byte is read to a variable.
    let read = unsafe { libc::read(from, ptr::from_mut(&mut byte).cast(), 1) };
    if Errno::result(read)? == 1 { Ok(()) } else { Err(Errno::EPIPE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_at_one_address_is_one_word_only_if_the_memory_is_shared() {
        assert_eq!(game(Kinship::Processes, 5), Ok(5));
        assert_eq!(game(Kinship::SharingMemory, 5), Ok(0));
        assert_eq!(game(Kinship::Threads, 5), Ok(0));
    }
}
