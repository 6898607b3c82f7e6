//! Counting the calls of any kernel function: per-CPU numbers, which cannot lose anything.

use aya_ebpf::{
    EbpfContext as _,
    macros::{fentry, kprobe, perf_event, raw_tracepoint},
    programs::{FEntryContext, PerfEventContext, ProbeContext, RawTracePointContext},
};
use wakeproof_abi::{CountArg, CountKey, CountSlot, SLOTS};

use aya_ebpf::{macros::map, maps::Array};

use crate::{
    descriptor::{file, private, thing},
    kernel::{offset, read, regs},
    scope::{net_inside, ports, role, sock_inside, tgid},
    state::{COUNTS, EPOCH, UNCOUNTED, bump},
};

/// How each counter attributes its calls.
#[map]
static COUNTED: Array<CountSlot> = Array::with_max_entries(SLOTS as u32, 0);

/// One set of programs a counter, since a program cannot tell (before 5.15) which function it was attached to: for a
/// function by trampoline or kprobe, for an instruction by breakpoint, for a raw tracepoint.
macro_rules! counter {
    ($($fentry:ident $kprobe:ident $breakpoint:ident $tracepoint:ident $slot:literal),*) => {$(
        #[fentry]
        fn $fentry(ctx: FEntryContext) -> i32 {
            let _ = count(ctx.as_ptr() as u64, false, $slot);
            0
        }
        #[kprobe]
        fn $kprobe(ctx: ProbeContext) -> u32 {
            let _ = count(ctx.as_ptr() as u64, true, $slot);
            0
        }
        #[perf_event]
        fn $breakpoint(_ctx: PerfEventContext) -> i32 {
            let _ = count(0, false, $slot);
            0
        }
        #[raw_tracepoint]
        fn $tracepoint(ctx: RawTracePointContext) -> i32 {
            let _ = count(ctx.as_ptr() as u64, false, $slot);
            0
        }
    )*};
}
counter!(
    count_0 count_kprobe_0 count_breakpoint_0 count_tracepoint_0 0,
    count_1 count_kprobe_1 count_breakpoint_1 count_tracepoint_1 1,
    count_2 count_kprobe_2 count_breakpoint_2 count_tracepoint_2 2,
    count_3 count_kprobe_3 count_breakpoint_3 count_tracepoint_3 3,
    count_4 count_kprobe_4 count_breakpoint_4 count_tracepoint_4 4,
    count_5 count_kprobe_5 count_breakpoint_5 count_tracepoint_5 5,
    count_6 count_kprobe_6 count_breakpoint_6 count_tracepoint_6 6,
    count_7 count_kprobe_7 count_breakpoint_7 count_tracepoint_7 7
);

/// Counts one call. `context` is the array of the arguments, or with `registers` a `struct pt_regs`; both are read as
/// memory, so that one function serves targets of any signature.
#[inline(never)]
fn count(context: u64, registers: bool, slot: u32) -> u32 {
    let role = role(tgid());
    let about = if context == 0 { None } else { argument(context, registers, slot) }.unwrap_or_default();
    if role == 0 && about.inside == 0 {
        return 0;
    }
    let key = CountKey { slot, epoch: EPOCH.get(0).copied().unwrap_or(0), role, ..about };
    if let Some(calls) = COUNTS.get_ptr_mut(key) {
        // SAFETY: a live value of this CPU.
        unsafe { *calls += 1 };
    } else if COUNTS.insert(key, 1, 0).is_err() {
        bump(&UNCOUNTED, 0);
    }
    0
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
