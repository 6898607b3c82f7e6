//! Every system call of a watched server, once, when it returns: what it was asked, what it gave, and whether its
//! thread slept in it. Programs of their own, so that whoever inspects a server pays for nothing else.
use core::ffi::c_void;

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns},
    macros::{btf_tracepoint, map},
    maps::{HashMap, PerCpuHashMap},
    programs::BtfTracePointContext,
};
use wakeproof_abi::{CALLED_MORE, Called, Ctl, Event, Kind, Role, called};

use crate::{
    descriptor::{Thing, file, private, thing},
    epoll::user_bytes,
    fence::{self, PRCTL},
    kernel::{offset, read, regs},
    scope::{role, tgid, tid},
    state::{CALL_TABLE, EVENTS, FIRED, LOST, bump, wanted},
    syscall::{control, nr, poll_entries},
    turn::Look,
};

/// A call that a thread is in.
#[derive(Clone, Copy)]
#[repr(C)]
struct Inside {
    entered: u64,
    call: u32,
    slept: u32,
}
#[map]
static INSIDE: HashMap<u32, Inside> = HashMap::with_max_entries(65_536, 0);

/// The sets that a thread has handed to `select`, which the call overwrites: the read set, then the start of the write set.
#[map]
static SETS: HashMap<u32, [u8; CALLED_MORE]> = HashMap::with_max_entries(4096, 0);
const READ_SET: usize = 128;
const WRITE_SET: usize = CALLED_MORE - READ_SET;
/// Sets without anything in them, which a program's stack has no room for.
static EMPTY: [u8; CALLED_MORE] = [0; CALLED_MORE];

/// How often each process has made each system call: process and number to a count.
#[map]
static MADE: PerCpuHashMap<u64, u64> = PerCpuHashMap::with_max_entries(65_536, 0);

/// A record without anything behind it, and one with as much as there may be.
#[repr(C)]
struct Short {
    event: Event,
    called: Called,
}
#[repr(C)]
struct Long {
    event: Event,
    called: Called,
    more: [u8; CALLED_MORE],
}

/// Who waits for something to come sleeps so; for locks and memory nobody does (include/linux/sched.h).
const TASK_INTERRUPTIBLE: u32 = 1;

fn watched() -> bool {
    role(tgid()) == Role::Server as u32
}

#[btf_tracepoint(function = "sys_enter")]
fn observe_enter(ctx: BtfTracePointContext) -> i32 {
    let regs = ctx.arg::<*const u8>(0) as u64;
    let call = ctx.arg::<u64>(1);
    if call == PRCTL {
        let _ = fence::prctl(&ctx, regs, Look::First);
    }
    if wanted(Kind::Called) && watched() {
        let _ = enter(regs, call);
    }
    0
}

