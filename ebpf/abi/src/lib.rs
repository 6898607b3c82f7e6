//! What the eBPF program and its user side say to each other.
//!
//! Everything here is `#[repr(C)]`, has no padding and is size-checked at compile time on both sides. Nothing is
//! interpreted here: names for people live in the harness.
#![no_std]

mod config;
mod event;
mod offsets;
mod payload;

pub use config::{
    CALL_COUNT, CALL_ENTER, CALL_EXIT, CALL_STASH, CALLS, Config, CountArg, CountKey, CountSlot, Counted, PEEK_BYTES,
    Peek, Role, SLOTS, Tally, WATCHES, Watch,
};
pub use event::{
    BURST, CONTEXT_HARDIRQ, Event, FENCE, FenceOp, Kind, MAX_FRAMES, SWITCH_ENTERS, SWITCH_OURS, SWITCH_SAME_MEMORY,
};
pub use offsets::Offsets;
pub use payload::{
    CALLED_MORE, Called, Ctl, MAX_PAIRS, MAX_POLLFDS, Packet, Pair, PollFd, SET_BYTES, TaskItem, WalkItem, called,
};
