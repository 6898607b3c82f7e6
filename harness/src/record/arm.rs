//! Telling the eBPF program what a run needs, and reading its numbers afterwards.
use aya::Pod;
use aya::maps::{Array, HashMap, MapData, MapError, PerCpuArray, PerCpuHashMap, PerCpuValues};
use wakeproof_abi::{CALL_ENTER, CALL_EXIT, CALL_STASH, CALLS, Config, CountKey, Kind, Role};

use super::misses::Misses;
use super::probes::Probes;
use super::reason::reason;
use crate::case::{EventName, Probe};
use crate::plan::Wants;
use crate::recording::Account;

impl Probes {
    /// Forgets the last run and records for the next one what it wants.
    pub(super) fn arm(&mut self, wants: &Wants, token: u64) -> Result<(), String> {
        self.disarm()?;
        self.forget_all()?;
        while self.ring.next().is_some() {}
        self.zero_numbers()?;
        self.missed.clone_from(&self.passed);
        let late = self.won_by(Probe::EpollWaitReturn, "fexit") || self.won_by(Probe::EpollWaitReturn, "kretprobe");
        let (_, wait_calls) = EventName::EpollWait.calls().unwrap_or((crate::case::Side::Exit, &[]));
        let mut table: Array<&mut MapData, u32> = array(&mut self.ebpf, "CALL_TABLE")?;
        for number in 0..u32::try_from(CALLS).unwrap_or(0) {
            let call = u16::try_from(number).unwrap_or(u16::MAX);
            let mut ways = 0;
            if wants.enter.contains(&call) {
                ways |= CALL_ENTER;
            }
            if wants.exit.contains(&call) {
                let by_function = late && wait_calls.iter().any(|wait| wait.0 == i64::from(call));
                ways |= if by_function { CALL_STASH } else { CALL_EXIT };
            }
            table.set(number, u32::from(ways), 0).map_err(|error| reason(&error))?;
        }
        // Fences divide the time, births say who belongs to whom: always.
        let kinds = wants.kinds | Kind::Fence.bit() | Kind::Fork.bit();
        if wants.stacks != 0 {
            // Stacks will want names.
            self.symbols.begin();
        }
        self.configure(Config { token, kinds, stacks: wants.stacks })
    }

    /// Records nothing from now on.
    pub(super) fn disarm(&mut self) -> Result<(), String> {
        self.configure(Config::default())?;
        self.passed = self.misses();
        Ok(())
    }

    fn configure(&mut self, config: Config) -> Result<(), String> {
        array::<Config>(&mut self.ebpf, "CONFIG")?.set(0, config, 0).map_err(|error| reason(&error))
    }

    /// Makes a process part of the experiment.
    pub(super) fn track(&mut self, process: u32, role: Role) -> Result<(), String> {
        let mut tracked: HashMap<&mut MapData, u32, u32> = hash(&mut self.ebpf, "TRACKED")?;
        tracked.insert(process, role as u32, 0).map_err(|error| reason(&error))
    }

    /// The processes of the experiment with this role.
    pub(super) fn tracked(&mut self, role: Role) -> Result<Vec<u32>, String> {
        let tracked: HashMap<&mut MapData, u32, u32> = hash(&mut self.ebpf, "TRACKED")?;
        let mut processes: Vec<u32> =
            tracked.iter().flatten().filter(|&(_, found)| found == role as u32).map(|(process, _)| process).collect();
        processes.sort_unstable();
        Ok(processes)
    }

    /// Nobody belongs to the experiment any more.
    pub(super) fn forget_all(&mut self) -> Result<(), String> {
        clear::<u32, u32>(&mut hash(&mut self.ebpf, "TRACKED")?)?;
        clear::<u32, u32>(&mut hash(&mut self.ebpf, "TURN")?)?;
        clear::<u32, u64>(&mut hash(&mut self.ebpf, "FENCED")?)?;
        clear::<u64, u64>(&mut hash(&mut self.ebpf, "NETS")?)
    }

    fn zero_numbers(&mut self) -> Result<(), String> {
        array::<u32>(&mut self.ebpf, "EPOCH")?.set(0, 0, 0).map_err(|error| reason(&error))?;
        for name in ["FIRED", "LOST"] {
            let mut numbers = per_cpu(&mut self.ebpf, name)?;
            for kind in 0..u32::try_from(Kind::COUNT).unwrap_or(0) {
                numbers.set(kind, zero()?, 0).map_err(|error| reason(&error))?;
            }
        }
        per_cpu(&mut self.ebpf, "UNCOUNTED")?.set(0, zero()?, 0).map_err(|error| reason(&error))?;
        let map = self.ebpf.map_mut("COUNTS").ok_or("the object has no map COUNTS")?;
        let mut counts: PerCpuHashMap<&mut MapData, CountKey, u64> =
            map.try_into().map_err(|error: MapError| reason(&error))?;
        let keys: Vec<_> = counts.keys().flatten().collect();
        keys.iter().try_for_each(|key| counts.remove(key)).map_err(|error| reason(&error))
    }

