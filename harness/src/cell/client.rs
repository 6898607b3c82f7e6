//! Clients of the server: connect, send, receive, and the ways to end.
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::{Linger, RcvBuf, SocketError, TcpNoDelay};
use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, SockaddrStorage, connect as connect_to, getsockopt, recv,
    send as send_some, setsockopt, shutdown, socket,
};

use super::call::Returned;
use super::failure::{Failure, name};
use super::files::ports;
use super::names::{Object, Place};
use super::run::Run;
use super::wait::{self, Deadline};
use super::wire;
use crate::case::{Connect, Number, Over, Receive, Send};
use crate::recording::Named;

/// Connects so many clients under one name.
pub fn connect(run: &mut Run, step: &Connect, deadline: &Deadline) -> Result<(), Failure> {
    for done in 0..step.times.0 {
        let more = if step.times.0 > 1 { format!("{done} of {} are connected", step.times.0) } else { String::new() };
        connect_one(run, &step.name, step.receive_buffer, step.over, deadline).map_err(|failure| failure.add(&more))?;
    }
    Ok(())
}

/// Connects one more client under a name.
pub fn connect_one(
    run: &mut Run,
    name: &str,
    receive_buffer: Option<Number>,
    over: Over,
    deadline: &Deadline,
) -> Result<(), Failure> {
    let Some(server) = &run.server else {
        return Err(Failure::Broken("this case has no server to connect to".to_owned()));
    };
    let mut address = server.address;
    if over == Over::Veth {
        address.set_ip(wire::HERE.into());
    }
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let address = SockaddrStorage::from(address);
    let failed = |errno| Failure::call(format!("connect to the server at {address}"), errno);
    let make = || socket(family, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None);
    let fd = match over {
        Over::Loopback => make(),
        Over::Veth => run
            .wire()?
            .at_far_end(make)
            .map_err(|error| Failure::Broken(format!("failed to enter the second network namespace: {error}")))?,
    }
    .map_err(failed)?;
    setsockopt(&fd, TcpNoDelay, &true).map_err(failed)?;
    if let Some(bytes) = receive_buffer {
        // Before the handshake, which tells the server how much there is room for.
        setsockopt(&fd, RcvBuf, &bytes.size()).map_err(failed)?;
    }
    match connect_to(fd.as_raw_fd(), &address) {
        Ok(()) => {}
        Err(Errno::EINPROGRESS) => {
            if !wait::until(fd.as_raw_fd(), libc::POLLOUT, deadline).map_err(failed)? {
                let why = format!("no answer to the connection to {address} within {} ms", deadline.millis);
                return Err(Failure::Timeout(why).add(&run.doings()));
            }
            match getsockopt(&fd, SocketError).map_err(failed)? {
                0 => {}
                errno => return Err(failed(Errno::from_raw(errno)).add(&run.doings())),
            }
        }
        Err(errno) => return Err(failed(errno).add(&run.doings())),
    }
    let (client, server) = ports(&fd);
    let object = Object { named: Named::Connection { client, server }, fd: fd.as_raw_fd(), open: Some(fd) };
    run.names.add(name, object);
    Ok(())
}

/// Sends so many bytes, on each connection of the name.
pub fn send(run: &mut Run, step: &Send, deadline: &Deadline) -> Result<(), Failure> {
    send_bytes(run, &step.on, &vec![b'.'; step.bytes.size()], deadline)
}

/// Sends these bytes, on each connection of the name.
pub(super) fn send_bytes(run: &mut Run, on: &str, bytes: &[u8], deadline: &Deadline) -> Result<(), Failure> {
    for place in run.names.find(on)? {
        let (fd, label) = (run.names.fd(place), run.names.label(place));
        let mut left = bytes;
        while !left.is_empty() {
            match send_some(fd, left, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT) {
                Ok(sent) => left = &left[sent..],
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    let sent = bytes.len() - left.len();
                    let why = format!(
                        "{sent} of {} bytes could be sent on {label} within {} ms",
                        bytes.len(),
                        deadline.millis
                    );
                    wait_for(run, fd, libc::POLLOUT, deadline, why)?;
                }
                Err(errno) => return Err(Failure::call(format!("send on {label}"), errno).add(&run.doings())),
            }
        }
    }
    Ok(())
}

pub(super) fn wait_for(
    run: &mut Run,
    fd: RawFd,
    events: i16,
    deadline: &Deadline,
    else_why: String,
) -> Result<(), Failure> {
    match wait::until(fd, events, deadline) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Timeout(else_why).add(&run.doings())),
        Err(errno) => Err(Failure::call("wait for a connection", errno)),
    }
}

