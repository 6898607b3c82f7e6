//! Fences: system calls of the experiment itself that say who is who and divide the time.
use aya_ebpf::{EbpfContext as _, helpers::generated::bpf_probe_read_kernel, programs::BtfTracePointContext};
use aya_log_ebpf::debug;
use wakeproof_abi::{Event, FENCE, FenceOp, Kind, PEEK_BYTES};

use crate::{
    emit::emit,
    kernel::{current, offset, read, regs},
    scope::tgid,
    state::{EPOCH, NETS, PEEK, TRACKED, config},
};

/// `prctl` on x86-64.
pub(crate) const PRCTL: u64 = 157;

/// Acts on a fence and reports it; a `prctl` that is none is left alone.
#[inline(always)]
pub(crate) fn prctl(ctx: &BtfTracePointContext, regs: u64) -> Option<()> {
    if read::<u64>(regs + regs::DI)? != FENCE {
        return None;
    }
    let op = read::<u64>(regs + regs::SI)? as u32;
    let argument = read::<u64>(regs + regs::DX)?;
    let token = read::<u64>(regs + regs::R10)?;
    if token == 0 || token != config()?.token {
        return None;
    }
    if op == FenceOp::Peek as u32 {
        return peek(argument, read::<u64>(regs + regs::R8)?);
    }
    if op == FenceOp::Join as u32 {
        let _ = TRACKED.insert(tgid(), argument as u32, 0);
        let nsproxy: u64 = read(current() + offset!(task_nsproxy))?;
        let net: u64 = read(nsproxy + offset!(nsproxy_net_ns))?;
        let _ = NETS.insert(net, argument as u32, 0);
        debug!(ctx, "process {} joins with role {}", tgid(), argument);
    } else if op == FenceOp::Mark as u32 {
        let epoch = EPOCH.get_ptr_mut(0)?;
        // SAFETY: a live slot; marks are set by one thread.
        unsafe { *epoch = argument as u32 + 1 };
    }
    emit(ctx.as_ptr(), Kind::Fence, Event { value: argument as i64, detail: op, ..Event::default() });
    Some(())
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