#[inline(always)]
fn enter(regs: u64, call: u64) -> Option<()> {
    let key = u64::from(tgid()) << 32 | call & 0xffff;
    if let Some(made) = MADE.get_ptr_mut(key) {
        // SAFETY: a live value of this CPU.
        unsafe { *made += 1 };
    } else {
        let _ = MADE.insert(key, 1, 0);
    }
    if *CALL_TABLE.get(call as u32)? == 0 {
        return None;
    }
    // SAFETY: no arguments, always there.
    let entered = unsafe { bpf_ktime_get_ns() };
    let _ = INSIDE.insert(tid(), Inside { entered, call: call as u32, slept: 0 }, 0);
    if call == nr::SELECT || call == nr::PSELECT6 {
        let readable: u64 = read(regs + regs::SI)?;
        let writable: u64 = read(regs + regs::DX)?;
        let highest: u64 = read(regs + regs::DI)?;
        let _ = SETS.insert(tid(), &EMPTY, 0);
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
    if !preempted {
        let leaving = ctx.arg::<*const c_void>(1) as u64;
        let task = read::<u32>(leaving + offset!(task_pid)).unwrap_or(0);
        if let Some(inside) = INSIDE.get_ptr_mut(task)
            && read::<u32>(leaving + offset!(task_state)).unwrap_or(0) & TASK_INTERRUPTIBLE != 0
        {
            // SAFETY: a live value, which only the thread itself changes; it is leaving the processor.
            unsafe { (*inside).slept += 1 };
        }
    }
    0
}

#[btf_tracepoint(function = "sys_exit")]
fn observe_exit(ctx: BtfTracePointContext) -> i32 {
    if wanted(Kind::Called) && watched() {
        let _ = exit(ctx.arg::<*const u8>(0) as u64, ctx.arg::<i64>(1));
    }
    0
}

#[inline(always)]
fn exit(regs: u64, result: i64) -> Option<()> {
    let call: u64 = read(regs + regs::ORIG_AX)?;
    if *CALL_TABLE.get(call as u32)? == 0 {
        return None;
    }
    let first: u64 = read(regs + regs::DI)?;
    let second: u64 = read(regs + regs::SI)?;
    let args = [second, read(regs + regs::DX)?, read(regs + regs::R10)?, read(regs + regs::R8)?];
    let mut called = Called { args, ..Called::default() };
    // SAFETY: written and read by the same thread, or while it sleeps.
    if let Some(inside) = unsafe { INSIDE.get(tid()) }.copied() {
        let _ = INSIDE.remove(tid());
        if u64::from(inside.call) == call {
            (called.entered, called.slept) = (inside.entered, inside.slept);
            called.flags = called::ENTERED;
        }
    }
    let mut event = Event { call: call as u16, value: result, detail: first as u32, ..Event::default() };
    let polls = call == nr::POLL || call == nr::PPOLL;
    let selects = call == nr::SELECT || call == nr::PSELECT6;
    let waits = call == nr::EPOLL_WAIT || call == nr::EPOLL_PWAIT || call == nr::EPOLL_PWAIT2;
    let accepts = call == nr::ACCEPT || call == nr::ACCEPT4;
    if waits || call == nr::EPOLL_CTL {
        event.object = file(first).and_then(private).unwrap_or(0);
    } else if !polls && !selects {
        let mut about = look(first, &mut called);
        if accepts && result >= 0 {
            event.peer = about.object;
            let listener = called;
            about = look(result as u64, &mut called);
            // What is left is about the listener; whether reads can sleep, about the connection.
            called.left = listener.left;
            called.flags &= !called::LISTEN;
        }
        (event.object, event.local, event.remote) = (about.object, about.local, about.remote);
    }
    if waits && result > 0 {
        called.more = CALLED_MORE as u32;
        long(event, called, |to| {
            if result == 1 { user_bytes::<12>(to, second) } else { user_bytes::<CALLED_MORE>(to, second) }
        });
    } else if polls {
        called.more = CALLED_MORE as u32;
        long(event, called, |to| poll_entries(to, first, second));
    } else if selects {
        // SAFETY: as above.
        let sets = unsafe { SETS.get(tid()) };
        called.more = CALLED_MORE as u32;
        long(event, called, |to| {
            if let Some(sets) = sets {
                // SAFETY: both are as long as a set of sets.
                unsafe { core::ptr::copy_nonoverlapping(sets.as_ptr(), to, CALLED_MORE) };
            }
        });
        let _ = SETS.remove(tid());
    } else if call == nr::EPOLL_CTL {
        let ctl = control(regs, second)?;
        called.more = size_of::<Ctl>() as u32;
        // SAFETY: there is room for more than a `Ctl`.
        long(event, called, |to| unsafe { to.cast::<Ctl>().write_unaligned(ctl) });
    } else {
        short(event, called);
    }
    Some(())
}

/// What a descriptor leads to, and in `called` how it is set and what waits in it.
#[inline(always)]
fn look(fd: u64, called: &mut Called) -> Thing {
    const O_NONBLOCK: u32 = 0o4000;
    const TCP_LISTEN: u8 = 10;
    const SOCK_STREAM: u16 = 1;
    called.flags &= called::ENTERED;
    called.left = 0;
    let Some(file) = file(fd) else { return Thing::default() };
    if read::<u32>(file + offset!(file_f_flags)).unwrap_or(0) & O_NONBLOCK != 0 {
        called.flags |= called::NONBLOCK;
    }
    let about = thing(file);
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
fn short(event: Event, called: Called) {
    bump(&FIRED, Kind::Called as u32);
    let Some(mut slot) = EVENTS.reserve::<Short>(0) else {
        bump(&LOST, Kind::Called as u32);
        return;
    };
    slot.write(Short { event: stamp(event, 0), called });
    slot.submit(u64::from(BPF_RB_NO_WAKEUP));
}

#[inline(always)]
fn long(event: Event, called: Called, fill: impl FnOnce(*mut u8)) {
    bump(&FIRED, Kind::Called as u32);
    let Some(mut slot) = EVENTS.reserve::<Long>(0) else {
        bump(&LOST, Kind::Called as u32);
        return;
    };
    let record = slot.as_mut_ptr();
    // SAFETY: the reserved memory is ours, and as long as the record.
    unsafe {
        (&raw mut (*record).event).write(stamp(event, CALLED_MORE));
        (&raw mut (*record).called).write(called);
        fill((&raw mut (*record).more).cast());
    }
    slot.submit(u64::from(BPF_RB_NO_WAKEUP));
}
