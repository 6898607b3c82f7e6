//! The kernel's own faults on user addresses: where it reads or writes memory that nobody has touched yet.
use aya_ebpf::{EbpfContext as _, macros::raw_tracepoint, programs::RawTracePointContext};
use wakeproof_abi::{Event, Kind};

use crate::{
    emit::emit,
    kernel::{read, regs},
    scope::{role, tgid},
    state::wanted,
};

#[raw_tracepoint]
fn page_fault_kernel(ctx: RawTracePointContext) -> i32 {
    if !wanted(Kind::PageFaultKernel) || role(tgid()) == 0 {
        return 0;
    }
    // page_fault_kernel(address, regs, error_code): arch/x86/include/asm/trace/exceptions.h
    let arguments = ctx.as_ptr().cast::<u64>();
    // SAFETY: a raw tracepoint's context is the array of its arguments, three here.
    let (address, saved, error) = unsafe { (*arguments, *arguments.add(1), *arguments.add(2)) };
    let event = Event {
        object: address,
        peer: read::<u64>(saved + regs::IP).unwrap_or(0),
        detail: error as u32,
        ..Event::default()
    };
    emit(ctx.as_ptr(), Kind::PageFaultKernel, event);
    0
}
