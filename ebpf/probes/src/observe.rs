//! Every system call of a watched server, once, when it returns: what it was asked, what it gave, and whether its
//! thread slept in it. Programs of their own, so that whoever inspects a server pays for nothing else.
use core::ffi::c_void;

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns},
    macros::{btf_tracepoint, map},
    maps::{HashMap, PerCpuArray},
    programs::BtfTracePointContext,
};
use wakeproof_abi::{CALL_COUNT, CALL_EXIT, CALLED_MORE, CALLS, Called, Ctl, Event, Kind, MAX_POLLFDS, Role, called};

use crate::{
    descriptor::{Thing, file, opened, private, thing_of},
    epoll::user_bytes,
    fence::{self, PRCTL},
    kernel::{member, offset, read, regs},
    scope::{role, tgid, tid},
    state::{CALL_TABLE, EVENTS, FIRED, LOST, bump, wanted},
    syscall::{control, nr, poll_entries},
    turn::{Look, understudied},
};

/// The call that a thread is in. Made once for a thread, since a change in place costs a tenth of an insertion.
#[derive(Clone, Copy)]
#[repr(C)]
struct Inside {
    entered: u64,
    /// [`NOWHERE`] between calls.
    call: u32,
    slept: u32,
}
const NOWHERE: u32 = u32::MAX;
#[map]
static INSIDE: HashMap<u32, Inside> = HashMap::with_max_entries(65_536, 0);

/// The sets that a thread has handed to `select`, which the call overwrites: the read set, then the start of the write set.
#[map]
static SETS: HashMap<u32, [u8; CALLED_MORE]> = HashMap::with_max_entries(4096, 0);
const READ_SET: usize = 128;
const WRITE_SET: usize = CALLED_MORE - READ_SET;
/// Sets without anything in them, which a program's stack has no room for.
static EMPTY: [u8; CALLED_MORE] = [0; CALLED_MORE];

/// How often each system call was made, by number, of those that are counted.
#[map]
static MADE: PerCpuArray<u64> = PerCpuArray::with_max_entries(CALLS as u32, 0);

/// A record with as much behind it as the call needs.
#[repr(C)]
struct Record<const M: usize> {
    event: Event,
    called: Called,
    more: [u8; M],
}

/// Who waits for something to come sleeps so; for locks and memory nobody does (include/linux/sched.h).
const TASK_INTERRUPTIBLE: u32 = 1;

fn watched() -> bool {
    role(tgid()) == Role::Server as u32
}

#[btf_tracepoint(function = "sys_enter")]
fn observe_enter(ctx: BtfTracePointContext) -> i32 {
    entered(&ctx, Look::First);
    0
}

#[btf_tracepoint(function = "sys_enter")]
fn observe_enter_again(ctx: BtfTracePointContext) -> i32 {
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
    let _ = enter(regs, call, look);
}

/// What is done about a call; cheaper to ask than whose call it is. A server of which samples are taken pays for little else
/// between them.
#[inline(always)]
fn ways(call: u64) -> Option<u32> {
    let ways = CALL_TABLE.get(call as u32).copied().filter(|&ways| ways != 0)?;
    (wanted(Kind::Called) && watched()).then_some(ways)
}

/// Whether the thread was last seen in this call, or [`NOWHERE`]: then the first look has done what is to be done.
#[inline(always)]
fn seen_inside(call: u64) -> bool {
    // SAFETY: written and read by the same thread only.
    unsafe { INSIDE.get(tid()) }.is_some_and(|inside| u64::from(inside.call) == call)
}

#[inline(always)]
fn enter(regs: *const c_void, call: u64, look: Look) -> Option<()> {
    let ways = ways(call)?;
    if look == Look::Second && seen_inside(call) {
        return None;
    }
    if ways & u32::from(CALL_COUNT) != 0 {
        bump(&MADE, call as u32);
    }
    if ways & u32::from(CALL_EXIT) == 0 && !understudied() {
        return None;
    }
    // SAFETY: no arguments, always there.
    let entered = unsafe { bpf_ktime_get_ns() };
    let now = Inside { entered, call: call as u32, slept: 0 };
    if let Some(inside) = INSIDE.get_ptr_mut(tid()) {
        // SAFETY: a live value, which only the thread itself changes, or who takes it off the processor.
        unsafe { *inside = now };
    } else {
        let _ = INSIDE.insert(tid(), now, 0);
    }
    if call == nr::SELECT || call == nr::PSELECT6 {
        let readable: u64 = member(regs, regs::SI);
        let writable: u64 = member(regs, regs::DX);
        let highest: u64 = member(regs, regs::DI);
        // By name, since a value would go over the stack.
        let empty: &[u8; CALLED_MORE] = &EMPTY;
        let _ = SETS.insert(tid(), empty, 0);
        let sets = SETS.get_ptr_mut(tid())?;
        copy_set::<READ_SET>(sets, 0, readable, highest);
        copy_set::<WRITE_SET>(sets, READ_SET, writable, highest);
    }
    Some(())
}

