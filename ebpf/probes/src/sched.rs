//! Tasks of the experiment: born, woken, switched with or without their address space, gone.
use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext as _,
    macros::{btf_tracepoint, map},
    maps::PerCpuArray,
    programs::BtfTracePointContext,
};
use wakeproof_abi::{Event, Kind, SWITCH_ENTERS, SWITCH_OURS, SWITCH_SAME_MEMORY};

use crate::{
    emit::emit,
    kernel::{member, offset, read},
    observe,
    scope::{role, tgid},
    state::{TRACKED, wanted},
    turn,
};

/// Thread and thread group of a task.
#[inline(always)]
fn ids(task: *const c_void) -> (u32, u32) {
    (member(task, offset!(task_pid)), member(task, offset!(task_tgid)))
}

#[btf_tracepoint(function = "sched_waking")]
fn sched_waking(ctx: BtfTracePointContext) -> i32 {
    woken(&ctx, Kind::SchedWaking)
}

/// Once the task is on a run queue; on another processor's the waker may leave that to it (`ttwu_queue`), so the running
/// task need not be the waker.
#[btf_tracepoint(function = "sched_wakeup")]
fn sched_wakeup(ctx: BtfTracePointContext) -> i32 {
    woken(&ctx, Kind::SchedWakeup)
}

#[inline(always)]
fn woken(ctx: &BtfTracePointContext, kind: Kind) -> i32 {
    if wanted(kind) {
        let (task, group) = ids(ctx.arg::<*const c_void>(0));
        if role(group) != 0 {
            emit(ctx.as_ptr(), kind, Event { value: i64::from(task), detail: group, ..Event::default() });
        }
    }
    0
}

/// The switch that this processor is in, for the change of address space that belongs to it.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Switch {
    /// 1 until the change has been seen.
    open: u32,
    next: u32,
    about: u64,
}
#[map]
static SWITCH: PerCpuArray<Switch> = PerCpuArray::with_max_entries(1, 0);

#[btf_tracepoint(function = "sched_switch")]
fn sched_switch(ctx: BtfTracePointContext) -> i32 {
    if !wanted(Kind::SchedSwitch) && !wanted(Kind::TlbFlush) {
        return 0;
    }
    let preempted = ctx.arg::<u64>(0) & 0xff != 0;
    let (leaving, entering) = (ctx.arg::<*const c_void>(1), ctx.arg::<*const c_void>(2));
    let ((left, left_group), (next, next_group)) = (ids(leaving), ids(entering));
    let (leaving, entering) = (leaving as u64, entering as u64);
    let (left_ours, next_ours) = (role(left_group) != 0, role(next_group) != 0);
    if !left_ours && !next_ours {
        if let Some(switch) = SWITCH.get_ptr_mut(0) {
            // SAFETY: a live slot of this CPU, on which interrupts are off during a switch.
            unsafe { (*switch).open = 0 };
        }
        return 0;
    }
    let mut about = if left_ours && next_ours { SWITCH_OURS } else { 0 };
    let memory = |task| read::<u64>(task + offset!(task_mm)).unwrap_or(0);
    if memory(leaving) == memory(entering) && memory(leaving) != 0 {
        about |= SWITCH_SAME_MEMORY;
    }
    if let Some(switch) = SWITCH.get_ptr_mut(0) {
        // SAFETY: as above.
        unsafe { *switch = Switch { open: 1, next, about } };
    }
    if !wanted(Kind::SchedSwitch) {
        return 0;
    }
    if left_ours {
        let state = if preempted { 0 } else { read::<u32>(leaving + offset!(task_state)).unwrap_or(0) };
        let event =
            Event { value: i64::from(left), detail: state, object: next.into(), peer: about, ..Event::default() };
        emit(ctx.as_ptr(), Kind::SchedSwitch, event);
    }
    if next_ours {
        let peer = about | SWITCH_ENTERS;
        let event = Event {
            value: i64::from(next),
            tid: next,
            tgid: next_group,
            object: left.into(),
            peer,
            ..Event::default()
        };
        emit(ctx.as_ptr(), Kind::SchedSwitch, event);
    }
    0
}

/// `TLB_FLUSH_ON_TASK_SWITCH` (`include/linux/mm_types.h`: `enum tlb_flush_reason`).
const ON_TASK_SWITCH: u64 = 0;

/// A switch calls it between `sched_switch` and the change of stacks: the running task is still the one that leaves
/// (arch/x86/mm/tlb.c: `switch_mm_irqs_off`).
#[btf_tracepoint(function = "tlb_flush")]
fn tlb_flush(ctx: BtfTracePointContext) -> i32 {
    if !wanted(Kind::TlbFlush) {
        return 0;
    }
    let reason = ctx.arg::<u64>(0) & 0xffff_ffff;
    let mut event = Event { value: reason as i64, ..Event::default() };
    let ours = if reason == ON_TASK_SWITCH {
        let Some(switch) = SWITCH.get_ptr_mut(0) else { return 0 };
        // SAFETY: as above.
        let Switch { open, next, about } = unsafe { core::mem::take(&mut *switch) };
        (event.object, event.peer) = (next.into(), about);
        open != 0
    } else {
        role(tgid()) != 0
    };
    if ours {
        emit(ctx.as_ptr(), Kind::TlbFlush, event);
    }
    0
}

/// Runs whether it is recorded or not: children of the experiment's processes belong to it.
#[btf_tracepoint(function = "sched_process_fork")]
fn sched_process_fork(ctx: BtfTracePointContext) -> i32 {
    let (_, parent) = ids(ctx.arg::<*const c_void>(0));
    let inherited = role(parent);
    if inherited == 0 {
        return 0;
    }
    let (task, group) = ids(ctx.arg::<*const c_void>(1));
    if group != parent {
        let _ = TRACKED.insert(group, inherited, 0);
    }
    if wanted(Kind::Fork) {
        emit(ctx.as_ptr(), Kind::Fork, Event { value: i64::from(task), detail: group, ..Event::default() });
    }
    0
}

#[btf_tracepoint(function = "sched_process_exit")]
fn sched_process_exit(ctx: BtfTracePointContext) -> i32 {
    turn::forget();
    observe::forget();
    if wanted(Kind::Exit) && role(tgid()) != 0 {
        emit(ctx.as_ptr(), Kind::Exit, Event::default());
    }
    0
}
