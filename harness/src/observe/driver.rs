//! The driver: a process in namespaces of its own that starts the server and is its clients. It does what it is told, and
//! decides nothing.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::sched::{CloneFlags, CpuSet, sched_getaffinity, sched_setaffinity, setns};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, setsockopt, socket, sockopt};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use wakeproof_abi::Role;

use crate::cell::wait::Deadline;
use crate::cell::{fence, guardian, listeners, process, wait};

/// What the driver is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Start the server.
    Start {
        /// Its command line.
        command: Vec<String>,
        /// Of the run, for the fence.
        token: u64,
    },
    /// Make connections, one straight after the other; each then sends these bytes, if there are any, in one write.
    Connect {
        /// Their names.
        ids: Vec<u32>,
        /// Where to.
        port: u16,
        /// What to send at once.
        send: Vec<u8>,
        /// How often, by connection.
        repeat: Vec<usize>,
        /// Do it ahead of everything else that runs on this processor.
        ahead: Option<usize>,
    },
    /// Send bytes, so many times; what does not fit is reported, not waited for.
    Send {
        /// Which connections, one after the other.
        ids: Vec<u32>,
        /// What.
        bytes: Vec<u8>,
        /// How often.
        times: u32,
    },
    /// Read until each of the connections has its reply, or has ended.
    Receive {
        /// Which connections.
        ids: Vec<u32>,
        /// What a reply is.
        until: Until,
        /// How long to wait at most.
        millis: u64,
    },
    /// End one direction, or all.
    End {
        /// Which connections.
        ids: Vec<u32>,
        /// How.
        how: How,
    },
    /// Whether the server is still there.
    Alive,
    /// End everything.
    Stop,
}

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// `shutdown(SHUT_WR)`: nothing more will be sent, but the reply is still wanted.
    Half,
    /// `close` after everything was read.
    Close,
    /// `close` that sends a reset.
    Reset,
}

/// When replies are complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// So many bytes since the last send.
    Bytes(u64),
    /// So many times this text since the last send.
    Marks(Vec<u8>, u32),
    /// As many bytes as the last send has sent.
    Sent,
    /// The end of the connection.
    End,
}

/// What the driver answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done.
    Done,
    /// The connections that were to be made.
    Connected {
        /// The clients' ports; 0 where no connection could be made.
        ports: Vec<u16>,
        /// When all of them had sent what they were to send (`CLOCK_MONOTONIC`, nanoseconds).
        time: u64,
    },
    /// For each connection how many bytes were sent.
    Sent(Vec<u64>),
    /// For each connection what came.
    Got(Vec<Got>),
    /// How the server ended, if it did, and the end of what it has written to its standard error.
    Server {
        /// How it ended by itself.
        exit: Option<String>,
        /// The end of its standard error.
        stderr: String,
    },
    /// It could not be done.
    Failed(String),
}

/// What came on one connection since the last send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Got {
    /// How many bytes.
    pub bytes: u64,
    /// How many replies are complete.
    pub replies: u32,
    /// The end of the connection was seen.
    pub ended: bool,
    /// The first bytes.
    pub head: Vec<u8>,
}

/// The command that starts a driver: this program again.
pub fn command(network_of: Option<u32>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg("driver").arg("--harness").arg(std::process::id().to_string());
    if let Some(pid) = network_of {
        command.arg("--network-of").arg(pid.to_string());
    }
    command
}

/// Is a driver, until its input ends.
pub fn main(harness: u32, network_of: Option<u32>) -> anyhow::Result<()> {
    match network_of {
        None => drop(guardian::enter(Some(harness))?),
        Some(pid) => {
            process::die_with_parent()?;
            let path = format!("/proc/{pid}/ns/net");
            let network = File::open(&path).with_context(|| format!("failed to open {path}"))?;
            setns(network, CloneFlags::CLONE_NEWNET).context("failed to enter the server's network namespace")?;
        }
    }
    let mut driver = Driver::default();
    for line in io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?)?;
        let last = matches!(order, Order::Stop);
        let answer = driver.obey(order).unwrap_or_else(|error| Answer::Failed(format!("{error:#}")));
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        io::stdout().write_all(&line)?;
        if last {
            break;
        }
    }
    if network_of.is_none() {
        process::kill_descendants();
    }
    Ok(())
}

/// How long all connections together may take to be made, in milliseconds.
const CONNECT: u64 = 1500;

