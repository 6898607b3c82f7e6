//! Many records of one run of a program: what a record costs by itself, without the way to it. Only who measures that
//! attaches it.
use aya_ebpf::{EbpfContext as _, macros::raw_tracepoint, programs::RawTracePointContext};
use wakeproof_abi::{BURST, Event, FenceOp, Kind};

use crate::{
    emit::emit,
    fence::{self, PRCTL},
};

#[raw_tracepoint(tracepoint = "sys_enter")]
fn burst(ctx: RawTracePointContext) -> i32 {
    if ctx.arg::<u64>(1) == PRCTL {
        let _ = answer(&ctx, ctx.arg::<u64>(0));
    }
    0
}

#[inline(always)]
fn answer(ctx: &RawTracePointContext, regs: u64) -> Option<()> {
    let (op, call) = fence::asked(regs)?;
    if op != FenceOp::Burst as u32 {
        return None;
    }
    for place in 0..BURST {
        emit(ctx.as_ptr(), Kind::SysExit, Event { call: call as u16, value: i64::from(place), ..Event::default() });
    }
    Some(())
}
