//! A look at the server while it is left alone: tasks, sockets, descriptors, epoll registrations, from `/proc`.
use std::collections::BTreeSet;
use std::fs;

use super::observation::{Descriptor, Rest, Socket, Task, Watched};
use crate::cell::tasks;

const LISTEN: u8 = 10;

/// Looks at these processes.
pub fn look(phase: &str, time: u64, settled: bool, processes: &[u32]) -> Rest {
    let mut rest = Rest { phase: phase.to_owned(), time, settled, ..Rest::default() };
    let mut inodes = BTreeSet::new();
    for &pid in processes {
        let Ok(number) = i32::try_from(pid) else { continue };
        let found = tasks::of(number);
        if let Some(ended) = found.iter().find(|task| task.tid == number && task.stat.state == 'Z') {
            // Whose parent has ended too is not the server's to collect.
            if processes.contains(&ended.stat.parent.unsigned_abs()) {
                rest.zombies.push(pid);
            }
            continue;
        }
        rest.tasks.extend(found.into_iter().map(|task| Task {
            pid,
            tid: task.tid.unsigned_abs(),
            call: call(pid, task.tid.unsigned_abs()),
            name: task.stat.name,
            state: task.stat.state,
        }));
        for (fd, target) in descriptors(pid) {
            if let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
                let inode = inode.parse().unwrap_or(0);
                inodes.insert(inode);
                rest.descriptors.push(Descriptor { pid, fd, inode });
            } else if target == "anon_inode:[eventpoll]" {
                rest.watched.extend(watched(pid, fd));
            }
        }
    }
    if let Some(&pid) = processes.iter().find(|pid| fs::exists(format!("/proc/{pid}/net/tcp")).unwrap_or(false)) {
        rest.sockets = sockets(pid);
        let ports: BTreeSet<u16> = rest
            .sockets
            .iter()
            .filter(|socket| socket.state == LISTEN && inodes.contains(&socket.inode))
            .map(|socket| socket.local)
            .collect();
        // Connections that nobody has accepted have no inode; they are the server's by their port.
        rest.sockets.retain(|socket| inodes.contains(&socket.inode) || ports.contains(&socket.local));
    }
    rest
}

/// The ports on which these processes listen.
pub fn listening(processes: &[u32]) -> Vec<u16> {
    let rest = look("", 0, false, processes);
    let mut ports: Vec<u16> =
        rest.sockets.iter().filter(|socket| socket.state == LISTEN).map(|socket| socket.local).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// What these processes listen on beside TCP, in words.
pub fn elsewhere(processes: &[u32]) -> Vec<String> {
    let mut inodes = BTreeSet::new();
    for pid in processes {
        let socket = |target: String| target.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok();
        inodes.extend(descriptors(*pid).into_iter().filter_map(|(_, target)| socket(target)));
    }
    let Some(pid) = processes.first() else { return Vec::new() };
    let table = |name: &str| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    let mut found = Vec::new();
    for line in table("unix").lines().skip(1) {
        // Num RefCount Protocol Flags Type St Inode Path; `__SO_ACCEPTCON` among the flags says that it listens.
        let words: Vec<&str> = line.split_whitespace().collect();
        let ours = words.get(6).and_then(|inode| inode.parse().ok()).is_some_and(|inode| inodes.contains(&inode));
        if ours && words.get(3) == Some(&"00010000") {
            found.push(format!("the Unix socket {}", words.get(7).unwrap_or(&"without a name")));
        }
    }
    for line in ["udp", "udp6"].map(table).iter().flat_map(|text| text.lines().skip(1)) {
        if let Some(socket) = parse_socket(line).filter(|socket| inodes.contains(&socket.inode)) {
            found.push(format!("UDP port {}", socket.local));
        }
    }
    found
}

fn descriptors(pid: u32) -> Vec<(i32, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let read = |entry: fs::DirEntry| {
        let fd = entry.file_name().to_str()?.parse().ok()?;
        Some((fd, fs::read_link(entry.path()).ok()?.to_str()?.to_owned()))
    };
    entries.filter_map(read).collect()
}

/// Lines such as `tfd:        5 events:       19 data: 5  pos:0 ino:1 sdev:8` (fs/eventpoll.c: `ep_show_fdinfo`).
fn watched(pid: u32, epfd: i32) -> Vec<Watched> {
    let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{epfd}")).unwrap_or_default();
    text.lines().filter_map(|line| parse_watched(line, pid, epfd)).collect()
}

fn parse_watched(line: &str, pid: u32, epfd: i32) -> Option<Watched> {
    let mut words = line.strip_prefix("tfd:")?.split_whitespace();
    let fd = words.next()?.parse().ok()?;
    let mut after = |label: &str| {
        let word = words.next()?;
        if word == label { words.next() } else { word.strip_prefix(label).filter(|rest| !rest.is_empty()) }
    };
    let mask = u32::from_str_radix(after("events:")?, 16).ok()?;
    let data = u64::from_str_radix(after("data:")?, 16).ok()?;
    Some(Watched { pid, epfd, fd, mask, data })
}

/// All TCP sockets of the network namespace in which a process is.
fn sockets(pid: u32) -> Vec<Socket> {
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default());
    tables.iter().flat_map(|text| text.lines().skip(1)).filter_map(parse_socket).collect()
}

fn parse_socket(line: &str) -> Option<Socket> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let port = |word: &str| u16::from_str_radix(word.rsplit_once(':')?.1, 16).ok();
    let (_, waiting) = words.get(4)?.split_once(':')?;
    Some(Socket {
        local: port(words.get(1)?)?,
        remote: port(words.get(2)?)?,
        state: u8::from_str_radix(words.get(3)?, 16).ok()?,
        waiting: u32::from_str_radix(waiting, 16).ok()?,
        inode: words.get(9)?.parse().ok()?,
    })
}

/// The call that a task is in, if it sleeps in one.
fn call(pid: u32, tid: u32) -> Option<(u16, [u64; 6])> {
    let line = fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).ok()?;
    let mut words = line.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    Some((number, args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_read_from_fdinfo() {
        let line = "tfd:        5 events:       19 data: ffff0000000005  pos:0 ino:3c43 sdev:8";
        let read = parse_watched(line, 7, 4).expect("a registration");
        assert_eq!((read.fd, read.mask, read.data), (5, 0x19, 0x00ff_ff00_0000_0005));
        assert_eq!(parse_watched("pos:\t0", 7, 4), None);
    }

    #[test]
    fn a_listener_is_read_with_its_queue() {
        let line =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 4711 1 0 100 0";
        let read = parse_socket(line).expect("a socket");
        assert_eq!(read, Socket { local: 8080, remote: 0, state: LISTEN, waiting: 3, inode: 4711 });
    }
}
