//! Interrupts: hard ones of devices and of the timer, and the soft ones that do the rest of the work.
use aya_ebpf::{EbpfContext as _, macros::btf_tracepoint, programs::BtfTracePointContext};
use wakeproof_abi::{Event, Kind};

use crate::{
    context,
    emit::emit,
    scope::{role, tgid},
    state::wanted,
};

/// `NET_RX_SOFTIRQ` (include/linux/interrupt.h).
const NET_RX: u32 = 3;

#[btf_tracepoint(function = "softirq_raise")]
fn softirq_raise(ctx: BtfTracePointContext) -> i32 {
    let vector = ctx.arg::<u32>(0);
    let handled = wanted(Kind::SoftirqEntry) || wanted(Kind::SoftirqExit);
    if vector == NET_RX && handled && ours() {
        context::ask(true);
    }
    report(&ctx, Kind::SoftirqRaise, false)
}

#[btf_tracepoint(function = "softirq_entry")]
fn softirq_entry(ctx: BtfTracePointContext) -> i32 {
    let vector = ctx.arg::<u32>(0);
    context::soft(Some(vector));
    report(&ctx, Kind::SoftirqEntry, vector == NET_RX)
}

#[btf_tracepoint(function = "softirq_exit")]
fn softirq_exit(ctx: BtfTracePointContext) -> i32 {
    let vector = ctx.arg::<u32>(0);
    report(&ctx, Kind::SoftirqExit, vector == NET_RX);
    if vector == NET_RX {
        context::ask(false);
    }
    context::soft(None);
    0
}

#[btf_tracepoint(function = "irq_handler_entry")]
fn irq_handler_entry(ctx: BtfTracePointContext) -> i32 {
    context::enter_hard();
    report(&ctx, Kind::IrqHandlerEntry, false)
}

#[btf_tracepoint(function = "irq_handler_exit")]
fn irq_handler_exit(_ctx: BtfTracePointContext) -> i32 {
    context::leave_hard();
    0
}

#[btf_tracepoint(function = "local_timer_entry")]
fn local_timer_entry(ctx: BtfTracePointContext) -> i32 {
    context::enter_hard();
    report(&ctx, Kind::LocalTimerEntry, false)
}

#[btf_tracepoint(function = "local_timer_exit")]
fn local_timer_exit(_ctx: BtfTracePointContext) -> i32 {
    context::leave_hard();
    0
}

/// What interrupts tasks of others is theirs, but for the receiving of packets that the experiment has asked for: whoever
/// runs just then has to do it.
#[inline(always)]
fn ours() -> bool {
    role(tgid()) != 0
}

/// The number of the interrupt is the first argument of each. `may_be_asked`: it is the receiving of packets.
#[inline(always)]
fn report(ctx: &BtfTracePointContext, kind: Kind, may_be_asked: bool) -> i32 {
    if wanted(kind) && (ours() || (may_be_asked && context::asked())) {
        emit(ctx.as_ptr(), kind, Event { value: i64::from(ctx.arg::<i32>(0)), ..Event::default() });
    }
    0
}