/// Where a connection to a port can be made: where somebody listens, or to the loopback if that is everywhere.
fn addresses(port: u16) -> Vec<IpAddr> {
    // A socket of IPv6 may serve both, and the machine have no address of IPv6.
    listeners::at(port).into_iter().map(listeners::reached).chain([Ipv4Addr::LOCALHOST.into()]).collect()
}

/// Begins a connection to the first address that can be reached.
fn begin(addresses: &[IpAddr], port: u16) -> Option<TcpStream> {
    let begin = |&ip: &IpAddr| {
        let address = SockaddrStorage::from(SocketAddr::new(ip, port));
        let family = if ip.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(family, SockType::Stream, flags, None).ok()?;
        match connect(socket.as_raw_fd(), &address) {
            Ok(()) | Err(Errno::EINPROGRESS) => Some(TcpStream::from(socket)),
            Err(_) => None,
        }
    };
    addresses.iter().find_map(begin)
}

/// Sets how this thread is scheduled. Whether that is allowed.
fn schedule(policy: i32, priority: i32) -> bool {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: it reads one structure that lives until the call returns.
    unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) == 0 }
}

/// As long as this thread runs with a real-time priority, nothing else does on its processor.
fn ahead_of_all<T>(processor: usize, act: impl FnOnce() -> T) -> T {
    let me = Pid::from_raw(0);
    let before = sched_getaffinity(me);
    let mut one = CpuSet::new();
    let _ = one.set(processor).and_then(|()| sched_setaffinity(me, &one));
    let first = schedule(libc::SCHED_FIFO, 1);
    let done = act();
    if first {
        schedule(libc::SCHED_OTHER, 0);
    }
    if let Ok(before) = before {
        let _ = sched_setaffinity(me, &before);
    }
    done
}

/// How much of each reply is kept.
const HEAD: usize = 4096;

struct Connection {
    stream: TcpStream,
    got: Vec<u8>,
    bytes: u64,
    /// Of the last send.
    sent: u64,
    ended: bool,
}

#[derive(Default)]
struct Driver {
    server: Option<(Child, File)>,
    connections: BTreeMap<u32, Connection>,
}

impl Driver {
    fn obey(&mut self, order: Order) -> anyhow::Result<Answer> {
        Ok(match order {
            Order::Start { command, token } => {
                self.start(&command, token)?;
                Answer::Done
            }
            Order::Connect { ids, port, send, repeat, ahead } => match ahead {
                Some(processor) => ahead_of_all(processor, || self.connect(&ids, port, &send, &repeat)),
                None => self.connect(&ids, port, &send, &repeat),
            },
            Order::Send { ids, bytes, times } => {
                Answer::Sent(ids.iter().map(|id| self.send(*id, &bytes, times)).collect())
            }
            Order::Receive { ids, until, millis } => Answer::Got(self.receive(&ids, &until, millis)?),
            Order::End { ids, how } => {
                for id in &ids {
                    self.end(*id, how);
                }
                Answer::Done
            }
            Order::Alive | Order::Stop => {
                let exit = self.server.as_mut().and_then(|(child, _)| child.try_wait().ok().flatten());
                Answer::Server { exit: exit.map(|status| status.to_string()), stderr: self.stderr() }
            }
        })
    }

