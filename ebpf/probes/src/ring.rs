//! What a watched server asks of an `io_uring`, which no system call shows.
use core::ffi::c_void;

use aya_ebpf::{EbpfContext as _, macros::btf_tracepoint, programs::BtfTracePointContext};
use wakeproof_abi::{Event, Kind, Role};

use crate::{
    descriptor::{Thing, file, thing},
    emit::emit,
    kernel::{offset, read},
    scope::{role, tgid},
    state::wanted,
};

/// In `io_kiocb.flags`: the descriptor is an index into the ring's own table (`IOSQE_FIXED_FILE_BIT`).
const FIXED: u32 = 1;

/// `io_uring_submit_req(req)`, since 6.3.
#[btf_tracepoint(function = "io_uring_submit_req")]
fn ring_submit(ctx: BtfTracePointContext) -> i32 {
    if wanted(Kind::RingSubmit) && role(tgid()) == Role::Server as u32 {
        let request = ctx.arg::<*const c_void>(0) as u64;
        let fd = read::<i32>(request + offset!(ring_fd)).unwrap_or(-1);
        let fixed = read::<u32>(request + offset!(ring_flags)).unwrap_or(0) & FIXED;
        let about =
            if fixed == 0 { file(u64::from(fd as u32)).map(thing).unwrap_or_default() } else { Thing::default() };
        emit(ctx.as_ptr(), Kind::RingSubmit, event(request, fd, about));
    }
    0
}

/// `io_uring_complete(ctx, req, cqe)`; a request that completes many times has none of its own.
#[btf_tracepoint(function = "io_uring_complete")]
fn ring_complete(ctx: BtfTracePointContext) -> i32 {
    if wanted(Kind::RingComplete) && role(tgid()) == Role::Server as u32 {
        let request = ctx.arg::<*const c_void>(1) as u64;
        let completion = ctx.arg::<*const c_void>(2) as u64;
        // `io_uring_cqe`: `user_data`, then the result (include/uapi/linux/io_uring.h).
        let result = read::<i32>(completion + 8).unwrap_or(0);
        let about = if request == 0 { Thing::default() } else { read(request).map(thing).unwrap_or_default() };
        let event = if request == 0 { Event::default() } else { event(request, -1, about) };
        emit(ctx.as_ptr(), Kind::RingComplete, Event { value: i64::from(result), ..event });
    }
    0
}

#[inline(always)]
fn event(request: u64, fd: i32, about: Thing) -> Event {
    let opcode = read::<u8>(request + offset!(ring_opcode)).unwrap_or(0);
    Event {
        call: u16::from(opcode),
        detail: fd as u32,
        object: about.object,
        local: about.local,
        remote: about.remote,
        ..Event::default()
    }
}
