//! Entries and returns of system calls, from the two raw tracepoints that all of them pass.
use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext as _, helpers::generated::bpf_probe_read_user, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use wakeproof_abi::{CALL_ENTER, CALL_EXIT, CALL_STASH, Ctl, Event, Kind, MAX_POLLFDS, SET_BYTES};

use crate::{
    descriptor::{file, private, thing},
    emit::{PAYLOAD, emit, emit_with},
    epoll,
    fence::{self, PRCTL},
    kernel::{member, read, read_user, regs},
    scope::tid,
    state::{CALL_TABLE, WAITING, Waiting},
    turn::{self, Look},
};

/// System call numbers of x86-64 whose arguments or results need a closer look.
pub(crate) mod nr {
    pub(crate) const POLL: u64 = 7;
    pub(crate) const MMAP: u64 = 9;
    pub(crate) const SELECT: u64 = 23;
    pub(crate) const ACCEPT: u64 = 43;
    pub(crate) const CLONE: u64 = 56;
    pub(crate) const FORK: u64 = 57;
    pub(crate) const VFORK: u64 = 58;
    pub(crate) const FUTEX: u64 = 202;
    pub(crate) const EPOLL_WAIT: u64 = 232;
    pub(crate) const EPOLL_CTL: u64 = 233;
    pub(crate) const PSELECT6: u64 = 270;
    pub(crate) const PPOLL: u64 = 271;
    pub(crate) const EPOLL_PWAIT: u64 = 281;
    pub(crate) const ACCEPT4: u64 = 288;
    pub(crate) const CLONE3: u64 = 435;
    pub(crate) const EPOLL_PWAIT2: u64 = 441;
}

#[btf_tracepoint(function = "sys_enter")]
fn sys_enter(ctx: BtfTracePointContext) -> i32 {
    entered(&ctx, Look::First);
    0
}

#[btf_tracepoint(function = "sys_enter")]
fn sys_enter_again(ctx: BtfTracePointContext) -> i32 {
    entered(&ctx, Look::Second);
    0
}

#[inline(always)]
fn entered(ctx: &BtfTracePointContext, look: Look) {
    let regs = ctx.arg::<*const c_void>(0);
    let call = ctx.arg::<u64>(1);
    if call == PRCTL {
        let _ = fence::prctl(ctx, regs as u64, look);
    }
    let _ = enter(ctx, regs, call, look);
}

/// What is recorded of this call, if anything is.
#[inline(always)]
fn recorded(call: u64) -> Option<u32> {
    CALL_TABLE.get(call as u32).copied().filter(|&ways| ways != 0)
}

#[inline(always)]
fn enter(ctx: &BtfTracePointContext, regs: *const c_void, call: u64, look: Look) -> Option<()> {
    let ways = recorded(call)?;
    let stashed = ways & u32::from(CALL_STASH) != 0;
    if ways & u32::from(CALL_ENTER) == 0 && !stashed && !turn::understudied() {
        return None;
    }
    let other = (ways & u32::from(CALL_EXIT | CALL_STASH) != 0).then_some(Kind::SysExit);
    if !turn::take(look, turn::IN, other, stashed) {
        return None;
    }
    let (first, second): (u64, u64) = (member(regs, regs::DI), member(regs, regs::SI));
    if stashed {
        let _ = WAITING.insert(tid(), Waiting { call, epfd: first, buffer: second }, 0);
    }
    if ways & u32::from(CALL_ENTER) == 0 {
        return None;
    }
    let event = Event { call: call as u16, value: second as i64, detail: first as u32, ..Event::default() };
    emit(ctx.as_ptr(), Kind::SysEnter, about(call, first, event));
    Some(())
}

/// Adds what the call's first argument leads to: a descriptor's file, or a word of memory.
#[inline(always)]
fn about(call: u64, fd: u64, event: Event) -> Event {
    match call {
        nr::SELECT | nr::PSELECT6 | nr::POLL | nr::PPOLL | nr::MMAP => event,
        nr::FUTEX => Event { object: fd, ..event },
        nr::EPOLL_WAIT | nr::EPOLL_PWAIT | nr::EPOLL_PWAIT2 | nr::EPOLL_CTL => {
            Event { object: file(fd).and_then(private).unwrap_or(0), ..event }
        }
        _ => match file(fd) {
            Some(file) => {
                let thing = thing(file);
                Event { object: thing.object, local: thing.local, remote: thing.remote, ..event }
            }
            None => event,
        },
    }
}

