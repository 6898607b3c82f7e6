//! Putting one record into the ring.
use core::ffi::c_void;

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::{bpf_get_smp_processor_id, bpf_get_stack, bpf_ktime_get_ns},
    macros::map,
    maps::PerCpuArray,
};
use wakeproof_abi::{Event, Kind, MAX_FRAMES};

use crate::{
    context::context,
    scope::ids,
    state::{EVENTS, FIRED, LOST, bump, config},
};

/// The longest payload.
pub(crate) const PAYLOAD: usize = 192;
const STACK: usize = MAX_FRAMES * 8;
/// The verifier learns from this mask that a stack's length is neither negative nor beyond the scratch.
const STACK_MASK: u64 = 0xff;

/// Room to put a record together that is longer than its header.
#[repr(C)]
struct Scratch {
    event: Event,
    tail: [u8; PAYLOAD + STACK_MASK as usize + 1],
}

/// A record whose length is known when it is begun.
#[repr(C)]
struct Fixed<const P: usize> {
    event: Event,
    payload: [u8; P],
}

/// A soft interrupt may come while a record is put together, and one more above it: each has a scratch of its own.
const DEPTH: u32 = 4;
#[map]
static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(DEPTH, 0);
#[map]
static NESTED: PerCpuArray<u32> = PerCpuArray::with_max_entries(1, 0);

/// Reports an event that is all header.
#[inline(always)]
pub(crate) fn emit(ctx: *mut c_void, kind: Kind, event: Event) {
    emit_with::<0>(ctx, kind, event, |_| ());
}

/// Reports an event with `P` bytes of payload, which `fill` writes.
#[inline(always)]
pub(crate) fn emit_with<const P: usize>(ctx: *mut c_void, kind: Kind, mut event: Event, fill: impl FnOnce(*mut u8)) {
    let Some(config) = config() else { return };
    bump(&FIRED, kind as u32);
    event.kind = kind as u8;
    // Of an event that is about another task than the running one, the probe has said which.
    if event.tid == 0 {
        (event.tgid, event.tid) = ids();
    }
    // SAFETY: no arguments, always there.
    event.cpu = unsafe { bpf_get_smp_processor_id() } as u16;
    event.context = context();
    event.payload = P as u8;
    let sent =
        if config.stacks & kind.bit() == 0 { in_place::<P>(event, fill) } else { with_stack::<P>(ctx, event, fill) };
    if !sent {
        bump(&LOST, kind as u32);
    }
}

/// The way without a copy. The clock is read after the reservation, so the order in the ring may differ from the order of
/// the times by a few places; the reader sorts.
#[inline(always)]
fn in_place<const P: usize>(mut event: Event, fill: impl FnOnce(*mut u8)) -> bool {
    let Some(mut slot) = EVENTS.reserve::<Fixed<P>>(0) else { return false };
    let record = slot.as_mut_ptr();
    // SAFETY: the reserved memory is ours, and as long as the record.
    unsafe {
        event.time = bpf_ktime_get_ns();
        (&raw mut (*record).event).write(event);
        if P > 0 {
            fill((&raw mut (*record).payload).cast());
        }
    }
    slot.submit(u64::from(BPF_RB_NO_WAKEUP));
    true
}

/// A stack's length is known only once it has been taken.
#[inline(always)]
fn with_stack<const P: usize>(ctx: *mut c_void, mut event: Event, fill: impl FnOnce(*mut u8)) -> bool {
    let Some(nested) = NESTED.get_ptr_mut(0) else { return false };
    // SAFETY: a live slot of this CPU; whoever interrupts us leaves it as it was.
    let depth = unsafe { *nested };
    if depth >= DEPTH {
        return false;
    }
    let Some(scratch) = SCRATCH.get_ptr_mut(depth) else { return false };
    // SAFETY: as above.
    unsafe { *nested = depth + 1 };
    // SAFETY: `scratch` is ours alone at this depth, and `P + STACK` bytes fit behind the header.
    let sent = unsafe {
        event.time = bpf_ktime_get_ns();
        let tail = (&raw mut (*scratch).tail).cast::<u8>();
        if P > 0 {
            fill(tail);
        }
        let mut length = (size_of::<Event>() + P) as u64;
        let bytes = bpf_get_stack(ctx, tail.add(P).cast(), STACK as u32, 0);
        if bytes > 0 {
            // Hidden from the compiler, which would see that the mask is not needed and leave it out.
            let bytes = core::hint::black_box(bytes as u64) & STACK_MASK;
            event.frames = (bytes / 8) as u8;
            length += bytes;
        }
        (*scratch).event = event;
        output(scratch.cast(), length)
    };
    // SAFETY: as above.
    unsafe { *nested = depth };
    sent
}

/// `RingBuf::output` for a length that is known only now.
///
/// # Safety
///
/// `length` bytes must lie behind `record`.
#[inline(always)]
unsafe fn output(record: *const c_void, length: u64) -> bool {
    // SAFETY: as the caller says.
    let bytes = unsafe { core::slice::from_raw_parts(record.cast::<u8>(), length as usize) };
    EVENTS.output::<[u8]>(bytes, u64::from(BPF_RB_NO_WAKEUP)).is_ok()
}

const _: () = assert!(PAYLOAD <= u8::MAX as usize);
const _: () = assert!(STACK as u64 <= STACK_MASK && size_of::<Scratch>() == size_of::<Event>() + PAYLOAD + 256);
