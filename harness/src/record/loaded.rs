//! The object in the kernel: its maps are there and its ring is ours; its programs are loaded when they are attached.
use std::thread::{self, JoinHandle};

use aya::maps::{MapData, RingBuf};
use aya::{Btf, Ebpf, EbpfLoader};
use wakeproof_abi::Offsets;

use super::Unobserved;
use super::reason::reason;
use crate::kernel;

/// What programs are attached with.
pub(super) struct Loaded {
    pub(super) ebpf: Ebpf,
    pub(super) btf: Btf,
    pub(super) types: kernel::Btf,
    pub(super) offsets: Offsets,
    pub(super) ring: RingBuf<MapData>,
}

/// Room for 250,000 events, which is a stalled reader's 0.8 s at 300,000 events a second.
pub(super) const RING_BYTES: u32 = 16 << 20;

/// `Level::Debug` of aya-log.
const LOG_DEBUG: u8 = 4;

/// The object, if there is one and this user may load it.
pub(super) fn permitted() -> Result<&'static [u8], Unobserved> {
    let object = crate::object::object().ok_or(Unobserved::NoObject)?;
    let user = nix::unistd::geteuid();
    if user.is_root() { Ok(object) } else { Err(Unobserved::NotRoot(user.as_raw())) }
}

impl Loaded {
    /// Loads the maps, with a ring of a size that is a power of two and a multiple of the page, and with the program's own
    /// diagnostics if they are wanted.
    pub(super) fn load(object: &[u8], ring: u32, logs: bool) -> Result<Self, Unobserved> {
        // The kernel's types are read twice, by two libraries: at once.
        let btf = thread::spawn(Btf::from_sys_fs);
        let types = kernel::Btf::running()?;
        let offsets = kernel::resolve(&types)?;
        let btf = joined(btf).map_err(|error| Unobserved::Load(error.to_string()))?;
        // Frozen, so that the verifier drops what is not logged.
        let log_level = if logs { LOG_DEBUG } else { 0 };
        let mut ebpf = EbpfLoader::new()
            .btf(Some(&btf))
            .map_max_entries("EVENTS", ring)
            .override_global("OFFSETS", &offsets, true)
            .override_global(aya_log::LEVEL, &log_level, false)
            .load(object)
            .map_err(|error| Unobserved::Load(reason(&error)))?;
        let events = ebpf.take_map("EVENTS").ok_or_else(|| Unobserved::Load("it has no ring buffer".into()))?;
        let ring = RingBuf::try_from(events).map_err(|error| Unobserved::Load(reason(&error)))?;
        Ok(Self { ebpf, btf, types, offsets, ring })
    }
}

/// What a thread has read; its panic is ours.
pub(super) fn joined<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
