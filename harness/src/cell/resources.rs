//! What the server and its clients hold, as `/proc` has it. Each number is the kernel's own account; none is computed from
//! a size in a source file.
use std::fs;

use nix::unistd::Pid;
use serde_json::{Value, json};

use super::failure::Failure;
use super::machine::{field, text};
use super::procfs;
use super::rcu;
use super::run::Run;
use super::tasks;
use crate::case::Resources;

/// Reads everything.
pub fn resources(run: &mut Run, step: &Resources) -> Result<(), Failure> {
    let mut server = Held::default();
    for pid in tasks::descendants(Pid::this().as_raw()) {
        server.add(pid);
    }
    let mut all = json!({
        "processes": server.processes,
        "threads": server.threads,
        "descriptors": server.descriptors,
        "resident_kb": server.resident_kb,
        "private_kb": server.private_kb,
        "pte_kb": server.pte_kb,
        "switches": server.switches,
        "sockets": sockets(&text("/proc/net/sockstat")?),
        "queued": queued(&text("/proc/net/tcp")?),
        "overflows": overflows()?,
    });
    let objects = settled()?;
    let rest = [of_the_machine(&text("/proc/meminfo")?), objects];
    if let Some(all) = all.as_object_mut() {
        all.extend(rest.into_iter().filter_map(|part| part.as_object().cloned()).flatten());
    }
    run.keep(&step.name, all);
    Ok(())
}

/// What processes hold.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    processes: u64,
    threads: u64,
    descriptors: u64,
    resident_kb: u64,
    private_kb: u64,
    pte_kb: u64,
    switches: u64,
}

impl Held {
    /// One more process; one that is gone by now holds nothing.
    fn add(&mut self, pid: i32) {
        let read = |name: &str| procfs::read(&format!("/proc/{pid}/{name}")).unwrap_or_default();
        let status = read("status");
        if status.is_empty() {
            return;
        }
        self.processes += 1;
        let threads = field(&status, "Threads:");
        self.threads += threads;
        self.resident_kb += field(&status, "VmRSS:");
        self.pte_kb += field(&status, "VmPTE:");
        // Of a process with one thread this status is the thread's, too.
        self.switches += if threads == 1 {
            tasks::parse_switches(&status)
        } else {
            tasks::of(pid).iter().map(|task| task.switches).sum()
        };
        let memory = read("smaps_rollup");
        self.private_kb += field(&memory, "Private_Clean:") + field(&memory, "Private_Dirty:");
        self.descriptors += fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count() as u64);
    }
}

/// TCP sockets of this network namespace, from `/proc/net/sockstat`: `TCP: inuse 7 orphan 0 …`.
fn sockets(sockstat: &str) -> u64 {
    field(sockstat, "TCP: inuse")
}

/// Connections that wait for `accept`: what `/proc/net/tcp` has as the receive queue of a listening socket (state 0A;
/// `net/ipv4/tcp_ipv4.c`: `get_tcp4_sock`).
fn queued(table: &str) -> u64 {
    let waiting = |line: &str| {
        let mut columns = line.split_whitespace();
        let (state, queues) = (columns.nth(3)?, columns.next()?);
        (state == "0A").then(|| u64::from_str_radix(queues.split_once(':')?.1, 16).ok()).flatten()
    };
    table.lines().skip(1).filter_map(waiting).sum()
}

/// Bytes that some TCP socket of this network namespace has sent and its peer has not acknowledged, or not sent yet.
pub fn unacknowledged() -> Result<u64, Failure> {
    Ok(under_way(&text("/proc/net/tcp")?))
}

/// The sum of the send queues in `/proc/net/tcp`.
fn under_way(table: &str) -> u64 {
    let unsent = |line: &str| {
        let mut columns = line.split_whitespace().skip(3);
        let (state, queues) = (columns.next()?, columns.next()?);
        (state != "0A").then(|| u64::from_str_radix(queues.split_once(':')?.0, 16).ok()).flatten()
    };
    table.lines().skip(1).filter_map(unsent).sum()
}

/// How often a connection found an accept queue full, in this network namespace.
pub fn overflows() -> Result<u64, Failure> {
    Ok(counter(&text("/proc/net/netstat")?, "TcpExt:", "ListenOverflows"))
}

/// A counter of `/proc/net/netstat`: a line of names above a line of numbers.
fn counter(netstat: &str, protocol: &str, name: &str) -> u64 {
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix(protocol));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else { return 0 };
    let both = names.split_whitespace().zip(numbers.split_whitespace());
    both.into_iter().find(|both| both.0 == name).and_then(|both| both.1.parse().ok()).unwrap_or(0)
}

