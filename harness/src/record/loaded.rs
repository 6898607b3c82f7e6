//! The object in the kernel: its maps are there and its ring is ours; its programs are loaded when they are attached.
use std::thread;

use aya::maps::{MapData, RingBuf};
use aya::{Btf, Ebpf, EbpfLoader, Endianness};
use wakeproof_abi::Offsets;

use super::Unobserved;
use super::later::joined;
use super::reason::reason;
use crate::kernel;

/// What programs are attached with.
pub(super) struct Loaded {
    pub(super) ebpf: Ebpf,
    /// What programs can be attached to.
    pub(super) targets: Btf,
    pub(super) types: kernel::Btf,
    pub(super) offsets: Offsets,
    pub(super) ring: RingBuf<MapData>,
    /// Programs of system calls may be passed over, and have understudies: see the program's `turn`.
    pub(super) understudied: bool,
}

/// What the object is there for. Maps that serve other purposes get one entry, as it takes a while to make a large one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Running cases.
    Cases,
    /// Recording events without a case.
    Events,
    /// Watching a server.
    Server,
}

impl Purpose {
    fn idle(self) -> &'static [&'static str] {
        match self {
            Self::Cases => &["INSIDE", "SETS"],
            Self::Events => &["INSIDE", "SETS", "COUNTS", "COUNTED_FIRST"],
            Self::Server => &["COUNTS", "COUNTED_FIRST", "TURN"],
        }
    }
}

/// Room for 250,000 events, which is a stalled reader's 0.8 s at 300,000 events a second.
pub(super) const RING_BYTES: u32 = 16 << 20;

/// A function that came with programs of system calls that may sleep, and so be preempted (7.2).
const MAY_SLEEP: &str = "trace_call_bpf_faultable";
/// The helper that hands out the running task with its type (5.11).
const TYPED_TASK: &str = "bpf_get_current_task_btf";

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
    pub(super) fn load(object: &[u8], purpose: Purpose, ring: u32, logs: bool) -> Result<Self, Unobserved> {
        // A new loader reads all of the kernel's types, though it will be given others; we read what we need meanwhile.
        let loader = thread::spawn(EbpfLoader::new);
        let types = kernel::Btf::running()?;
        let offsets = kernel::resolve(&types)?;
        let understudied = types.declares(MAY_SLEEP);
        let [turns, typed_task] = [understudied, types.declares(TYPED_TASK)].map(u32::from);
        // For each program aya goes through all types that it has.
        let targets = Btf::parse(&types.targets(), Endianness::default());
        let targets = targets.map_err(|error| Unobserved::Load(error.to_string()))?;
        // Frozen, so that the verifier drops what is not logged.
        let log_level = if logs { LOG_DEBUG } else { 0 };
        let mut loader: EbpfLoader<'_> = joined(loader);
        let no_understudies: &[&str] = if understudied { &[] } else { &["FENCED"] };
        for map in purpose.idle().iter().chain(no_understudies) {
            loader.map_max_entries(map, 1);
        }
        let mut ebpf = loader
            .btf(Some(&targets))
            .map_max_entries("EVENTS", ring)
            .override_global("OFFSETS", &offsets, true)
            .override_global("UNDERSTUDIED", &turns, true)
            .override_global("TYPED_TASK", &typed_task, true)
            .override_global(aya_log::LEVEL, &log_level, false)
            .load(object)
            .map_err(|error| Unobserved::Load(reason(&error)))?;
        drop(loader);
        let events = ebpf.take_map("EVENTS").ok_or_else(|| Unobserved::Load("it has no ring buffer".into()))?;
        let ring = RingBuf::try_from(events).map_err(|error| Unobserved::Load(reason(&error)))?;
        Ok(Self { ebpf, targets, types, offsets, ring, understudied })
    }
}

/// Gives back to the system what was freed: the types of a whole kernel leave much behind.
pub(super) fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it gives back memory that nobody has.
    unsafe {
        libc::malloc_trim(0);
    }
}
