//! The eBPF program: what the kernel does, reported to the ring buffer, counted in maps, or found by walking.
//!
//! Nothing here decides anything. Which kinds are recorded, with or without stacks, for which processes and network
//! namespaces, is told through maps ([`state`]); where members lie in this kernel's structures comes frozen ([`kernel`]).
#![no_std]
#![no_main]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "registers are 64 bits wide, and the kernel's fields are what they are"
)]
#![expect(
    clippy::inline_always,
    reason = "before 5.10 the verifier looks at calls only by inlining, and calls cost there"
)]
#![expect(clippy::needless_pass_by_value, reason = "aya's macros hand contexts over by value")]

mod burst;
mod context;
mod count;
mod descriptor;
mod emit;
mod epoll;
mod fault;
mod fence;
mod interrupt;
mod kernel;
mod observe;
mod packet;
mod ring;
mod sched;
mod scope;
mod state;
mod syscall;
mod tcp;
mod turn;
mod walk;
mod watch;

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Not reached: the program has no panics left when it is linked.
    loop {}
}

/// `bpf_get_stack` and the other helpers we call are open to programs under this licence only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
