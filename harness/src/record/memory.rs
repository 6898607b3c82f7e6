//! Reading kernel memory, a few bytes at a time: a fence asks the eBPF program to copy them.
//!
//! No lock is held, so what is read hangs together only while the experiment stands still.
use aya::Ebpf;
use aya::maps::{Array, MapData, MapError};
use wakeproof_abi::{FENCE, FenceOp, PEEK_BYTES, Peek};

use super::reason::reason;

/// Kernel memory, readable while a run is armed.
pub(super) struct Memory<'a> {
    peek: Array<&'a MapData, Peek>,
    token: u64,
}

impl<'a> Memory<'a> {
    /// For the run with this token.
    pub(super) fn new(ebpf: &'a Ebpf, token: u64) -> Result<Self, String> {
        let map = ebpf.map("PEEK").ok_or("the object has no map PEEK")?;
        let peek = map.try_into().map_err(|error: MapError| reason(&error))?;
        Ok(Self { peek, token })
    }

    /// The bytes at an address, `N` at most 255.
    pub(super) fn bytes<const N: usize>(&self, address: u64) -> Result<[u8; N], String> {
        const { assert!(N <= PEEK_BYTES) };
        let option = libc::c_int::try_from(FENCE).map_err(|error| error.to_string())?;
        // SAFETY: no real option has this number: the call fails with EINVAL and touches nothing of this process.
        unsafe { libc::prctl(option, FenceOp::Peek as u64, address, self.token, N as u64) };
        let peek = self.peek.get(&0, 0).map_err(|error| reason(&error))?;
        if peek.done != 1 {
            return Err(format!("there is no kernel memory at {address:#x}"));
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(&peek.bytes[..N]);
        Ok(bytes)
    }

    /// A pointer or another 64-bit number.
    pub(super) fn word(&self, address: u64) -> Result<u64, String> {
        self.bytes(address).map(u64::from_ne_bytes)
    }

    /// A 32-bit number.
    pub(super) fn half(&self, address: u64) -> Result<u32, String> {
        self.bytes(address).map(u32::from_ne_bytes)
    }
}
