//! What the user side has told us, and what it may read.
use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, LruHashMap, PerCpuArray, PerCpuHashMap, RingBuf},
};
use wakeproof_abi::{CALLS, Config, CountKey, Kind, Peek, WATCHES, Watch};

/// The recorder. Without wake-ups: the reader polls, because a wake-up costs more than all the rest.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(16 << 20, 0);

/// What is recorded just now.
#[map]
pub(crate) static CONFIG: Array<Config> = Array::with_max_entries(1, 0);

/// For each system call number what is done about it: `CALL_ENTER` and its like.
#[map]
pub(crate) static CALL_TABLE: Array<u32> = Array::with_max_entries(CALLS as u32, 0);

/// Processes of the experiment: thread group to role. Children are added as they are born.
#[map]
pub(crate) static TRACKED: HashMap<u32, u32> = HashMap::with_max_entries(65_536, 0);

/// Network namespaces of the experiment, by the address of their `struct net`, which is the value, too.
#[map]
pub(crate) static NETS: HashMap<u64, u64> = HashMap::with_max_entries(64, 0);

/// The current epoch of the counters: one more than the number of the last mark.
#[map]
pub(crate) static EPOCH: Array<u32> = Array::with_max_entries(1, 0);

/// By kind: how often a record was wanted, and how often there was no room for it.
#[map]
pub(crate) static FIRED: PerCpuArray<u64> = PerCpuArray::with_max_entries(Kind::COUNT as u32, 0);
#[map]
pub(crate) static LOST: PerCpuArray<u64> = PerCpuArray::with_max_entries(Kind::COUNT as u32, 0);

/// Counted calls.
#[map]
pub(crate) static COUNTS: PerCpuHashMap<CountKey, u64> = PerCpuHashMap::with_max_entries(65_536, 0);
/// Calls that found no room in `COUNTS`: then no count is exact.
#[map]
pub(crate) static UNCOUNTED: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// What the watchpoints watch.
#[map]
pub(crate) static WATCHED: Array<Watch> = Array::with_max_entries(WATCHES as u32, 0);

/// What the last peek has read.
#[map]
pub(crate) static PEEK: Array<Peek> = Array::with_max_entries(1, 0);

/// The `epoll_wait` that a thread is in, for probes on the function's way out.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Waiting {
    pub(crate) call: u64,
    pub(crate) epfd: u64,
    pub(crate) buffer: u64,
}
#[map]
pub(crate) static WAITING: LruHashMap<u32, Waiting> = LruHashMap::with_max_entries(16_384, 0);

/// On which side of a recorded system call a thread was seen last: see [`crate::turn`].
#[map]
pub(crate) static TURN: HashMap<u32, u32> = HashMap::with_max_entries(65_536, 0);
/// The last fence of a thread, until its second look.
#[map]
pub(crate) static FENCED: HashMap<u32, u64> = HashMap::with_max_entries(65_536, 0);

/// The configuration, if there is one.
#[inline(always)]
pub(crate) fn config() -> Option<&'static Config> {
    CONFIG.get(0)
}

/// Whether events of this kind are recorded just now.
#[inline(always)]
pub(crate) fn wanted(kind: Kind) -> bool {
    config().is_some_and(|config| config.kinds & kind.bit() != 0)
}

/// Adds one to a per-CPU number.
#[inline(always)]
pub(crate) fn bump(map: &PerCpuArray<u64>, index: u32) {
    if let Some(number) = map.get_ptr_mut(index) {
        // SAFETY: a live slot of this CPU; a program that interrupts us here may lose one count of the two, which the
        // user side finds as `fired != delivered + lost`.
        unsafe { *number += 1 };
    }
}