/// Copies the beginning of a set, up to the byte of the highest descriptor. All of it at once: word by word, older kernels
/// would try each combination of what may fail.
#[inline(always)]
fn copy_set<const N: usize>(to: *mut [u8; CALLED_MORE], start: usize, from: u64, highest: u64) {
    // Of `div_ceil`, which is two sums, the verifier would not see that it is at most `N`.
    let bytes = (highest.min(N as u64 * 8) + 7) >> 3;
    // SAFETY: `to` has `CALLED_MORE` bytes, `start + N` is at most that, and `bytes` at most `N`; the helper checks `from` and
    // fails instead of faulting.
    unsafe {
        let to = to.cast::<u8>().add(start);
        aya_ebpf::helpers::generated::bpf_probe_read_user(to.cast(), bytes as u32, from as *const c_void);
    }
}

#[btf_tracepoint(function = "sched_switch")]
fn observe_switch(ctx: BtfTracePointContext) -> i32 {
    let preempted = ctx.arg::<u64>(0) & 0xff != 0;
    let leaving = ctx.arg::<*const c_void>(1);
    // Up to 5.13 the state is a `long`, of which this is the lower half: nothing that the verifier takes for a member.
    let asleep = || read::<u32>(leaving as u64 + offset!(task_state)).unwrap_or(0) & TASK_INTERRUPTIBLE != 0;
    if !preempted
        && asleep()
        && let Some(inside) = INSIDE.get_ptr_mut(member::<u32>(leaving, offset!(task_pid)))
    {
        // SAFETY: a live value, which only the thread itself changes; it is leaving the processor.
        unsafe { (*inside).slept += 1 };
    }
    0
}

/// Forgets a thread that ends: another one may get its number.
#[inline(always)]
pub(crate) fn forget() {
    let _ = INSIDE.remove(tid());
}

#[btf_tracepoint(function = "sys_exit")]
fn observe_exit(ctx: BtfTracePointContext) -> i32 {
    let _ = exit(ctx.arg::<*const c_void>(0), ctx.arg::<i64>(1), Look::First);
    0
}

#[btf_tracepoint(function = "sys_exit")]
fn observe_exit_again(ctx: BtfTracePointContext) -> i32 {
    let _ = exit(ctx.arg::<*const c_void>(0), ctx.arg::<i64>(1), Look::Second);
    0
}

