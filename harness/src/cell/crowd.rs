//! A crowd: clients that come a few hundred at a time, are each answered, and stay.
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::sockopt::{SocketError, TcpNoDelay};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, connect, getsockopt, recv, send, setsockopt, socket,
};
use nix::unistd::Pid;
use serde_json::json;

use super::failure::Failure;
use super::files::ports;
use super::names::Object;
use super::resources::{overflows, unacknowledged};
use super::run::Run;
use super::tasks;
use super::wait::{self, Deadline};
use crate::case::Crowd;
use crate::recording::Named;

/// How long nothing may happen before somebody looks whether anything still can: at least so long, and so many times as
/// long as the look takes.
const QUIET: Duration = Duration::from_millis(100);
const PATIENCE: u32 = 4;

/// What became of those that came.
#[derive(Clone, Copy, Debug, Default)]
struct Became {
    came: usize,
    served: usize,
    refused: usize,
    waiting: usize,
}

/// A client that has sent its byte.
struct Client {
    fd: OwnedFd,
    became: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Served,
    Refused,
}

/// Has so many clients come, for as long as they are served.
pub fn crowd(run: &mut Run, step: &Crowd) -> Result<(), Failure> {
    let room = step.within.as_ref().and_then(|room| run.kept(room)?["clients"].as_u64());
    let wanted = step.clients.size().min(room.and_then(|room| usize::try_from(room).ok()).unwrap_or(usize::MAX));
    let overflown = overflows()?;
    let mut became = Became::default();
    let mut stopped = "";
    while became.came < wanted && stopped.is_empty() {
        let deadline = run.deadline();
        let together = step.together.size().clamp(1, wanted - became.came);
        let more = format!("{} of {wanted} clients are served", became.served);
        let mut clients = Vec::with_capacity(together);
        while clients.len() < together {
            let Some(fd) = arrive(run, overflown, &deadline).map_err(|failure| failure.add(&more))? else {
                stopped = "the accept queue is full";
                break;
            };
            clients.push(Client { fd, became: None });
        }
        became.came += clients.len();
        let asleep = served(run, &mut clients, &deadline).map_err(|failure| failure.add(&more))?;
        let number = |end| clients.iter().filter(|client| client.became == end).count();
        became.served += number(Some(End::Served));
        became.refused += number(Some(End::Refused));
        became.waiting += number(None);
        if asleep {
            stopped = "every task of the server sleeps";
        } else if became.refused > 0 {
            stopped = "the server ends new connections";
        }
        for Client { fd, became } in clients {
            // A name that no case can write: nothing is asked of those that are not served.
            let name = if became == Some(End::Served) { step.name.clone() } else { format!("{} (left)", step.name) };
            let (client, server) = ports(&fd);
            let named = Named::Connection { client, server };
            run.names.add(&name, Object { named, fd: fd.as_raw_fd(), open: Some(fd) });
        }
    }
    let Became { came, served, refused, waiting } = became;
    let state = json!({
        "wanted": wanted, "came": came, "served": served, "refused": refused, "waiting": waiting, "stopped": stopped,
    });
    run.keep(&step.result, state);
    Ok(())
}

/// One more client connects and sends a byte. None: it found the accept queue full, which had been found so often before
/// the crowd came.
fn arrive(run: &mut Run, overflown: u64, deadline: &Deadline) -> Result<Option<OwnedFd>, Failure> {
    let Some(server) = &run.server else {
        return Err(Failure::Broken("this case has no server to connect to".to_owned()));
    };
    let address = SockaddrStorage::from(server.address);
    let family = if server.address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let failed = |errno| Failure::call(format!("connect to the server at {address}"), errno);
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(family, SockType::Stream, flags, None).map_err(failed)?;
    setsockopt(&fd, TcpNoDelay, &true).map_err(failed)?;
    match connect(fd.as_raw_fd(), &address) {
        Ok(()) => {}
        Err(Errno::EINPROGRESS) => {
            // A SYN that finds the accept queue full is dropped without an answer (net/ipv4/tcp_input.c:
            // tcp_conn_request), and counted.
            while !wait::any(&[fd.as_raw_fd()], libc::POLLOUT, Some(QUIET)).map_err(failed)? {
                if overflows()? > overflown {
                    return Ok(None);
                }
                if deadline.passed() {
                    let why = format!("no answer to the connection to {address} within {} ms", deadline.millis);
                    return Err(Failure::Timeout(why).add(&run.doings()));
                }
            }
            match getsockopt(&fd, SocketError).map_err(failed)? {
                0 => {}
                errno => return Err(failed(Errno::from_raw(errno)).add(&run.doings())),
            }
        }
        Err(errno) => return Err(failed(errno).add(&run.doings())),
    }
    match send(fd.as_raw_fd(), b".", MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT) {
        // One whom the server has refused by now finds that out when it waits for its answer.
        Ok(_) | Err(Errno::EPIPE | Errno::ECONNRESET) => Ok(Some(fd)),
        Err(errno) => Err(Failure::call("send to the server", errno).add(&run.doings())),
    }
}

/// Waits until it is known what becomes of each. True: the server sleeps, and some are not answered.
fn served(run: &mut Run, clients: &mut [Client], deadline: &Deadline) -> Result<bool, Failure> {
    let (mut asleep, mut quiet) = (false, QUIET);
    loop {
        let open: Vec<RawFd> =
            clients.iter().filter(|client| client.became.is_none()).map(|client| client.fd.as_raw_fd()).collect();
        if open.is_empty() {
            return Ok(false);
        }
        let ready = wait::ready(&open, libc::POLLIN, Some(if asleep { Duration::ZERO } else { quiet }))
            .map_err(|errno| Failure::call("wait for answers", errno))?;
        if !ready.is_empty() {
            clients.iter_mut().filter(|client| ready.contains(&client.fd.as_raw_fd())).for_each(Client::look);
            asleep = false;
        } else if asleep {
            // Nothing was under way when this look found no answer, and nothing of ours can wake it.
            return Ok(true);
        } else if deadline.passed() {
            let why = format!("{} clients had no answer within {} ms", open.len(), deadline.millis);
            return Err(Failure::Timeout(why).add(&run.doings()));
        } else {
            let began = Instant::now();
            asleep = is_quiet()?;
            quiet = QUIET.max(began.elapsed() * PATIENCE);
        }
    }
}

/// Waits until every task of the server sleeps and nothing is under way.
pub fn await_quiet(run: &mut Run, deadline: &Deadline) -> Result<(), Failure> {
    while !is_quiet()? {
        if deadline.passed() {
            let why = format!("waited {} ms for the server to sleep with no byte under way", deadline.millis);
            return Err(Failure::Timeout(why).add(&run.doings()));
        }
        wait::between_looks();
    }
    Ok(())
}

/// Whether every task of the server slept all the time while no byte was under way: then all that it was sent has reached
/// it, and all that it sent has arrived.
fn is_quiet() -> Result<bool, Failure> {
    // One file tells what is under way; the tasks have several files each.
    if unacknowledged()? > 0 {
        return Ok(false);
    }
    let me = Pid::this().as_raw();
    let before = tasks::below(me);
    Ok(before.iter().all(tasks::Task::rests) && unacknowledged()? == 0 && tasks::below(me) == before)
}

impl Client {
    fn look(&mut self) {
        let mut byte = [0];
        self.became = match recv(self.fd.as_raw_fd(), &mut byte, MsgFlags::MSG_DONTWAIT) {
            Ok(1..) => Some(End::Served),
            Err(Errno::EAGAIN | Errno::EINTR) => None,
            Ok(0) | Err(_) => Some(End::Refused),
        };
    }
}
