//! The load: phases that tell I/O models apart. It is short and bounded, and ends everything that it began.
mod flood;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::adapter::Adapter;
use super::calls;
use super::drive::Drive;
use super::driver::{Got, How, Until};
use super::observation::{Client, Observation, Phase};
use super::snapshot;
use super::watcher::Watcher;
use crate::cell::wait::{self, Deadline};

/// How many connections come at once.
const BURST: u32 = 24;
/// How many requests come one after another.
const REQUESTS: u32 = 20;
/// What one late reader asks back at most, in requests.
const LATE: u32 = 262_144;

/// How the load is to be.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The port, if it is not the first that is found.
    pub port: Option<u16>,
    /// The protocol, if it is not to be found out.
    pub adapter: Option<Adapter>,
    /// How long the server may take to listen, in milliseconds.
    pub start: u64,
    /// The server was started by us, so that its limits may be changed.
    pub ours: bool,
}

/// A load on its way.
pub struct Load<'a> {
    drive: &'a mut Drive,
    watcher: &'a mut Watcher,
    adapter: Adapter,
    port: u16,
    phases: Vec<Phase>,
    /// The server was started by us.
    ours: bool,
    /// How long a reply may take, in milliseconds; less once the server has shown that it does not answer.
    patience: u64,
}

/// Waits until the server listens: its port is seen in the table of sockets, nobody connects for it.
pub fn listening(drive: &mut Drive, watcher: &mut Watcher, wishes: &Wishes) -> anyhow::Result<u16> {
    let deadline = Deadline::after(wishes.start);
    loop {
        watcher.settle(200);
        let ports = snapshot::listening(&watcher.processes());
        match wishes.port {
            Some(port) if ports.contains(&port) => return Ok(port),
            None if !ports.is_empty() => return Ok(ports[0]),
            _ => {}
        }
        let (exit, said) = drive.server()?;
        let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
        if let Some(exit) = exit
            && watcher.processes().is_empty()
        {
            bail!("the server has ended ({exit}) before it listened{said}");
        }
        if deadline.passed() {
            let which = wishes.port.map_or("any TCP port".to_owned(), |port| format!("port {port}"));
            let elsewhere = match snapshot::elsewhere(&watcher.processes()).join(", ") {
                none if none.is_empty() => none,
                found => format!(", but on {found}; only TCP is followed"),
            };
            bail!("the server does not listen on {which} after {} ms{elsewhere}{said}", wishes.start);
        }
    }
}

/// Runs all phases. The observation has everything but what the caller knows of the server.
pub fn run(drive: &mut Drive, watcher: &mut Watcher, port: u16, wishes: &Wishes) -> anyhow::Result<Observation> {
    let mut load = Load {
        drive,
        watcher,
        adapter: Adapter::of_bytes("", None),
        port,
        phases: Vec::new(),
        ours: wishes.ours,
        patience: 1500,
    };
    load.phase("idle", |_| Ok(Vec::new()))?;
    load.adapter = match &wishes.adapter {
        Some(adapter) => adapter.clone(),
        None => load.detect()?,
    };
    load.silent_and_second()?;
    load.phase("split", Load::split)?;
    if !load.adapter.once {
        load.phase("pipeline", Load::pipeline)?;
    }
    load.count(true)?;
    load.phase("requests", Load::requests)?;
    load.count(false)?;
    let made = load.watcher.observer.made();
    let made = made.map_err(|why| anyhow::anyhow!("failed to read the counts of system calls: {why}"))?;
    load.phase("half-close", Load::half_close)?;
    load.phase("reset", Load::reset)?;
    load.burst()?;
    load.flood()?;
    if load.adapter.echoes() {
        load.phase("late-reader", Load::late)?;
    }
    if wishes.ours {
        load.many()?;
    }
    load.end();
    let Load { adapter, phases, .. } = load;
    Ok(Observation {
        protocol: Some(adapter.name),
        port,
        phases,
        made: made.into_iter().map(|(call, count)| (calls::name(call), count)).collect(),
        rests: std::mem::take(&mut watcher.rests),
        lost: watcher.observer.lost().unwrap_or(0),
        blind: watcher.observer.blind.clone(),
        events: watcher.finish(),
        ..Observation::default()
    })
}

