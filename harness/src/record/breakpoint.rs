//! Breakpoints of the processor that run one of our programs: on writes to a word, or on executing an instruction.
//!
//! Not through aya's own attaching: it asks for `precise_ip = 2`, and the kernel then refuses (`EPROTO`) a program that
//! takes a stack.
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use perf_event_open_sys::{bindings, ioctls};

/// What stops the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A write to any of the eight bytes at an address.
    Write(u64),
    /// Execution of the instruction at an address.
    Execute(u64),
}

/// In whose context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Every task, on one processor.
    Everyone(i32),
    /// One task, on every processor.
    Task(i32),
}

/// A breakpoint; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct Breakpoint {
    _event: OwnedFd,
}

impl Breakpoint {
    /// Sets a breakpoint that runs `program`.
    pub(super) fn set(stop: Stop, whose: Whose, program: BorrowedFd<'_>) -> io::Result<Self> {
        let event = open(stop, whose)?;
        // SAFETY: both are open descriptors; the kernel takes its own reference to the program.
        let attached = unsafe { ioctls::SET_BPF(event.as_raw_fd(), program.as_raw_fd().cast_unsigned()) };
        if attached < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above.
        if unsafe { ioctls::ENABLE(event.as_raw_fd(), 0) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { _event: event })
    }
}

fn open(stop: Stop, whose: Whose) -> io::Result<OwnedFd> {
    let mut attr = bindings::perf_event_attr {
        type_: bindings::PERF_TYPE_BREAKPOINT,
        size: u32::try_from(size_of::<bindings::perf_event_attr>()).unwrap_or(0),
        ..bindings::perf_event_attr::default()
    };
    let (kind, address, length) = match stop {
        Stop::Write(address) => (bindings::HW_BREAKPOINT_W, address, u64::from(bindings::HW_BREAKPOINT_LEN_8)),
        // An execution breakpoint is as long as a word of the machine (hw_breakpoint.h).
        Stop::Execute(address) => (bindings::HW_BREAKPOINT_X, address, size_of::<usize>() as u64),
    };
    attr.bp_type = kind;
    attr.__bindgen_anon_3.bp_addr = address;
    attr.__bindgen_anon_4.bp_len = length;
    attr.__bindgen_anon_1.sample_period = 1;
    attr.set_disabled(1);
    let (task, processor) = match whose {
        Whose::Everyone(processor) => (-1, processor),
        Whose::Task(task) => (task, -1),
    };
    // SAFETY: `attr` is initialised and lives through the call; a new descriptor comes back or an error.
    let event = unsafe {
        perf_event_open_sys::perf_event_open(
            &raw mut attr,
            task,
            processor,
            -1,
            u64::from(bindings::PERF_FLAG_FD_CLOEXEC),
        )
    };
    if event < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(event) })
}
