//! Counting the calls of any kernel function: per-CPU numbers, which cannot lose anything.
//!
//! A program on a trampoline that is preempted runs for no other task on its processor until it goes on (see
//! [`crate::turn`]), so a function that is counted by trampoline has a kprobe too, wherever there are kprobes. A kprobe's
//! programs are not preempted, but an interrupt that comes in the midst of any of them is passed over by all
//! (`kernel/trace/bpf_trace.c`: `trace_call_bpf`, `bpf_prog_active`). At a place that has both, ftrace calls the kprobe
//! first and the trampoline last (`arch/x86/kernel/ftrace_64.S`: `ftrace_regs_caller`): the kprobe's program counts, and the
//! trampoline's counts what it finds uncounted.

use aya_ebpf::{
    EbpfContext as _,
    helpers::bpf_get_smp_processor_id,
    macros::{fentry, kprobe, map, perf_event, raw_tracepoint},
    maps::{Array, HashMap, PerCpuArray},
    programs::{FEntryContext, PerfEventContext, ProbeContext, RawTracePointContext},
};
use wakeproof_abi::{CountArg, CountKey, CountSlot, Counted, SLOTS, Tally};

use crate::{
    descriptor::{file, private, thing},
    kernel::{offset, read, regs},
    scope::{ids, net_inside, ports, role, sock_inside},
    state::{COUNTS, EPOCH, UNCOUNTED, bump},
};

/// How each counter attributes its calls.
#[map]
static COUNTED: Array<CountSlot> = Array::with_max_entries(SLOTS as u32, 0);

/// How many calls have been counted by the first program that the second one has not come to yet. What stays of a call that
/// the second one was passed over for can make it leave out a later one that the first has missed; the tallies tell.
#[map]
static COUNTED_FIRST: HashMap<Counted, u64> = HashMap::with_max_entries(16_384, 0);

/// By slot and [`Tally`], whosever the calls are.
#[map]
static TALLIED: PerCpuArray<u64> = PerCpuArray::with_max_entries(SLOTS as u32 * Tally::COUNT, 0);

/// Which of a counter's programs looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// There is only one.
    Alone,
    /// The one that is called first.
    First,
    /// The one that is called second, if there is a first.
    Second,
}

/// One set of programs a counter, since a program cannot tell (before 5.15) which function it was attached to: for a
/// function by trampoline or kprobe, for an instruction by breakpoint, for a raw tracepoint.
macro_rules! counter {
    ($($fentry:ident $first:ident $kprobe:ident $breakpoint:ident $tracepoint:ident $slot:literal),*) => {$(
        #[fentry]
        fn $fentry(ctx: FEntryContext) -> i32 {
            let _ = count(ctx.as_ptr() as u64, false, $slot, Look::Second);
            0
        }
        #[kprobe]
        fn $first(ctx: ProbeContext) -> u32 {
            let _ = count(ctx.as_ptr() as u64, true, $slot, Look::First);
            0
        }
        #[kprobe]
        fn $kprobe(ctx: ProbeContext) -> u32 {
            let _ = count(ctx.as_ptr() as u64, true, $slot, Look::Alone);
            0
        }
        #[perf_event]
        fn $breakpoint(_ctx: PerfEventContext) -> i32 {
            let _ = count(0, false, $slot, Look::Alone);
            0
        }
        #[raw_tracepoint]
        fn $tracepoint(ctx: RawTracePointContext) -> i32 {
            let _ = count(ctx.as_ptr() as u64, false, $slot, Look::Alone);
            0
        }
    )*};
}
counter!(
    count_0 count_first_0 count_kprobe_0 count_breakpoint_0 count_tracepoint_0 0,
    count_1 count_first_1 count_kprobe_1 count_breakpoint_1 count_tracepoint_1 1,
    count_2 count_first_2 count_kprobe_2 count_breakpoint_2 count_tracepoint_2 2,
    count_3 count_first_3 count_kprobe_3 count_breakpoint_3 count_tracepoint_3 3,
    count_4 count_first_4 count_kprobe_4 count_breakpoint_4 count_tracepoint_4 4,
    count_5 count_first_5 count_kprobe_5 count_breakpoint_5 count_tracepoint_5 5,
    count_6 count_first_6 count_kprobe_6 count_breakpoint_6 count_tracepoint_6 6,
    count_7 count_first_7 count_kprobe_7 count_breakpoint_7 count_tracepoint_7 7
);