    /// What became of the records of each kind.
    pub(super) fn accounts(&mut self, delivered: &[u64; Kind::COUNT]) -> Result<Vec<Account>, String> {
        let mut accounts = Vec::new();
        for (index, &delivered) in delivered.iter().enumerate() {
            let at = u32::try_from(index).unwrap_or(0);
            let fired = sum(&per_cpu(&mut self.ebpf, "FIRED")?, at)?;
            let lost = sum(&per_cpu(&mut self.ebpf, "LOST")?, at)?;
            // What was passed over was never wanted by anybody who could count it.
            let kind = kind_name(index);
            let passed = |misses: &Misses| misses.get(kind).copied().unwrap_or(0);
            let missed = passed(&self.passed).saturating_sub(passed(&self.missed));
            let (fired, lost) = (fired + missed, lost + missed);
            if fired + lost + delivered > 0 {
                accounts.push(Account { kind: kind.into(), fired, lost, missed, delivered });
            }
        }
        Ok(accounts)
    }

    /// Counted calls with their keys, all processors together.
    pub(super) fn counted(&mut self) -> Result<Vec<(CountKey, u64)>, String> {
        if sum(&per_cpu(&mut self.ebpf, "UNCOUNTED")?, 0)? > 0 {
            return Err("there was no room to count all calls".into());
        }
        let map = self.ebpf.map_mut("COUNTS").ok_or("the object has no map COUNTS")?;
        let counts: PerCpuHashMap<&mut MapData, CountKey, u64> =
            map.try_into().map_err(|error: MapError| reason(&error))?;
        let mut rows: Vec<_> = counts.iter().flatten().map(|(key, calls)| (key, calls.iter().sum())).collect();
        rows.sort_unstable_by_key(|(key, _)| {
            (key.slot, key.epoch, key.role, key.inside, key.local, key.remote, key.eventpoll)
        });
        Ok(rows)
    }
}

/// A kind, by the kernel's name.
fn kind_name(index: usize) -> &'static str {
    const NAMES: [&str; Kind::COUNT] = [
        "none",
        "fence",
        "sys_enter",
        "sys_exit",
        "tcp_v4_rcv",
        "ep_poll_callback",
        "sk_data_ready",
        "sched_waking",
        "sched_switch",
        "sched_process_fork",
        "sched_process_exit",
        "page_fault_kernel",
        "watch",
        "inet_sock_set_state",
        "netif_rx",
        "netif_receive_skb",
        "tcp_probe",
        "skb_copy_datagram_iovec",
        "softirq_raise",
        "softirq_entry",
        "softirq_exit",
        "sched_wakeup",
        "irq_handler_entry",
        "local_timer_entry",
        "tlb_flush",
        "called",
        "ring_submit",
        "ring_complete",
        "ip_queue_xmit",
        "net_dev_queue",
        "net_dev_start_xmit",
        "ip_rcv",
    ];
    NAMES[index]
}

pub(super) fn sum(map: &PerCpuArray<&mut MapData, u64>, index: u32) -> Result<u64, String> {
    Ok(map.get(&index, 0).map_err(|error| reason(&error))?.iter().sum())
}

/// The number 0 of each processor.
pub(super) fn zero() -> Result<PerCpuValues<u64>, String> {
    let processors = aya::util::nr_cpus().map_err(|(_, error)| reason(&error))?;
    PerCpuValues::try_from(vec![0; processors]).map_err(|error| reason(&error))
}

pub(super) fn array<'a, T: Pod>(ebpf: &'a mut aya::Ebpf, name: &str) -> Result<Array<&'a mut MapData, T>, String> {
    let map = ebpf.map_mut(name).ok_or_else(|| format!("the object has no map {name}"))?;
    map.try_into().map_err(|error: MapError| reason(&error))
}

pub(super) fn per_cpu<'a>(ebpf: &'a mut aya::Ebpf, name: &str) -> Result<PerCpuArray<&'a mut MapData, u64>, String> {
    let map = ebpf.map_mut(name).ok_or_else(|| format!("the object has no map {name}"))?;
    map.try_into().map_err(|error: MapError| reason(&error))
}

pub(super) fn hash<'a, K: Pod, V: Pod>(
    ebpf: &'a mut aya::Ebpf,
    name: &str,
) -> Result<HashMap<&'a mut MapData, K, V>, String> {
    let map = ebpf.map_mut(name).ok_or_else(|| format!("the object has no map {name}"))?;
    map.try_into().map_err(|error: MapError| reason(&error))
}

fn clear<K: Pod, V: Pod>(map: &mut HashMap<&mut MapData, K, V>) -> Result<(), String> {
    let keys: Vec<K> = map.keys().flatten().collect();
    keys.iter().try_for_each(|key| map.remove(key)).map_err(|error| reason(&error))
}
