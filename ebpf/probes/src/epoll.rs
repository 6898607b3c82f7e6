//! The wake-up callback of epoll, and the way out of `epoll_wait`.
use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext as _,
    macros::{fentry, fexit, kprobe, kretprobe},
    programs::{FEntryContext, FExitContext, ProbeContext, RetProbeContext},
};
use wakeproof_abi::{Event, Kind};

use crate::{
    descriptor::{file, private, thing},
    emit::{PAYLOAD, emit, emit_with},
    kernel::{offset, read},
    scope::{role, sock_inside, tgid, tid},
    state::{WAITING, wanted},
    turn,
};

#[fentry(function = "ep_poll_callback")]
fn ep_poll_callback(ctx: FEntryContext) -> i32 {
    let _ = callback(ctx.as_ptr(), ctx.arg::<*const c_void>(0) as u64, ctx.arg::<*const c_void>(3) as u64);
    0
}

#[kprobe]
fn ep_poll_callback_kprobe(ctx: ProbeContext) -> u32 {
    if let (Some(wait), Some(key)) = (ctx.arg::<*const c_void>(0), ctx.arg::<*const c_void>(3)) {
        let _ = callback(ctx.as_ptr(), wait as u64, key as u64);
    }
    0
}

/// `ep_poll_callback(wait, mode, sync, key)`: `wait` lies in an `eppoll_entry`, whose `base` is the `epitem`
/// (fs/eventpoll.c: `ep_item_from_wait`).
#[inline(always)]
fn callback(ctx: *mut c_void, wait: u64, key: u64) -> Option<()> {
    if !wanted(Kind::EpPollCallback) {
        return None;
    }
    let item: u64 = read(wait - offset!(eppoll_wait) + offset!(eppoll_base))?;
    let event = registration(item)?;
    emit(ctx, Kind::EpPollCallback, Event { detail: key as u32, ..event });
    Some(())
}

/// What an `epitem` is about, if it is the experiment's.
#[inline(always)]
pub(crate) fn registration(item: u64) -> Option<Event> {
    let target = thing(read(item + offset!(epitem_ffd_file))?);
    let ours = if target.socket { sock_inside(target.object) } else { role(tgid()) != 0 };
    if !ours {
        return None;
    }
    Some(Event {
        object: target.object,
        peer: read(item + offset!(epitem_ep)).unwrap_or(0),
        value: i64::from(read::<i32>(item + offset!(epitem_ffd_fd)).unwrap_or(-1)),
        local: target.local,
        remote: target.remote,
        ..Event::default()
    })
}

#[fexit(function = "do_epoll_wait")]
fn do_epoll_wait(ctx: FExitContext) -> i32 {
    // The result stands in the slot after the fourth argument; `bpf_get_func_ret` would need 5.17.
    let _ = returned(ctx.as_ptr(), ctx.arg::<i32>(4));
    0
}

#[kretprobe]
fn do_epoll_wait_kretprobe(ctx: RetProbeContext) -> u32 {
    let _ = returned(ctx.as_ptr(), ctx.ret::<i32>());
    0
}

/// The entry of the system call has left its number and arguments.
#[inline(always)]
fn returned(ctx: *mut c_void, result: i32) -> Option<()> {
    if !wanted(Kind::SysExit) || role(tgid()) == 0 {
        return None;
    }
    // SAFETY: written and read by the same thread only.
    let waiting = *unsafe { WAITING.get(tid()) }?;
    turn::leave();
    epoll_wait(ctx, waiting.call, waiting.epfd, waiting.buffer, i64::from(result));
    Some(())
}

/// Reports the return of an `epoll_wait`, with what it reported.
#[inline(always)]
pub(crate) fn epoll_wait(ctx: *mut c_void, call: u64, epfd: u64, buffer: u64, result: i64) {
    let object = file(epfd).and_then(private).unwrap_or(0);
    let event = Event { call: call as u16, object, value: result, detail: epfd as u32, ..Event::default() };
    match result {
        ..=0 => emit(ctx, Kind::SysExit, event),
        1 => emit_with::<16>(ctx, Kind::SysExit, event, |to| user_bytes::<12>(to, buffer)),
        // What lies behind the last reported pair is left over from an earlier call.
        2..=4 => emit_with::<48>(ctx, Kind::SysExit, event, |to| user_bytes::<48>(to, buffer)),
        // Up to sixteen.
        _ => emit_with::<PAYLOAD>(ctx, Kind::SysExit, event, |to| user_bytes::<PAYLOAD>(to, buffer)),
    }
}

/// Copies `N` bytes that the kernel has just written to user memory.
#[inline(always)]
pub(crate) fn user_bytes<const N: usize>(to: *mut u8, from: u64) {
    // SAFETY: `to` has room for `N` bytes; the helper checks `from` and fails instead of faulting.
    unsafe { aya_ebpf::helpers::generated::bpf_probe_read_user(to.cast(), N as u32, from as *const c_void) };
}