#[inline(always)]
fn exit(regs: *const c_void, result: i64, look: Look) -> Option<()> {
    let call: u64 = member(regs, regs::ORIG_AX);
    let ways = ways(call)?;
    if look == Look::Second && seen_inside(u64::from(NOWHERE)) {
        return None;
    }
    if ways & u32::from(CALL_EXIT) == 0 && !understudied() {
        return None;
    }
    let (first, second): (u64, u64) = (member(regs, regs::DI), member(regs, regs::SI));
    let args = [second, member(regs, regs::DX), member(regs, regs::R10), member(regs, regs::R8)];
    let mut called = Called { args, ..Called::default() };
    if let Some(inside) = INSIDE.get_ptr_mut(tid()) {
        // SAFETY: as above.
        let inside = unsafe { &mut *inside };
        if u64::from(inside.call) == call {
            (called.entered, called.slept) = (inside.entered, inside.slept);
            called.flags = called::ENTERED;
        }
        inside.call = NOWHERE;
    } else if understudied() {
        let _ = INSIDE.insert(tid(), Inside { entered: 0, call: NOWHERE, slept: 0 }, 0);
    }
    if ways & u32::from(CALL_EXIT) == 0 {
        return None;
    }
    let mut event = Event { call: call as u16, value: result, detail: first as u32, ..Event::default() };
    let polls = call == nr::POLL || call == nr::PPOLL;
    let selects = call == nr::SELECT || call == nr::PSELECT6;
    let waits = call == nr::EPOLL_WAIT || call == nr::EPOLL_PWAIT || call == nr::EPOLL_PWAIT2;
    let accepts = call == nr::ACCEPT || call == nr::ACCEPT4;
    if waits || call == nr::EPOLL_CTL {
        event.object = file(first).and_then(private).unwrap_or(0);
    } else if !polls && !selects {
        let mut about = describe(first, &mut called);
        if accepts && result >= 0 {
            event.peer = about.object;
            let listener = called;
            about = describe(result as u64, &mut called);
            // What is left is about the listener; whether reads can sleep, about the connection.
            called.left = listener.left;
            called.flags &= !called::LISTEN;
        }
        (event.object, event.local, event.remote) = (about.object, about.local, about.remote);
    }
    if waits && result == 1 {
        report::<16>(event, called, |to| user_bytes::<12>(to, second));
    } else if waits && result > 0 && result <= 4 {
        report::<48>(event, called, |to| user_bytes::<48>(to, second));
    } else if waits && result > 0 {
        report::<CALLED_MORE>(event, called, |to| user_bytes::<CALLED_MORE>(to, second));
    } else if polls && second <= 2 {
        report::<16>(event, called, |to| poll_entries::<2>(to, first, second));
    } else if polls {
        report::<CALLED_MORE>(event, called, |to| poll_entries::<MAX_POLLFDS>(to, first, second));
    } else if selects {
        // SAFETY: as above.
        let sets = unsafe { SETS.get(tid()) };
        report::<CALLED_MORE>(event, called, |to| {
            if let Some(sets) = sets {
                // SAFETY: both are as long as a set of sets.
                unsafe { core::ptr::copy_nonoverlapping(sets.as_ptr(), to, CALLED_MORE) };
            }
        });
        let _ = SETS.remove(tid());
    } else if call == nr::EPOLL_CTL {
        let ctl = control(regs, second);
        // SAFETY: there is room for a `Ctl`.
        report::<{ size_of::<Ctl>() }>(event, called, |to| unsafe { to.cast::<Ctl>().write_unaligned(ctl) });
    } else {
        report::<0>(event, called, |_| ());
    }
    Some(())
}

/// What a descriptor leads to, and in `called` how it is set and what waits in it.
#[inline(always)]
fn describe(fd: u64, called: &mut Called) -> Thing {
    const O_NONBLOCK: u32 = 0o4000;
    const TCP_LISTEN: u8 = 10;
    const SOCK_STREAM: u16 = 1;
    called.flags &= called::ENTERED;
    called.left = 0;
    let Some(file) = file(fd) else { return Thing::default() };
    let Some(opened) = opened(file) else { return Thing { object: file, ..Thing::default() } };
    if opened.flags & O_NONBLOCK != 0 {
        called.flags |= called::NONBLOCK;
    }
    let about = thing_of(file, opened);
    if !about.socket {
        return about;
    }
    called.flags |= called::SOCKET;
    let sock = about.object;
    if read::<u8>(sock + offset!(sock_state)) == Some(TCP_LISTEN) {
        called.flags |= called::LISTEN;
        called.left = read(sock + offset!(sock_ack_backlog)).unwrap_or(0);
    } else if about.local != 0 && read::<u16>(sock + offset!(sock_type)) == Some(SOCK_STREAM) {
        let next: u32 = read(sock + offset!(tcp_rcv_nxt)).unwrap_or(0);
        let copied: u32 = read(sock + offset!(tcp_copied_seq)).unwrap_or(0);
        called.left = next.wrapping_sub(copied);
    }
    about
}

#[inline(always)]
fn stamp(mut event: Event, more: usize) -> Event {
    event.kind = Kind::Called as u8;
    event.payload = (size_of::<Called>() + more) as u8;
    event.tgid = tgid();
    event.tid = tid();
    // SAFETY: no arguments, always there.
    unsafe {
        event.cpu = bpf_get_smp_processor_id() as u16;
        event.time = bpf_ktime_get_ns();
    }
    event
}

#[inline(always)]
fn report<const M: usize>(event: Event, mut called: Called, fill: impl FnOnce(*mut u8)) {
    bump(&FIRED, Kind::Called as u32);
    let Some(mut slot) = EVENTS.reserve::<Record<M>>(0) else {
        bump(&LOST, Kind::Called as u32);
        return;
    };
    called.more = M as u32;
    let record = slot.as_mut_ptr();
    // SAFETY: the reserved memory is ours, and as long as the record.
    unsafe {
        (&raw mut (*record).event).write(stamp(event, M));
        (&raw mut (*record).called).write(called);
        if M > 0 {
            fill((&raw mut (*record).more).cast());
        }
    }
    slot.submit(u64::from(BPF_RB_NO_WAKEUP));
}
