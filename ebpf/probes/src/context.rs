//! On whose behalf a processor runs: a task's, a soft interrupt's, or a hard one's. The tracepoints around the handlers tell,
//! whether they are recorded or not; the kernel's own count (`__preempt_count`) has no address in every symbol table.
use aya_ebpf::{macros::map, maps::PerCpuArray};
use wakeproof_abi::CONTEXT_HARDIRQ;

/// What is under way on a processor.
#[repr(C)]
#[derive(Clone, Copy)]
struct UnderWay {
    /// One more than the number of the soft interrupt that is being served: they do not nest (kernel/softirq.c).
    soft: u32,
    /// Handlers of hard interrupts.
    hard: u32,
    /// 1 if the experiment has asked for the receiving of packets.
    asked: u32,
}

#[map]
static UNDER_WAY: PerCpuArray<UnderWay> = PerCpuArray::with_max_entries(1, 0);

/// The context on this processor, as [`wakeproof_abi::Event::context`] has it.
#[inline(always)]
pub(crate) fn context() -> u8 {
    match UNDER_WAY.get(0) {
        Some(now) if now.hard > 0 => CONTEXT_HARDIRQ,
        Some(now) => now.soft as u8,
        None => 0,
    }
}

/// A soft interrupt's handler begins, or with `None` has ended.
#[inline(always)]
pub(crate) fn soft(vector: Option<u32>) {
    if let Some(now) = UNDER_WAY.get_ptr_mut(0) {
        // SAFETY: a live slot of this CPU, written only here.
        unsafe { (*now).soft = vector.map_or(0, |vector| vector + 1) };
    }
}

/// A hard interrupt's handler begins.
#[inline(always)]
pub(crate) fn enter_hard() {
    if let Some(now) = UNDER_WAY.get_ptr_mut(0) {
        // SAFETY: as above; one that interrupts us leaves the number as it was.
        unsafe { (*now).hard += 1 };
    }
}

/// A hard interrupt's handler has ended. One that began before there were probes is not counted.
#[inline(always)]
pub(crate) fn leave_hard() {
    if let Some(now) = UNDER_WAY.get_ptr_mut(0) {
        // SAFETY: as above.
        unsafe { (*now).hard = (*now).hard.saturating_sub(1) };
    }
}

/// The experiment asks for the receiving of packets on this processor, or it is done.
#[inline(always)]
pub(crate) fn ask(asked: bool) {
    if let Some(now) = UNDER_WAY.get_ptr_mut(0) {
        // SAFETY: as above.
        unsafe { (*now).asked = u32::from(asked) };
    }
}

/// Whether the experiment has asked for the receiving of packets on this processor.
#[inline(always)]
pub(crate) fn asked() -> bool {
    UNDER_WAY.get(0).is_some_and(|now| now.asked != 0)
}
