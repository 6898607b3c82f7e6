//! A fence: a system call that does nothing but be seen by the probes.
use wakeproof_abi::{FENCE, FenceOp, Role};

fn fence(op: FenceOp, argument: u64, token: u64) {
    // SAFETY: no option of prctl has the number FENCE, so the kernel looks at nothing else and returns EINVAL
    // (kernel/sys.c: prctl). A bare system call may also be made between fork and exec.
    unsafe { libc::syscall(libc::SYS_prctl, FENCE, u64::from(op as u32), argument, token, 0_u64) };
}

/// From here on the calling process, with the children it will have, is part of the experiment. Async-signal-safe.
pub fn join(role: Role, token: u64) {
    fence(FenceOp::Join, u64::from(role as u32), token);
}

/// Passes a mark.
pub fn mark(number: usize, token: u64) {
    fence(FenceOp::Mark, number as u64, token);
}

/// Asks for a burst of records, each of which says that a system call has returned.
pub fn burst(call: i64, token: u64) {
    fence(FenceOp::Burst, call.unsigned_abs(), token);
}

/// The calling thread is this actor.
pub fn actor(number: usize, token: u64) {
    fence(FenceOp::Actor, number as u64, token);
}