/// Watches a server under the load that it has, and does nothing else. Of what a busy one does for every request, it takes
/// samples: each event costs the server a microsecond, and the thousandth request is like the first.
pub fn watch(watcher: &mut Watcher, time: Duration) -> anyhow::Result<Observation> {
    /// How often it is looked at meanwhile.
    const LOOKS: u32 = 5;
    /// How often the ring is read, which holds what a busy server does in a tenth of a second; and how long a sample is.
    const READ: Duration = Duration::from_millis(10);
    /// Whoever does less than this in such a time is slowed down by a few hundredths at most.
    const BUSY: usize = 500;
    /// How long a busy server is left alone between samples.
    const PASS: Duration = Duration::from_millis(190);
    let start = wait::now();
    watcher.rest("start", 50);
    for _ in 0..LOOKS {
        let part = Deadline::after(u64::try_from((time / LOOKS).as_millis()).unwrap_or(u64::MAX));
        let mut busy = false;
        while !part.passed() {
            std::thread::park_timeout(READ.min(part.left()));
            busy = watcher.drain() > BUSY;
            if busy {
                watcher.let_pass(|watcher| watcher.drain_for(PASS.min(part.left())))?;
            }
        }
        // Who is busy does not rest, and is not held up by being looked at.
        if busy {
            watcher.let_pass(|watcher| watcher.rest("watched", 50))?;
        } else {
            watcher.rest("watched", 50);
        }
    }
    let phases = vec![Phase { name: "watched".into(), start, end: wait::now(), clients: Vec::new() }];
    Ok(Observation {
        phases,
        rests: std::mem::take(&mut watcher.rests),
        lost: watcher.observer.lost().unwrap_or(0),
        unwatched: watcher.unwatched,
        blind: watcher.observer.blind.clone(),
        events: watcher.finish(),
        ..Observation::default()
    })
}

type Clients = anyhow::Result<Vec<Client>>;