#[btf_tracepoint(function = "sys_exit")]
fn sys_exit(ctx: BtfTracePointContext) -> i32 {
    let _ = exit(&ctx, ctx.arg::<*const c_void>(0), ctx.arg::<i64>(1), Look::First);
    0
}

#[btf_tracepoint(function = "sys_exit")]
fn sys_exit_again(ctx: BtfTracePointContext) -> i32 {
    let _ = exit(&ctx, ctx.arg::<*const c_void>(0), ctx.arg::<i64>(1), Look::Second);
    0
}

#[inline(always)]
fn exit(ctx: &BtfTracePointContext, regs: *const c_void, result: i64, look: Look) -> Option<()> {
    let call: u64 = member(regs, regs::ORIG_AX);
    let ways = recorded(call)?;
    if ways & u32::from(CALL_EXIT | CALL_STASH) == 0 && !turn::understudied() {
        return None;
    }
    // What a probe on the function's way out reports, or should have.
    let stashed = ways & u32::from(CALL_STASH) != 0;
    let other = (ways & u32::from(CALL_ENTER) != 0).then_some(Kind::SysEnter);
    let acts = if stashed { turn::leave() } else { turn::take(look, turn::OUT, other, false) };
    if !acts || ways & u32::from(CALL_EXIT | CALL_STASH) == 0 {
        return None;
    }
    let (first, second): (u64, u64) = (member(regs, regs::DI), member(regs, regs::SI));
    let (raw, regs) = (ctx.as_ptr(), regs as u64);
    let event = Event { call: call as u16, value: result, detail: first as u32, ..Event::default() };
    match call {
        nr::EPOLL_WAIT | nr::EPOLL_PWAIT | nr::EPOLL_PWAIT2 => epoll::epoll_wait(raw, call, first, second, result),
        nr::SELECT | nr::PSELECT6 if result > 0 && second != 0 => {
            emit_with::<SET_BYTES>(raw, Kind::SysExit, event, |to| epoll::user_bytes::<SET_BYTES>(to, second));
        }
        nr::POLL | nr::PPOLL if result > 0 => {
            let event = Event { peer: second, ..event };
            emit_with::<PAYLOAD>(raw, Kind::SysExit, event, |to| poll_entries::<MAX_POLLFDS>(to, first, second));
        }
        nr::CLONE | nr::FORK | nr::VFORK | nr::CLONE3 => {
            let (ip, sp) = (read(regs + regs::IP).unwrap_or(0), read(regs + regs::SP).unwrap_or(0));
            emit(raw, Kind::SysExit, Event { peer: ip, object: sp, ..event });
        }
        _ => {
            let accepted = (call == nr::ACCEPT || call == nr::ACCEPT4) && result >= 0;
            let event = about(call, if accepted { result as u64 } else { first }, event);
            if call == nr::EPOLL_CTL {
                let ctl = control(ctx.arg(0), second);
                emit_with::<{ size_of::<Ctl>() }>(raw, Kind::SysExit, event, |to| {
                    // SAFETY: `to` has room for one.
                    unsafe { to.cast::<Ctl>().write_unaligned(ctl) };
                });
            } else {
                emit(raw, Kind::SysExit, event);
            }
        }
    }
    Some(())
}

/// Copies up to `N` entries, and zeroes behind them: the array ends where it ends, and the memory behind it may not be there.
#[inline(always)]
pub(crate) fn poll_entries<const N: usize>(to: *mut u8, from: u64, entries: u64) {
    // SAFETY: `to` has room for `N` entries of eight bytes; the helper checks `from` and fails instead of faulting.
    unsafe {
        to.cast::<[u64; N]>().write([0; N]);
        // Hidden from the compiler, so that the verifier sees the bounds.
        let bytes = core::hint::black_box(entries).min(N as u64) * 8;
        bpf_probe_read_user(to.cast(), bytes as u32, from as *const c_void);
    }
}

/// What `epoll_ctl(epfd, op, fd, event)` was asked.
#[inline(always)]
pub(crate) fn control(regs: *const c_void, op: u64) -> Ctl {
    let (fd, event): (u64, u64) = (member(regs, regs::DX), member(regs, regs::R10));
    let target = file(fd).map(thing).unwrap_or_default();
    Ctl {
        op: op as u32,
        fd: fd as u32,
        mask: read_user::<u32>(event).unwrap_or(0),
        local: target.local,
        remote: target.remote,
        data: read_user::<u64>(event + 4).unwrap_or(0),
        target: target.object,
    }
}
