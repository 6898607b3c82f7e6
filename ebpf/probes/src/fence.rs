//! Fences: system calls of the experiment itself that say who is who and divide the time.
use aya_ebpf::{EbpfContext as _, helpers::generated::bpf_probe_read_kernel, programs::BtfTracePointContext};
use aya_log_ebpf::debug;
use wakeproof_abi::{Event, FENCE, FenceOp, Kind, PEEK_BYTES};

use crate::{
    emit::emit,
    kernel::{current, offset, read, regs},
    scope::{tgid, tid},
    state::{EPOCH, FENCED, NETS, PEEK, TRACKED, config},
    turn::{Look, understudied},
};

/// `prctl` on x86-64.
pub(crate) const PRCTL: u64 = 157;

/// Acts on a fence and reports it; a `prctl` that is none is left alone.
#[inline(always)]
pub(crate) fn prctl(ctx: &BtfTracePointContext, regs: u64, look: Look) -> Option<()> {
    let (op, argument) = asked(regs)?;
    if !first(look, u64::from(op) << 56 ^ argument) {
        return None;
    }
    if op == FenceOp::Peek as u32 {
        return peek(argument, read::<u64>(regs + regs::R8)?);
    }
    if op == FenceOp::Burst as u32 {
        return None;
    }
    if op == FenceOp::Join as u32 {
        let _ = TRACKED.insert(tgid(), argument as u32, 0);
        let nsproxy: u64 = read(current() + offset!(task_nsproxy))?;
        let net: u64 = read(nsproxy + offset!(nsproxy_net_ns))?;
        let _ = NETS.insert(net, net, 0);
        debug!(ctx, "process {} joins with role {}", tgid(), argument);
    } else if op == FenceOp::Mark as u32 {
        let epoch = EPOCH.get_ptr_mut(0)?;
        // SAFETY: a live slot; marks are set by one thread.
        unsafe { *epoch = argument as u32 + 1 };
    }
    emit(ctx.as_ptr(), Kind::Fence, Event { value: argument as i64, detail: op, ..Event::default() });
    Some(())
}

/// What a fence of this run asks for, and its argument; none of a `prctl` that is no fence, or another run's.
#[inline(always)]
pub(crate) fn asked(regs: u64) -> Option<(u32, u64)> {
    if read::<u64>(regs + regs::DI)? != FENCE {
        return None;
    }
    let op = read::<u64>(regs + regs::SI)? as u32;
    let argument = read::<u64>(regs + regs::DX)?;
    let token = read::<u64>(regs + regs::R10)?;
    (token != 0 && token == config()?.token).then_some((op, argument))
}

/// Whether nobody has acted on this fence of the calling thread yet.
#[inline(always)]
fn first(look: Look, fence: u64) -> bool {
    if !understudied() {
        return true;
    }
    // SAFETY: written and read by the same thread only.
    if look == Look::Second && unsafe { FENCED.get(tid()) } == Some(&fence) {
        let _ = FENCED.remove(tid());
        return false;
    }
    if look == Look::First {
        let _ = FENCED.insert(tid(), fence, 0);
    }
    true
}

/// Reads kernel memory for the harness.
#[inline(always)]
fn peek(address: u64, length: u64) -> Option<()> {
    let slot = PEEK.get_ptr_mut(0)?;
    let length = core::hint::black_box(length) & PEEK_BYTES as u64;
    // SAFETY: a live slot with room for `PEEK_BYTES`; the helper checks the address and fails instead of faulting.
    unsafe {
        let failed = bpf_probe_read_kernel((&raw mut (*slot).bytes).cast(), length as u32, address as *const _);
        (*slot).done = u64::from(failed == 0);
    }
    Some(())
}