impl Load<'_> {
    fn count(&mut self, on: bool) -> anyhow::Result<()> {
        let counting = self.watcher.observer.count(on);
        counting.map_err(|why| anyhow::anyhow!("failed to have system calls counted: {why}"))
    }

    /// One phase, with the rest after it.
    fn phase(&mut self, name: &str, act: impl FnOnce(&mut Self) -> Clients) -> anyhow::Result<()> {
        let start = wait::now();
        let clients = act(self).with_context(|| format!("in the phase `{name}` of the load"))?;
        self.watcher.rest(name, 300);
        if clients.iter().any(|client| client.asked > client.answered) {
            self.patience = 400;
        }
        self.phases.push(Phase { name: name.to_owned(), start, end: wait::now(), clients });
        Ok(())
    }

    /// A request on each of these connections, and its reply.
    fn ask(&mut self, connections: &[(u32, u16)], patience: u64) -> anyhow::Result<Vec<Client>> {
        let ids: Vec<u32> = connections.iter().map(|(id, _)| *id).collect();
        if !self.adapter.greets() {
            let request = self.adapter.request.bytes().to_vec();
            self.drive.send(&ids, &request, 1)?;
        }
        let got = self.drive.receive(&ids, self.adapter.until(1), patience)?;
        self.watcher.drain();
        Ok(connections.iter().zip(got).map(|((_, port), got)| self.client(*port, 1, &got)).collect())
    }

    fn client(&self, port: u16, asked: u32, got: &Got) -> Client {
        let wanted =
            if self.adapter.echoes() { self.adapter.request.bytes().len() as u64 * u64::from(asked) } else { 0 };
        let answered =
            if self.adapter.echoes() { if got.bytes >= wanted { asked } else { 0 } } else { got.replies.min(asked) };
        let missing = if got.bytes > 0 { wanted.saturating_sub(got.bytes) } else { 0 };
        Client { port, asked, answered, missing, ended: got.ended, sent: 0 }
    }

    fn close(&mut self, connections: &[(u32, u16)], how: How) -> anyhow::Result<()> {
        let ids: Vec<u32> = connections.iter().map(|(id, _)| *id).collect();
        self.drive.end(&ids, how)
    }

    /// A connection that says nothing, and beside it one that wants an answer.
    fn silent_and_second(&mut self) -> anyhow::Result<()> {
        let mut silent = Vec::new();
        self.phase("silent", |load| {
            silent = load.drive.connect(1, load.port, b"")?;
            Ok(vec![Client { port: silent[0].1, ..Client::default() }])
        })?;
        let mut second = Vec::new();
        let patience = self.patience.min(800);
        self.phase("second", |load| {
            second = load.drive.connect(1, load.port, b"")?;
            load.ask(&second, patience)
        })?;
        self.close(&silent, How::Close)?;
        let until = self.adapter.until(1);
        let starved = self.phases.last().is_some_and(|phase| phase.clients.iter().any(|client| client.answered == 0));
        if starved {
            let port = second[0].1;
            self.phase("first-gone", |load| {
                let got = load.drive.receive(&[second[0].0], until, load.patience)?;
                Ok(vec![load.client(port, 1, &got[0])])
            })?;
        }
        self.close(&second, How::Close)
    }

    /// A request in two parts.
    fn split(&mut self) -> Clients {
        let connections = self.drive.connect(1, self.port, b"")?;
        let request = self.adapter.request.bytes().to_vec();
        let clients = if request.len() < 2 {
            self.ask(&connections, self.patience)?
        } else {
            let (first, rest) = request.split_at(request.len() / 2);
            let id = connections[0].0;
            self.drive.send(&[id], first, 1)?;
            self.watcher.rest("split: first part", 100);
            let early = self.drive.receive(&[id], Until::Bytes(u64::MAX), 0)?[0].bytes;
            self.drive.send(&[id], rest, 1)?;
            // An echo sends each part back by itself.
            let until = if self.adapter.echoes() {
                Until::Bytes((request.len() as u64).saturating_sub(early))
            } else {
                self.adapter.until(1)
            };
            let mut got = self.drive.receive(&[id], until, self.patience)?;
            got[0].bytes += early;
            vec![self.client(connections[0].1, 1, &got[0])]
        };
        self.close(&connections, How::Close)?;
        Ok(clients)
    }

    /// Several requests at once.
    fn pipeline(&mut self) -> Clients {
        let connections = self.drive.connect(1, self.port, b"")?;
        let clients = if self.adapter.greets() {
            self.ask(&connections, self.patience)?
        } else {
            let request = self.adapter.request.bytes().repeat(4);
            self.drive.send(&[connections[0].0], &request, 1)?;
            let got = self.drive.receive(&[connections[0].0], self.adapter.until(4), self.patience)?;
            vec![self.client(connections[0].1, 4, &got[0])]
        };
        self.close(&connections, How::Close)?;
        Ok(clients)
    }

    /// Requests one after another: on one connection, or on one each if the server ends it.
    fn requests(&mut self) -> Clients {
        let mut clients: Vec<Client> = Vec::new();
        let mut connections = Vec::new();
        for _ in 0..REQUESTS {
            if connections.is_empty() {
                connections = self.drive.connect(1, self.port, b"")?;
                clients.push(Client { port: connections[0].1, ..Client::default() });
            }
            let client = self.ask(&connections, self.patience)?.remove(0);
            let sum = clients.last_mut().expect("there is one for the connection");
            sum.asked += client.asked;
            sum.answered += client.answered;
            if client.answered == 0 && !client.ended {
                break;
            }
            if self.adapter.once || client.ended {
                self.close(&connections, How::Close)?;
                connections.clear();
            }
        }
        self.close(&connections, How::Close)?;
        Ok(clients)
    }

    /// A client that has said all it will say, and waits for the reply.
    fn half_close(&mut self) -> Clients {
        let connections = self.drive.connect(1, self.port, b"")?;
        let id = connections[0].0;
        let request = self.adapter.request.bytes().to_vec();
        self.drive.send(&[id], &request, 1)?;
        self.drive.end(&[id], How::Half)?;
        let got = self.drive.receive(&[id], self.adapter.until(1), self.patience)?;
        self.watcher.rest("half-close: reply", 200);
        // Whether the server ends its side too.
        let end = self.drive.receive(&[id], Until::End, 300)?;
        let clients = vec![Client { ended: end[0].ended, ..self.client(connections[0].1, 1, &got[0]) }];
        self.close(&connections, How::Close)?;
        Ok(clients)
    }

    /// Clients that are torn off: one before it has said anything, one after its reply, one with bytes on their way.
    fn reset(&mut self) -> Clients {
        let mute = self.drive.connect(1, self.port, b"")?;
        self.watcher.settle(100);
        self.close(&mute, How::Reset)?;
        let served = self.drive.connect(1, self.port, b"")?;
        let clients = self.ask(&served, self.patience)?;
        self.close(&served, How::Reset)?;
        self.watcher.settle(100);
        Ok(clients)
    }

    /// Connections that are all there before the server runs, if it may be held back; each asks so often at once.
    fn before_it_runs(&mut self, request: &[u8], repeat: &[usize]) -> anyhow::Result<(Vec<(u32, u16)>, u64)> {
        let confined = if self.ours { self.watcher.confine() } else { None };
        let connected = self.drive.connect_as(repeat, self.port, request, confined.map(|(processor, _)| processor));
        if let Some((_, allowed)) = confined {
            self.watcher.release(&allowed);
        }
        connected
    }

    /// Many at once, each with a request; then a second request of those that were answered.
    fn burst(&mut self) -> anyhow::Result<()> {
        let mut open: Vec<(u32, u16)> = Vec::new();
        let mut answered = Vec::new();
        self.phase("burst", |load| {
            let request = load.adapter.request.bytes().to_vec();
            (open, _) = load.before_it_runs(&request, &[1; BURST as usize])?;
            let ids: Vec<u32> = open.iter().map(|(id, _)| *id).collect();
            let got = load.drive.receive(&ids, load.adapter.until(1), load.patience)?;
            let clients: Vec<Client> =
                open.iter().zip(&got).map(|((_, port), got)| load.client(*port, 1, got)).collect();
            answered = clients.iter().map(|client| client.answered > 0).collect();
            Ok(clients)
        })?;
        if !self.adapter.once {
            let again: Vec<(u32, u16)> = open
                .iter()
                .zip(&answered)
                .filter(|(_, answered)| **answered)
                .map(|(connection, _)| *connection)
                .collect();
            self.phase("again", |load| load.ask(&again, load.patience))?;
        }
        // Whoever was not served yet may be, once others have gone.
        let mut waiting: Vec<(u32, u16)> = Vec::new();
        for (connection, answered) in open.iter().zip(&answered) {
            if *answered {
                self.close(std::slice::from_ref(connection), How::Close)?;
            } else {
                waiting.push(*connection);
            }
        }
        let mut rounds = 0;
        while !waiting.is_empty() && rounds < BURST {
            rounds += 1;
            let ids: Vec<u32> = waiting.iter().map(|(id, _)| *id).collect();
            // One reply is enough to go on with: its connection is closed, and the next may be served.
            let got = self.drive.receive(&ids[..1], self.adapter.until(1), 200)?;
            let rest = self.drive.receive(&ids, self.adapter.until(1), 0)?;
            let done = |place: usize| if place == 0 { got[0].replies > 0 } else { rest[place].replies > 0 };
            let (served, still): (Vec<_>, Vec<_>) = waiting.iter().enumerate().partition(|(place, _)| done(*place));
            if served.is_empty() {
                break;
            }
            let served: Vec<(u32, u16)> = served.into_iter().map(|(_, connection)| *connection).collect();
            let still = still.into_iter().map(|(_, connection)| *connection).collect();
            self.close(&served, How::Close)?;
            waiting = still;
            self.watcher.drain();
        }
        let clients = waiting.iter().map(|(_, port)| Client { port: *port, asked: 1, ..Client::default() }).collect();
        self.phase("burst-over", |_| Ok(clients))?;
        self.close(&waiting, How::Close)
    }

    /// A client that sends much and reads late: the server's writes no longer fit.
    fn late(&mut self) -> Clients {
        let connections = self.drive.connect(1, self.port, b"")?;
        let (id, port) = connections[0];
        let request = self.adapter.request.bytes().to_vec();
        let chunk = request.repeat(256);
        let mut sent = 0;
        let mut stuck = 0;
        while sent < request.len() as u64 * u64::from(LATE) && stuck < 3 {
            let went = self.drive.send(&[id], &chunk, 64)?[0];
            stuck = if went == 0 { stuck + 1 } else { 0 };
            sent += went;
            self.watcher.settle(50);
        }
        self.watcher.rest("late-reader: full", 200);
        // The count of bytes begins anew with each send; all of them are still to be read.
        let mut got = self.drive.receive(&[id], Until::Bytes(sent), 1000)?;
        // As long as something comes, more may; whoever is that slow has lost nothing yet.
        let deadline = Deadline::after(6000);
        loop {
            let before = got[0].bytes;
            got = self.drive.receive(&[id], Until::Bytes(sent), 1000)?;
            if got[0].bytes == before || got[0].ended || got[0].bytes >= sent {
                break;
            }
            if deadline.passed() {
                got[0].bytes = sent;
                break;
            }
        }
        let clients = vec![Client {
            port,
            asked: 1,
            answered: u32::from(got[0].bytes == sent),
            missing: sent.saturating_sub(got[0].bytes),
            ended: got[0].ended,
            sent: 0,
        }];
        self.close(&connections, How::Close)?;
        Ok(clients)
    }

    /// More descriptors than an `fd_set` has room for, for servers that use one and may have as many.
    fn many(&mut self) -> anyhow::Result<()> {
        use nix::libc::{RLIMIT_NOFILE, prlimit, rlimit};
        let selects = self.watcher.events.iter().filter(|event| event.class() == Some(calls::Class::Select));
        let waits = self.watcher.events.iter().filter(|event| event.class() == Some(calls::Class::EpollWait));
        let members = |event: &super::observation::Event| matches!(&event.more, super::observation::More::Select(set) if set.len() > 1);
        if waits.count() > 0 || !selects.into_iter().any(members) {
            return Ok(());
        }
        for pid in self.watcher.processes() {
            let limit = rlimit { rlim_cur: 4096, rlim_max: 0 };
            let mut before = rlimit { rlim_cur: 0, rlim_max: 0 };
            let Ok(pid) = i32::try_from(pid) else { continue };
            // SAFETY: it reads and writes values that live until the call returns.
            unsafe {
                if prlimit(pid, RLIMIT_NOFILE, std::ptr::null(), &raw mut before) == 0 && before.rlim_max >= 4096 {
                    let limit = rlimit { rlim_max: before.rlim_max, ..limit };
                    prlimit(pid, RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut());
                }
            }
        }
        let mut open = Vec::new();
        self.phase("many", |load| {
            for _ in 0..11 {
                open.extend(load.drive.connect(100, load.port, b"")?);
                load.watcher.settle(200);
            }
            let last = open[open.len() - 1..].to_vec();
            load.ask(&last, load.patience)
        })?;
        self.close(&open, How::Close)
    }

    /// All clients are gone: what is left now stays.
    fn end(&mut self) {
        const CLOSED: [u8; 2] = [10, 7];
        let (start, port) = (wait::now(), self.port);
        // Some end idle connections by a timer only, most often of five seconds.
        self.watcher.until("gone", 8000, |rest| {
            let open = rest
                .sockets
                .iter()
                .any(|socket| socket.local == port && socket.inode != 0 && !CLOSED.contains(&socket.state));
            rest.zombies.is_empty() && !open
        });
        self.phases.push(Phase { name: "gone".into(), start, end: wait::now(), clients: Vec::new() });
    }

    /// Finds the protocol: by the program's name, by what the server says first, by its answer to a question.
    fn detect(&mut self) -> anyhow::Result<Adapter> {
        let adapters = Adapter::built_in();
        let names: Vec<String> = self
            .watcher
            .processes()
            .into_iter()
            .filter_map(|pid| std::fs::read_link(format!("/proc/{pid}/exe")).ok())
            .filter_map(|path| Path::new(&path).file_name()?.to_str().map(str::to_owned))
            .collect();
        let by_name = |adapter: &&Adapter| {
            adapter.programs.iter().any(|program| names.iter().any(|name| name.starts_with(program.as_str())))
        };
        if let Some(adapter) = adapters.iter().find(by_name) {
            return Ok(adapter.clone());
        }
        let mut found = None;
        self.phase("detect", |load| {
            let connection = load.drive.connect(1, load.port, b"")?;
            let ids = [connection[0].0];
            load.watcher.settle(100);
            let greeting = load.drive.receive(&ids, Until::Bytes(1), 150)?.remove(0).head;
            let head = if greeting.is_empty() {
                let question = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
                load.drive.send(&ids, question, 1)?;
                let head = load.drive.receive(&ids, Until::Bytes(1), 800)?.remove(0).head;
                if !head.is_empty() && question.starts_with(&head) {
                    found = adapters.iter().find(|adapter| adapter.echoes()).cloned();
                }
                head
            } else {
                greeting
            };
            load.close(&connection, How::Close)?;
            let known = |adapter: &&Adapter| adapter.known_by.iter().any(|start| head.starts_with(start.as_bytes()));
            found = found.take().or_else(|| adapters.iter().find(known).cloned());
            if found.is_none() {
                for adapter in adapters.iter().filter(|adapter| !adapter.greets() && !adapter.echoes()) {
                    let connection = load.drive.connect(1, load.port, adapter.request.bytes())?;
                    let got = load.drive.receive(&[connection[0].0], adapter.until(1), 200)?;
                    load.close(&connection, How::Close)?;
                    if got[0].replies > 0 {
                        found = Some(adapter.clone());
                        break;
                    }
                }
            }
            Ok(Vec::new())
        })?;
        let echo = || Adapter {
            name: "unknown".into(),
            ..adapters.iter().find(|adapter| adapter.echoes()).cloned().expect("one echoes")
        };
        Ok(found.unwrap_or_else(echo))
    }
}