/// What has been received of a stream.
#[derive(Debug, Default)]
struct Received {
    bytes: usize,
    eof: bool,
    /// The error that ended the stream.
    errno: Option<Errno>,
}

/// Takes what is there, up to a limit. Returns at the end of the stream, at the limit, or when nothing is left.
fn take(fd: RawFd, limit: usize, so_far: &mut Received) {
    let mut buffer = [0; 16 * 1024];
    while so_far.bytes < limit {
        let room = buffer.len().min(limit - so_far.bytes);
        match recv(fd, &mut buffer[..room], MsgFlags::MSG_DONTWAIT) {
            Ok(0) => {
                so_far.eof = true;
                return;
            }
            Ok(received) => so_far.bytes += received,
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return,
            Err(errno) => {
                so_far.errno = Some(errno);
                return;
            }
        }
    }
}

/// Receives, on each connection of the name.
pub fn receive(run: &mut Run, step: &Receive, deadline: &Deadline) -> Result<(), Failure> {
    for place in run.names.find(&step.on)? {
        match &step.name {
            Some(result) => receive_what_is_there(run, place, step, result)?,
            None => receive_exactly(run, place, step, deadline)?,
        }
    }
    Ok(())
}

/// A limit in bytes; 0 stands for the whole stream.
fn limit(step: &Receive) -> usize {
    if step.bytes.0 == 0 { usize::MAX } else { step.bytes.size() }
}

fn receive_what_is_there(run: &mut Run, place: Place, step: &Receive, result: &str) -> Result<(), Failure> {
    let mut received = Received::default();
    take(run.names.fd(place), limit(step), &mut received);
    let mut returned = match received.errno {
        Some(errno) => {
            errno.set();
            Returned::take(-1)
        }
        None => Returned::take(i64::try_from(received.bytes).unwrap_or(i64::MAX)),
    };
    returned.result.eof = received.eof;
    run.record("receive", Some(result), returned, None)
}

fn receive_exactly(run: &mut Run, place: Place, step: &Receive, deadline: &Deadline) -> Result<(), Failure> {
    let (fd, label, until_eof) = (run.names.fd(place), run.names.label(place), step.bytes.0 == 0);
    let mut received = Received::default();
    let wanted = if until_eof { "the end of the stream".to_owned() } else { format!("{} bytes", step.bytes.0) };
    loop {
        take(fd, limit(step), &mut received);
        let had = received.bytes;
        match received.errno {
            Some(errno) => {
                let why = format!("waited for {wanted} on {label}; after {had} bytes came {}", name(errno));
                return Err(Failure::Broken(why).add(&run.doings()));
            }
            None if received.eof && until_eof || had == limit(step) => return Ok(()),
            None if received.eof => {
                let why = format!("waited for {wanted} on {label}; the stream ended after {had}");
                return Err(Failure::Broken(why).add(&run.doings()));
            }
            None => {}
        }
        let why = format!("waited {} ms for {wanted} on {label}; {had} bytes have arrived", deadline.millis);
        wait_for(run, fd, libc::POLLIN, deadline, why)?;
    }
}

/// Receives one byte back.
pub fn receive_echo(run: &mut Run, label: &str, deadline: &Deadline) -> Result<(), Failure> {
    receive(run, &Receive { on: label.to_owned(), bytes: crate::case::Number(1), name: None }, deadline)
}

/// Says on each connection of the name that no more will be sent.
pub fn half_close(run: &mut Run, on: &str) -> Result<(), Failure> {
    for place in run.names.find(on)? {
        let failed = |errno| Failure::call(format!("shut down {}", run.names.label(place)), errno);
        shutdown(run.names.fd(place), Shutdown::Write).map_err(failed)?;
    }
    Ok(())
}

/// Resets each connection of the name.
pub fn reset(run: &mut Run, on: &str) -> Result<(), Failure> {
    for place in run.names.find(on)? {
        let label = run.names.label(place);
        let Some(fd) = run.names.at(place).open.take() else {
            return Err(Failure::Broken(format!("{label} is closed already")));
        };
        abort(fd).map_err(|errno| Failure::call(format!("reset {label}"), errno))?;
    }
    Ok(())
}

/// Closes without lingering: what is unsent is dropped and the peer gets RST (net/ipv4/tcp.c: `__tcp_close`).
fn abort(fd: OwnedFd) -> nix::Result<()> {
    setsockopt(&fd, Linger, &libc::linger { l_onoff: 1, l_linger: 0 })?;
    nix::unistd::close(fd)
}
