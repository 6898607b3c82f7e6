//! Before any case runs: what we read from kernel memory must be what we have put there.
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;

use nix::sys::epoll::{Epoll, EpollCreateFlags};
use wakeproof_abi::Role;

use super::probes::Probes;

/// `SOCK_STREAM`, as `sk->sk_type` has it.
const STREAM: u16 = 1;

/// Opens a socket and an epoll descriptor, finds both from the kernel's side, and compares. Returns `file->f_op` of epoll
/// descriptors, by which they are known from now on.
pub(super) fn run(probes: &mut Probes) -> Result<u64, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("failed to open a socket: {error}"))?;
    let port = listener.local_addr().map_err(|error| format!("failed to ask for a port: {error}"))?.port();
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
        .map_err(|errno| format!("failed to make an epoll descriptor: {errno}"))?;
    let own = std::process::id();
    probes.track(own, Role::Client)?;
    let walked = probes.walk();
    probes.forget_all()?;
    let items = walked?;
    let find = |fd: i32| items.iter().find(|item| item.tgid == own && item.fd.cast_signed() == fd);

    let socket = find(listener.as_raw_fd()).ok_or("the walk over open files did not find a socket of this process")?;
    if (socket.sock_type, socket.local) != (STREAM, port) {
        return Err(format!(
            "of a listening socket on port {port}, sk_type and skc_num read {} and {}, expected {STREAM} and {port}",
            socket.sock_type, socket.local
        ));
    }
    let epoll =
        find(epoll.0.as_raw_fd()).ok_or("the walk over open files did not find an epoll descriptor of this process")?;
    if epoll.ops == 0 || epoll.private == 0 {
        return Err("an epoll descriptor has no operations or no eventpoll behind it".into());
    }
    Ok(epoll.ops)
}
