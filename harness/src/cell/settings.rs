//! The network namespace: its settings, and what it tells everybody in `/proc/net/tcp`.
use std::net::Ipv4Addr;

use nix::sched::{CloneFlags, unshare};

use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use super::wire;
use crate::case::{AddAddress, ProcNetTcp, Sysctl, tcp_state};
use crate::recording::SocketRow;

/// Changes a setting. It ends with the namespace.
pub fn sysctl(run: &Run, step: &Sysctl) -> Result<(), Failure> {
    if !run.own_network {
        let why = "settings are only changed in a network namespace of the case's own, and this machine gives none";
        return Err(Failure::Broken(why.to_owned()));
    }
    let path = format!("/proc/sys/{}", step.name.replace('.', "/"));
    let value = step.value.to_string();
    std::fs::write(&path, &value)
        .map_err(|error| Failure::Broken(format!("failed to write {value} to {path}: {error}")))
}

/// Gives a device one more address. It ends with the namespace, too.
pub fn add_address(run: &Run, step: &AddAddress) -> Result<(), Failure> {
    if !run.own_network {
        let why = "addresses are only added in a network namespace of the case's own, and this machine gives none";
        return Err(Failure::Broken(why.to_owned()));
    }
    wire::add_address(&step.device, step.address).map_err(|error| {
        Failure::Broken(format!("failed to give {} the address {}: {error}", step.device, step.address))
    })
}

/// Reads the table of TCP sockets.
pub fn proc_net_tcp(step: &ProcNetTcp) -> Call {
    let elsewhere = step.elsewhere;
    Call {
        what: "read /proc/net/tcp".to_owned(),
        number: libc::SYS_read,
        result: Some(step.name.clone()),
        sleeps: false,
        make: Box::new(move || match if elsewhere { read_elsewhere() } else { read() } {
            Ok(text) => {
                let rows: Vec<_> = text.lines().skip(1).filter_map(row).collect();
                let mut returned = Returned::take(i64::try_from(rows.len()).unwrap_or(i64::MAX));
                returned.result.rows = rows;
                returned
            }
            Err(error) => Returned::refused(format!("/proc/net/tcp cannot be read: {error}")),
        }),
    }
}

/// `/proc/net` is that of the process's first thread; an actor's thread may live in another namespace.
fn read() -> std::io::Result<String> {
    std::fs::read_to_string("/proc/thread-self/net/tcp")
}

/// In a namespace that lives as long as the thread that makes it.
fn read_elsewhere() -> std::io::Result<String> {
    let thread = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        read()
    });
    thread.join().unwrap_or_else(|_| Err(std::io::Error::other("the thread that reads it ended early")))
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …`, see `proc_pid_net(5)`.
fn row(line: &str) -> Option<SocketRow> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let end = |place: usize| {
        let (address, port) = fields.get(place)?.rsplit_once(':')?;
        // As the machine has it in memory, where it lies in the network's order.
        let address = Ipv4Addr::from(u32::from_str_radix(address, 16).ok()?.to_ne_bytes());
        Some((address.to_string(), u16::from_str_radix(port, 16).ok()?))
    };
    let ((local_address, local), (remote_address, remote)) = (end(1)?, end(2)?);
    Some(SocketRow {
        local_address,
        local,
        remote_address,
        remote,
        state: tcp_state(u32::from_str_radix(fields.get(3)?, 16).ok()?).to_owned(),
        inode: fields.get(9)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_the_kernel_writes_it() {
        let line =
            "   0: 0100007F:1F90 0200007F:A0E1 03 00000000:00000000 01:00000063 00000000     0        0 0 1 x 100";
        let is = row(line).unwrap();
        assert_eq!((is.local_address.as_str(), is.remote_address.as_str()), ("127.0.0.1", "127.0.0.2"));
        assert_eq!((is.state.as_str(), is.local, is.remote, is.inode), ("SYN_RECV", 8080, 41185, 0));
        assert!(row("  sl  local_address rem_address   st").is_none());
    }

    #[test]
    fn a_listener_is_seen_in_its_own_namespace() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let rows: Vec<_> = read().unwrap().lines().skip(1).filter_map(row).collect();
        assert!(rows.iter().any(|row| row.state == "LISTEN" && row.local == port));
    }
}
