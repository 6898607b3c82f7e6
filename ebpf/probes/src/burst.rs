//! Many records of one run of a program: what a record costs by itself, without the way to it. Only who measures that
//! attaches it.
use aya_ebpf::{EbpfContext as _, macros::raw_tracepoint, programs::RawTracePointContext};
use wakeproof_abi::{BURST, Event, FENCE, FenceOp, Kind};

use crate::{
    emit::emit,
    fence::PRCTL,
    kernel::{read, regs},
    state::config,
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
    if read::<u64>(regs + regs::DI)? != FENCE || read::<u64>(regs + regs::SI)? != FenceOp::Burst as u64 {
        return None;
    }
    let call = read::<u64>(regs + regs::DX)? as u16;
    let token = read::<u64>(regs + regs::R10)?;
    if token == 0 || token != config()?.token {
        return None;
    }
    for place in 0..BURST {
        emit(ctx.as_ptr(), Kind::SysExit, Event { call, value: i64::from(place), ..Event::default() });
    }
    Some(())
}