    fn start(&mut self, line: &[String], token: u64) -> anyhow::Result<()> {
        use nix::sys::memfd::{MFdFlags, memfd_create};
        let Some((program, arguments)) = line.split_first() else { bail!("there is no command to start") };
        let said = File::from(memfd_create("output", MFdFlags::MFD_CLOEXEC)?);
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?);
        let prepare = move || {
            fence::join(Role::Server, token);
            Ok(())
        };
        // SAFETY: between fork and exec it makes one system call and nothing else.
        unsafe { command.pre_exec(prepare) };
        let child = command.spawn().with_context(|| format!("failed to start `{program}`"))?;
        self.server = Some((child, said));
        Ok(())
    }

    /// The end of what the server has said.
    fn stderr(&self) -> String {
        use std::os::unix::fs::FileExt as _;
        let Some((_, said)) = &self.server else { return String::new() };
        let length = said.metadata().map_or(0, |metadata| metadata.len());
        let start = length.saturating_sub(2048);
        let mut bytes = vec![0; usize::try_from(length - start).unwrap_or(0)];
        let read = said.read_at(&mut bytes, start).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..read]).trim().to_owned()
    }

    /// All are begun before any is waited for: a full accept queue answers one with silence, not with a refusal.
    fn connect(&mut self, ids: &[u32], port: u16, send: &[u8], repeat: &[usize]) -> Answer {
        let addresses = addresses(port);
        let begun: Vec<Option<TcpStream>> = ids.iter().map(|_| begin(&addresses, port)).collect();
        let deadline = Deadline::after(CONNECT);
        let mut ports = Vec::with_capacity(ids.len());
        for (id, stream) in ids.iter().zip(begun) {
            let made = stream.filter(|stream| {
                wait::until(stream.as_raw_fd(), libc::POLLOUT, &deadline).unwrap_or(false)
                    && matches!(stream.take_error(), Ok(None))
                    && stream.peer_addr().is_ok()
            });
            let Some(stream) = made else {
                ports.push(0);
                continue;
            };
            let _ = stream.set_nodelay(true);
            ports.push(stream.local_addr().map_or(0, |address| address.port()));
            self.connections.insert(*id, Connection { stream, got: Vec::new(), bytes: 0, sent: 0, ended: false });
        }
        if !send.is_empty() {
            for (id, times) in ids.iter().zip(repeat.iter().copied()) {
                self.send(*id, &send.repeat(times), 1);
            }
        }
        Answer::Connected { ports, time: wait::now() }
    }

    fn send(&mut self, id: u32, bytes: &[u8], times: u32) -> u64 {
        let Some(connection) = self.connections.get_mut(&id) else { return 0 };
        connection.got.clear();
        connection.bytes = 0;
        let mut sent = 0;
        for _ in 0..times {
            match connection.stream.write(bytes) {
                Ok(count) => sent += count as u64,
                Err(_) => break,
            }
        }
        connection.sent = sent;
        sent
    }

    fn receive(&mut self, ids: &[u32], until: &Until, millis: u64) -> anyhow::Result<Vec<Got>> {
        let deadline = Deadline::after(millis);
        loop {
            let mut open = Vec::new();
            for id in ids {
                if let Some(connection) = self.connections.get_mut(id) {
                    connection.take();
                    if !connection.complete(until) && !connection.ended {
                        open.push(connection.stream.as_raw_fd());
                    }
                }
            }
            if open.is_empty() || deadline.passed() {
                break;
            }
            wait::any(&open, libc::POLLIN, Some(deadline.left()))?;
        }
        Ok(ids.iter().map(|id| self.connections.get(id).map(|one| one.got(until)).unwrap_or_default()).collect())
    }

    fn end(&mut self, id: u32, how: How) {
        match how {
            How::Half => {
                if let Some(connection) = self.connections.get(&id) {
                    let _ = connection.stream.shutdown(Shutdown::Write);
                }
            }
            How::Close => {
                if let Some(mut connection) = self.connections.remove(&id) {
                    // Unread bytes would make a reset of it.
                    connection.take();
                }
            }
            How::Reset => {
                if let Some(connection) = self.connections.remove(&id) {
                    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
                    let _ = setsockopt(&connection.stream, sockopt::Linger, &at_once);
                }
            }
        }
    }
}

impl Connection {
    /// Takes what is there.
    fn take(&mut self) {
        let mut buffer = [0; 16_384];
        while !self.ended {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.bytes += count as u64;
                    let room = (64 * HEAD).saturating_sub(self.got.len());
                    self.got.extend_from_slice(&buffer[..count.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.ended = true,
            }
        }
    }

    fn replies(&self, until: &Until) -> u32 {
        match until {
            Until::Bytes(count) => u32::from(self.bytes >= *count),
            Until::Sent => u32::from(self.bytes >= self.sent),
            Until::Marks(mark, _) if !mark.is_empty() => {
                let found = self.got.windows(mark.len()).filter(|window| window == mark).count();
                u32::try_from(found).unwrap_or(u32::MAX)
            }
            Until::Marks(..) => 0,
            Until::End => u32::from(self.ended),
        }
    }

    fn complete(&self, until: &Until) -> bool {
        let wanted = if let Until::Marks(_, times) = until { *times } else { 1 };
        self.replies(until) >= wanted
    }

    fn got(&self, until: &Until) -> Got {
        let head = self.got[..self.got.len().min(HEAD)].to_vec();
        Got { bytes: self.bytes, replies: self.replies(until), ended: self.ended, head }
    }
}
