//! Who listens where: from the tables of sockets in `/proc`, without a connection.
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The addresses at which these processes listen, by port, and those of IPv4 first.
pub fn of(processes: &[i32]) -> Vec<SocketAddr> {
    let inodes: BTreeSet<u64> = processes.iter().flat_map(|pid| inodes(*pid)).collect();
    let mut found: Vec<SocketAddr> =
        all().into_iter().filter(|(_, inode)| inodes.contains(inode)).map(|(address, _)| address).collect();
    found.sort_by_key(|address| (address.port(), address.ip()));
    found
}

/// The addresses at which somebody in this network namespace listens on a port, those of IPv4 first.
pub fn at(port: u16) -> Vec<IpAddr> {
    all().into_iter().filter(|(address, _)| address.port() == port).map(|(address, _)| address.ip()).collect()
}

/// Where a client on the same loopback reaches one that listens at this address, which may be everywhere.
pub fn reached(ip: IpAddr) -> IpAddr {
    match ip {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

/// Every listener of this network namespace, with its inode.
fn all() -> Vec<(SocketAddr, u64)> {
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default());
    tables.iter().flat_map(|text| text.lines().skip(1)).filter_map(parse).collect()
}

/// `sl local_address rem_address st … inode …`, see `proc_pid_net(5)`; none if it does not listen.
fn parse(line: &str) -> Option<(SocketAddr, u64)> {
    const LISTEN: &str = "0A";
    let words: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = words.get(1)?.rsplit_once(':')?;
    let address = SocketAddr::new(ip(address)?, u16::from_str_radix(port, 16).ok()?);
    (*words.get(3)? == LISTEN).then_some((address, words.get(9)?.parse().ok()?))
}

/// Words of 32 bits in the machine's order (`get_openreq4` in `net/ipv4/tcp_ipv4.c`, `get_tcp6_sock` in `net/ipv6/tcp_ipv6.c`).
fn ip(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, place) in bytes.chunks_exact_mut(4).enumerate() {
                place.copy_from_slice(&word(at)?);
            }
            Some(IpAddr::from(bytes))
        }
        _ => None,
    }
}

fn inodes(pid: i32) -> Vec<u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let inode = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    entries.filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_words_in_the_machine_s_order() {
        assert_eq!(ip("0100007F"), Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(ip("00000000000000000000000001000000"), "::1".parse().ok());
        assert_eq!(ip("01"), None);
    }

    #[test]
    fn a_listener_is_found_by_its_process_and_by_its_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let me = i32::try_from(std::process::id()).expect("a process has a small number");
        assert!(of(&[me]).contains(&address));
        assert_eq!(of(&[]), []);
        assert_eq!(at(address.port()), [address.ip()]);
    }
}
