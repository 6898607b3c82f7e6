//! Counting the calls of any kernel function: per-CPU numbers, which cannot lose anything.
//!
//! A program that is preempted runs for no other task on its processor until it goes on (see [`crate::turn`]), so a function
//! that is counted by trampoline has two programs. A call is counted by the one that comes first, and the other one finds
//! that it has been; where one was passed over, the other counts.

use aya_ebpf::{
    EbpfContext as _,
    macros::{fentry, kprobe, map, perf_event, raw_tracepoint},
    maps::{Array, HashMap, PerCpuArray},
    programs::{FEntryContext, PerfEventContext, ProbeContext, RawTracePointContext},
};
use wakeproof_abi::{CountArg, CountKey, CountSlot, SLOTS, Tally};

use crate::{
    descriptor::{file, private, thing},
    kernel::{offset, read, regs},
    scope::{ids, net_inside, ports, role, sock_inside},
    state::{COUNTS, EPOCH, UNCOUNTED, bump},
};

/// How each counter attributes its calls.
#[map]
static COUNTED: Array<CountSlot> = Array::with_max_entries(SLOTS as u32, 0);

/// Which call has been counted by which program, by slot and thread, until the other one has come to it.
#[map]
static COUNTED_BY: HashMap<u64, u64> = HashMap::with_max_entries(16_384, 0);

/// By slot and [`Tally`], whosever the calls are.
#[map]
static TALLIED: PerCpuArray<u64> = PerCpuArray::with_max_entries(SLOTS as u32 * Tally::COUNT, 0);

/// Which of a counter's programs looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// There is only one.
    Alone,
    /// One of two.
    One = 1,
    /// The other.
    Other = 2,
}

impl Look {
    #[inline(always)]
    const fn other(self) -> Self {
        match self {
            Self::Alone => Self::Alone,
            Self::One => Self::Other,
            Self::Other => Self::One,
        }
    }
}

/// One set of programs a counter, since a program cannot tell (before 5.15) which function it was attached to: for a
/// function by trampoline or kprobe, for an instruction by breakpoint, for a raw tracepoint.
macro_rules! counter {
    ($($fentry:ident $again:ident $kprobe:ident $breakpoint:ident $tracepoint:ident $slot:literal),*) => {$(
        #[fentry]
        fn $fentry(ctx: FEntryContext) -> i32 {
            let _ = count(ctx.as_ptr() as u64, false, $slot, Look::One);
            0
        }
        #[fentry]
        fn $again(ctx: FEntryContext) -> i32 {
            let _ = count(ctx.as_ptr() as u64, false, $slot, Look::Other);
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
    count_0 count_0_again count_kprobe_0 count_breakpoint_0 count_tracepoint_0 0,
    count_1 count_1_again count_kprobe_1 count_breakpoint_1 count_tracepoint_1 1,
    count_2 count_2_again count_kprobe_2 count_breakpoint_2 count_tracepoint_2 2,
    count_3 count_3_again count_kprobe_3 count_breakpoint_3 count_tracepoint_3 3,
    count_4 count_4_again count_kprobe_4 count_breakpoint_4 count_tracepoint_4 4,
    count_5 count_5_again count_kprobe_5 count_breakpoint_5 count_tracepoint_5 5,
    count_6 count_6_again count_kprobe_6 count_breakpoint_6 count_tracepoint_6 6,
    count_7 count_7_again count_kprobe_7 count_breakpoint_7 count_tracepoint_7 7
);

/// Counts one call. `context` is the array of the arguments, or with `registers` a `struct pt_regs`; both are read as
/// memory, so that one function serves targets of any signature.
#[inline(never)]
fn count(context: u64, registers: bool, slot: u32, look: Look) -> u32 {
    let (process, thread) = ids();
    let role = role(process);
    let about = if context == 0 { None } else { argument(context, registers, slot) }.unwrap_or_default();
    if (look != Look::Alone && been(context, slot, thread, look)) || (role == 0 && about.inside == 0) {
        return 0;
    }
    // Each program has numbers of its own, since it may run in the midst of the other one.
    let slot = if look == Look::Other { slot + SLOTS as u32 } else { slot };
    let key = CountKey { slot, epoch: EPOCH.get(0).copied().unwrap_or(0), role, ..about };
    if let Some(calls) = COUNTS.get_ptr_mut(key) {
        // SAFETY: a live value of this CPU.
        unsafe { *calls += 1 };
    } else if COUNTS.insert(key, 1, 0).is_err() {
        bump(&UNCOUNTED, 0);
    }
    0
}

/// Whether the thread's call has been counted by the other program. Calls are told apart by their place on the stack and
/// their first argument: what is left of a call that the other program did not come to says nothing about the next one.
#[inline(always)]
fn been(context: u64, slot: u32, thread: u32, look: Look) -> bool {
    let tally = |what: Tally| bump(&TALLIED, slot * Tally::COUNT + what as u32);
    if look == Look::One {
        tally(Tally::Seen);
    }
    let thread = u64::from(slot) << 32 | u64::from(thread);
    let call = (place(context, slot).rotate_left(32) ^ read(context).unwrap_or(0)) << 2;
    let (ours, others) = (call | look as u64, call | look.other() as u64);
    match COUNTED_BY.get_ptr_mut(thread) {
        // SAFETY: a live value, written and read by the same thread only.
        Some(by) if unsafe { *by } == others => {
            let _ = COUNTED_BY.remove(thread);
            return true;
        }
        // SAFETY: as above.
        Some(by) => unsafe { *by = ours },
        None if COUNTED_BY.insert(thread, ours, 0).is_err() => bump(&UNCOUNTED, 0),
        None => {}
    }
    tally(if look == Look::One { Tally::CountedByOne } else { Tally::CountedByOther });
    false
}

/// Where a call's arguments lie, as a number: the verifier lets nobody calculate with a pointer but subtract another one.
#[inline(always)]
fn place(context: u64, slot: u32) -> u64 {
    let fixed = COUNTED.get_ptr(slot).map_or(0, |fixed| fixed as u64);
    // Hidden from the compiler, so that the subtraction comes first.
    core::hint::black_box(context.wrapping_sub(fixed))
}

/// What the call is about, from the argument that leads there.
#[inline(always)]
fn argument(context: u64, registers: bool, slot: u32) -> Option<CountKey> {
    let how = COUNTED.get(slot)?;
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