fn of_the_machine(meminfo: &str) -> Value {
    let of = |name: &str| field(meminfo, name);
    let (slab, stacks, tables, percpu) = (of("Slab:"), of("KernelStack:"), of("PageTables:"), of("Percpu:"));
    json!({
        "kernel_kb": slab + stacks + tables + percpu,
        "slab_kb": slab,
        "stacks_kb": stacks,
        "tables_kb": tables,
        "percpu_kb": percpu,
        "available_kb": of("MemAvailable:"),
    })
}

/// So many looks at most until the slabs are taken as they are.
const LOOKS: usize = 64;
/// By so many objects the slabs may shrink between two looks, for others use them, too.
const FEW: u64 = 100;

/// Objects in use, once they do not become fewer any more: what was given back before counts until the kernel has come to
/// free it, which takes long on a busy machine. Where it cannot be waited for, this is what is there.
fn settled() -> Result<Value, Failure> {
    let look = || text("/proc/slabinfo").map(|slabinfo| objects(&slabinfo));
    let sum =
        |objects: &Value| -> u64 { objects.as_object().into_iter().flatten().filter_map(|of| of.1.as_u64()).sum() };
    let mut last = look()?;
    for _ in 1..LOOKS {
        if rcu::barrier().is_err() {
            break;
        }
        let next = look()?;
        let shrunk = sum(&last).saturating_sub(sum(&next));
        last = next;
        if shrunk <= FEW {
            break;
        }
    }
    Ok(last)
}

/// Objects in use, by their slab. The count takes an object on a processor's own list for one in use
/// (mm/slub.c: `get_slabinfo`), so it is right to a few hundred.
fn objects(slabinfo: &str) -> Value {
    let of = |slab: &str| {
        let line = slabinfo.lines().find_map(|line| line.strip_prefix(slab)?.strip_prefix(' '));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    json!({
        "tcp_sock": of("TCP"),
        "sock_inode": of("sock_inode_cache"),
        "filp": of("filp"),
        "task_struct": of("task_struct"),
        "mm_struct": of("mm_struct"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    use super::*;
    use crate::case::fields::RESOURCES;

    #[test]
    fn the_accept_queue_is_the_listeners_receive_queue() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr\n   \
                     0: 0100007F:1F40 00000000:0000 0A 00001000:0000000C 00:00000000\n   \
                     1: 0100007F:1F40 0100007F:9C40 01 00000003:00000007 00:00000000\n";
        assert_eq!(queued(table), 12);
        assert_eq!(under_way(table), 3, "a listener has no send queue");
    }

    #[test]
    fn counters_stand_below_their_names() {
        let netstat = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 22 333\nIpExt: A\nIpExt: 4\n";
        assert_eq!(counter(netstat, "TcpExt:", "ListenOverflows"), 22);
        assert_eq!(counter(netstat, "TcpExt:", "Nothing"), 0);
    }

    #[test]
    fn objects_are_found_by_the_whole_name_of_their_slab() {
        let slabinfo =
            "slabinfo - version: 2.1\ntw_sock_TCP          3      5    248\nTCP                105    156   2368\n";
        assert_eq!(objects(slabinfo)["tcp_sock"], 105);
    }

    #[test]
    fn a_process_at_rest_holds_what_the_kernel_says() {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Once the byte is back, it has been loaded, and does nothing but read.
        cat.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        cat.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let mut held = Held::default();
        held.add(cat.id().cast_signed());
        drop(cat.stdin.take());
        cat.wait().unwrap();
        assert!(held.processes == 1 && held.threads == 1 && held.descriptors > 2, "{held:?}");
        assert!(held.resident_kb >= held.private_kb && held.private_kb > 0 && held.pte_kb > 0, "{held:?}");
        let there = of_the_machine(&text("/proc/meminfo").unwrap());
        assert!(there["stacks_kb"].as_u64() > Some(0) && there["slab_kb"].as_u64() > Some(0), "{there}");
    }

    #[test]
    fn every_promised_field_is_given() {
        let own = ["processes", "threads", "descriptors", "resident_kb", "private_kb", "pte_kb", "switches"];
        let here = ["sockets", "queued", "overflows"];
        let (machine, objects) = (of_the_machine(""), objects(""));
        for (name, _) in RESOURCES {
            let given =
                own.contains(name) || here.contains(name) || !machine[name].is_null() || !objects[name].is_null();
            assert!(given, "{name}");
        }
    }
}
