//! Seeing every system call, although a program may be passed over.
//!
//! A kernel that can be preempted inside of a tracing program runs the same program for no other task on that processor
//! until the first one goes on: the recursion check of `bpf_trace_run` takes the second task for a nested call
//! (`kernel/trace/bpf_trace.c`: `__bpf_trace_run`, `prog->active`). Programs of system calls can be since 7.2, which lets
//! them sleep (`include/trace/bpf_probe.h`: `__BPF_DECLARE_TRACE_SYSCALL` disabled preemption from 6.13 on, and before
//! that every tracepoint did). On such a kernel each side of a system call has two programs, of which the second steps in
//! where the first was passed over. Both being passed over takes two preempted tasks at once; it leaves the same side seen
//! twice, and is counted as lost. On all others there is one program for each side, and no turn is kept.
use wakeproof_abi::Kind;

use crate::{
    scope::{ids, role, tgid, tid},
    state::{FIRED, LOST, TURN, bump},
};

/// 1 if programs of system calls may be passed over, and have understudies. Frozen before the program is loaded: what is
/// not needed the verifier leaves out.
#[unsafe(no_mangle)]
static UNDERSTUDIED: u32 = 1;

/// Whether there are programs that look second.
#[inline(always)]
pub(crate) fn understudied() -> bool {
    // SAFETY: a valid static; volatile because the loader replaces it and the compiler must not fold the number.
    unsafe { core::ptr::read_volatile(&raw const UNDERSTUDIED) != 0 }
}

/// Which of the two programs looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// The one that is called first, and always acts.
    First,
    /// Its understudy.
    Second,
}

/// The thread is in the system call.
pub(crate) const IN: u32 = 1;
/// It has left it.
pub(crate) const OUT: u32 = 2;

/// Whether the one who looks has to act: the thread is the experiment's, and nobody has acted before. Notes that it is on
/// this side now, if there is anybody else who may act: an understudy, or with `stashed` a probe on the function's way out.
///
/// `other` is the kind of the event that is missing if the first look finds the thread where it already was.
#[inline(always)]
pub(crate) fn take(look: Look, side: u32, other: Option<Kind>, stashed: bool) -> bool {
    if !understudied() && !stashed {
        return role(tgid()) != 0;
    }
    let (process, thread) = ids();
    let Some(last) = TURN.get_ptr_mut(thread) else {
        // Whose it is need be asked only once.
        let ours = role(process) != 0;
        if ours {
            let _ = TURN.insert(thread, side, 0);
        }
        return ours;
    };
    // SAFETY: a live value, written and read by the same thread only.
    let seen = unsafe { *last } == side;
    if look == Look::Second && seen {
        return false;
    }
    if let (true, Some(kind)) = (seen, other) {
        bump(&FIRED, kind as u32);
        bump(&LOST, kind as u32);
    }
    // SAFETY: as above.
    unsafe { *last = side };
    true
}

/// Notes that the calling thread has left the call. Whether nobody had seen that.
#[inline(always)]
pub(crate) fn leave() -> bool {
    let Some(last) = TURN.get_ptr_mut(tid()) else { return false };
    // SAFETY: as above.
    unsafe { core::mem::replace(&mut *last, OUT) == IN }
}

/// Forgets a thread that ends: another one may get its number.
#[inline(always)]
pub(crate) fn forget() {
    let _ = TURN.remove(tid());
}
