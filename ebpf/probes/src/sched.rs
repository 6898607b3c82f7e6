//! Tasks of the experiment: born, woken, switched, gone.
use core::ffi::c_void;

use aya_ebpf::{EbpfContext as _, macros::btf_tracepoint, programs::BtfTracePointContext};
use wakeproof_abi::{Event, Kind};

use crate::{
    emit::emit,
    kernel::{offset, read},
    scope::{role, tgid},
    state::{TRACKED, wanted},
};

/// Thread and thread group of a task.
#[inline(always)]
fn ids(task: u64) -> (u32, u32) {
    (read(task + offset!(task_pid)).unwrap_or(0), read(task + offset!(task_tgid)).unwrap_or(0))
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
        let (task, group) = ids(ctx.arg::<*const c_void>(0) as u64);
        if role(group) != 0 {
            emit(ctx.as_ptr(), kind, Event { value: i64::from(task), detail: group, ..Event::default() });
        }
    }
    0
}

#[btf_tracepoint(function = "sched_switch")]
fn sched_switch(ctx: BtfTracePointContext) -> i32 {
    if !wanted(Kind::SchedSwitch) {
        return 0;
    }
    let preempted = ctx.arg::<u64>(0) & 0xff != 0;
    let leaving = ctx.arg::<*const c_void>(1) as u64;
    let entering = ctx.arg::<*const c_void>(2) as u64;
    let (task, group) = ids(leaving);
    if role(group) != 0 {
        let state = if preempted { 0 } else { read::<u32>(leaving + offset!(task_state)).unwrap_or(0) };
        emit(ctx.as_ptr(), Kind::SchedSwitch, Event { value: i64::from(task), detail: state, ..Event::default() });
    }
    let (task, group) = ids(entering);
    if role(group) != 0 {
        emit(
            ctx.as_ptr(),
            Kind::SchedSwitch,
            Event { value: i64::from(task), tid: task, tgid: group, peer: 1, ..Event::default() },
        );
    }
    0
}

/// Runs whether it is recorded or not: children of the experiment's processes belong to it.
#[btf_tracepoint(function = "sched_process_fork")]
fn sched_process_fork(ctx: BtfTracePointContext) -> i32 {
    let (_, parent) = ids(ctx.arg::<*const c_void>(0) as u64);
    let inherited = role(parent);
    if inherited == 0 {
        return 0;
    }
    let (task, group) = ids(ctx.arg::<*const c_void>(1) as u64);
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
    if wanted(Kind::Exit) && role(tgid()) != 0 {
        emit(ctx.as_ptr(), Kind::Exit, Event::default());
    }
    0
}