/// Counts one call. `context` is the array of the arguments, or with `registers` a `struct pt_regs`; both are read as
/// memory, so that one function serves targets of any signature.
#[inline(never)]
fn count(context: u64, registers: bool, slot: u32, look: Look) -> u32 {
    let (process, thread) = ids();
    let role = role(process);
    let how = COUNTED.get(slot).filter(|_| context != 0);
    let value = how.and_then(|how| argument(context, registers, how));
    let thread = if thread == 0 { IDLE | processor() } else { thread };
    let call = Counted { slot, thread, value: value.unwrap_or(0) };
    match look {
        Look::First => note(&call),
        Look::Second if noted(&call) => return 0,
        Look::Alone | Look::Second => {}
    }
    let about = how.zip(value).and_then(|(how, value)| about(how, value)).unwrap_or_default();
    if role == 0 && about.inside == 0 {
        return 0;
    }
    // Each program has numbers of its own, since it may run in the midst of the other one.
    let slot = if look == Look::Second { slot + SLOTS as u32 } else { slot };
    let key = CountKey { slot, epoch: EPOCH.get(0).copied().unwrap_or(0), role, ..about };
    if let Some(calls) = COUNTS.get_ptr_mut(key) {
        // SAFETY: a live value of this CPU.
        unsafe { *calls += 1 };
    } else if COUNTS.insert(key, 1, 0).is_err() {
        bump(&UNCOUNTED, 0);
    }
    0
}

/// No thread has this bit in its number.
const IDLE: u32 = 1 << 31;

#[inline(always)]
fn processor() -> u32 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_get_smp_processor_id() }
}

/// Notes that the call is counted.
#[inline(always)]
fn note(call: &Counted) {
    bump(&TALLIED, call.slot * Tally::COUNT + Tally::CountedFirst as u32);
    if let Some(calls) = COUNTED_FIRST.get_ptr_mut(call) {
        // SAFETY: a live value, changed by the same thread, or idle processor, only.
        unsafe { *calls += 1 };
    } else if COUNTED_FIRST.insert(call, 1, 0).is_err() {
        bump(&UNCOUNTED, 0);
    }
}

/// Whether the call has been counted.
#[inline(always)]
fn noted(call: &Counted) -> bool {
    let Some(calls) = COUNTED_FIRST.get_ptr_mut(call) else { return false };
    // SAFETY: as above.
    unsafe { *calls -= 1 };
    // SAFETY: as above.
    if unsafe { *calls } == 0 {
        let _ = COUNTED_FIRST.remove(call);
    }
    bump(&TALLIED, call.slot * Tally::COUNT + Tally::FoundCounted as u32);
    true
}

/// The argument that leads to what the call is about.
#[inline(always)]
fn argument(context: u64, registers: bool, how: &CountSlot) -> Option<u64> {
    if how.arg == CountArg::None as u32 {
        return None;
    }
    let at = if registers {
        match how.index {
            0 => regs::DI,
            1 => regs::SI,
            2 => regs::DX,
            3 => regs::CX,
            4 => regs::R8,
            _ => regs::R9,
        }
    } else {
        u64::from(how.index & 7) * 8
    };
    let value: u64 = read(context + at)?;
    // A number is an int, whose upper half nobody clears on its way (5.10's trampolines do not).
    Some(if how.arg == CountArg::EpollFd as u32 { value & u64::from(u32::MAX) } else { value })
}

/// What the call is about.
#[inline(always)]
fn about(how: &CountSlot, value: u64) -> Option<CountKey> {
    let mut eventpoll = 0;
    let sock = if how.arg == CountArg::Sock as u32 {
        value
    } else if how.arg == CountArg::Socket as u32 {
        read(value + offset!(socket_sk))?
    } else if how.arg == CountArg::File as u32 {
        socket_of(value)?
    } else if how.arg == CountArg::EpollWait as u32 {
        let item: u64 = read(value - offset!(eppoll_wait) + offset!(eppoll_base))?;
        eventpoll = read(item + offset!(epitem_ep))?;
        // What is watched need not be a socket.
        socket_of(read(item + offset!(epitem_ffd_file))?).unwrap_or(0)
    } else if how.arg == CountArg::Eventpoll as u32 {
        return Some(CountKey { eventpoll: value, ..CountKey::default() });
    } else if how.arg == CountArg::EpollFd as u32 {
        return Some(CountKey { eventpoll: private(file(value)?)?, ..CountKey::default() });
    } else if how.arg == CountArg::Skb as u32 {
        return segment(value);
    } else if how.arg == CountArg::Net as u32 {
        return Some(CountKey { inside: u32::from(net_inside(value)), ..CountKey::default() });
    } else {
        return None;
    };
    let (local, remote) = ports(sock);
    Some(CountKey { inside: u32::from(sock_inside(sock)), local, remote, eventpoll, ..CountKey::default() })
}

#[inline(always)]
fn socket_of(file: u64) -> Option<u64> {
    let thing = thing(file);
    thing.socket.then_some(thing.object)
}

/// A segment has no socket yet: its device tells the namespace.
#[inline(always)]
fn segment(skb: u64) -> Option<CountKey> {
    let dev: u64 = read(skb + offset!(skb_dev))?;
    let net: u64 = read(dev + offset!(dev_net))?;
    Some(CountKey { inside: u32::from(net_inside(net)), ..CountKey::default() })
}
