//! The names in steps.
use super::Walk;
use super::table::{FILES, Kind, MEMORY};
use crate::case::{Asleep, Await, Connect, EpollControl, Filter, Pages, Step, WatchTarget};

impl Walk<'_> {
    pub(super) fn steps(&mut self, steps: &[Step]) {
        for (index, step) in steps.iter().enumerate() {
            self.within(index.to_string(), |walk| walk.step(step, 1));
        }
    }

    /// One step, made by so many at once.
    fn step(&mut self, step: &Step, actors: u64) {
        let Some(word) = word(step) else { return };
        if matches!(
            step,
            Step::Connect(Connect { to: None, .. })
                | Step::Sentinel
                | Step::Crowd(_)
                | Step::Resources(_)
                | Step::Stop(_)
                | Step::Continue(_)
                | Step::Await(Await::Asleep(Asleep::Server) | Await::Quiet(_))
        ) && !self.server
        {
            self.wrong("this needs a server", "the case has none");
        }
        self.within(word, |walk| match step {
            Step::Connect(connect) => match &connect.to {
                None if connect.nonblock => walk.within("nonblock", |walk| {
                    walk.wrong("clients of the server wait for their connections", "expected `to`, too");
                }),
                None => walk.name("as", &connect.name, Kind::Connection, connect.times.0),
                Some(listener) => {
                    walk.refer("to", listener, &[Kind::Descriptor]);
                    walk.name("as", &connect.name, Kind::Descriptor, connect.times.0);
                    if let Some(result) = &connect.result {
                        walk.name("result", result, Kind::Result, connect.times.0);
                    }
                }
            },
            Step::Send(send) => walk.refer("on", &send.on, &[Kind::Connection]),
            Step::Receive(receive) => {
                walk.refer("on", &receive.on, &[Kind::Connection]);
                let times = walk.names.times(&receive.on);
                walk.result(receive.name.as_ref(), times.saturating_mul(actors));
            }
            Step::Request(request) => walk.refer("on", &request.on, &[Kind::Connection]),
            Step::Reply(reply) => {
                walk.refer("on", &reply.on, &[Kind::Connection]);
                let times = walk.names.times(&reply.on);
                walk.result(reply.name.as_ref(), times.saturating_mul(actors));
            }
            Step::HalfClose(of) | Step::Reset(of) => walk.refer("", of, &[Kind::Connection, Kind::Descriptor]),
            Step::Await(Await::Event(event)) => {
                walk.within("event", |walk| {
                    walk.within("only", |walk| {
                        walk.filter(&event.only);
                        if event.only.until.is_some() {
                            walk.within("until", |walk| {
                                walk.wrong("what is awaited is still to come", "only a measure ends at a mark");
                            });
                        }
                    });
                });
            }
            Step::Await(Await::Asleep(Asleep::Actor(actor))) => {
                walk.within("asleep", |walk| walk.refer("actor", actor, &[Kind::Actor]));
            }
            Step::Await(Await::Returned(actor)) => walk.refer("returned", actor, &[Kind::Actor]),
            Step::Mark(name) => walk.name("", name, Kind::Mark, 1),
            Step::Repeat(repeat) => {
                let before = std::mem::replace(&mut walk.repeated, true);
                walk.within("steps", |walk| walk.steps(&repeat.steps));
                walk.repeated = before;
            }
            Step::Start(start) => {
                walk.name("actor", &start.actor, Kind::Actor, start.times.0);
                let actors = actors.saturating_mul(start.times.0);
                walk.within("first", |walk| {
                    for (index, call) in start.first.iter().enumerate() {
                        walk.within(index.to_string(), |walk| walk.by_actor(call, actors));
                    }
                });
                walk.within("call", |walk| walk.by_actor(&start.call, actors));
            }
            Step::Watch(watch) => {
                walk.name("as", &watch.name, Kind::Watch, 1);
                walk.within("word", |walk| match &watch.word {
                    WatchTarget::ReadyList(server) if server == "server" && walk.server => {}
                    WatchTarget::ReadyList(epoll) => walk.refer("ready_list", epoll, &[Kind::Epoll]),
                    WatchTarget::WaitQueue(socket) => walk.refer("wait_queue", socket, &[Kind::Descriptor]),
                    WatchTarget::ReceiveQueue(socket) => {
                        walk.refer("receive_queue", socket, &[Kind::Descriptor, Kind::Connection]);
                    }
                    WatchTarget::Buffer(buffer) => walk.refer("buffer", buffer, MEMORY),
                });
            }
            Step::Inspect(inspect) => {
                let kind = walk.within("state", |walk| walk.inspected(&inspect.state));
                walk.name("as", &inspect.name, kind, 1);
            }
            Step::Room(_) | Step::Crowd(_) | Step::Resources(_) => walk.crowded(step),
            Step::Eventfd(made) | Step::RegularFile(made) => walk.name("as", &made.name, Kind::Descriptor, 1),
            Step::Timerfd(timer) => walk.name("as", &timer.name, Kind::Descriptor, 1),
            Step::Socketpair(ends) | Step::Pipe(ends) | Step::Fifo(ends) | Step::Pty(ends) => {
                walk.ends(&ends.names, ends.times.0);
            }
            Step::TcpPair(ends) | Step::UdpPair(ends) => walk.ends(&ends.names, ends.times.0),
            _ => walk.call(step, actors),
        });
    }

    /// What has to do with many clients.
    fn crowded(&mut self, step: &Step) {
        match step {
            Step::Room(room) => self.name("as", &room.name, Kind::Room, 1),
            Step::Crowd(crowd) => {
                if let Some(room) = &crowd.within {
                    self.refer("within", room, &[Kind::Room]);
                }
                self.name("as", &crowd.name, Kind::Connection, crowd.clients.0);
                self.name("result", &crowd.result, Kind::Crowd, 1);
            }
            Step::Resources(resources) => self.name("as", &resources.name, Kind::Resources, 1),
            _ => {}
        }
    }

    fn ends(&mut self, names: &[String; 2], times: u64) {
        self.within("as", |walk| {
            for (index, name) in names.iter().enumerate() {
                walk.name(&index.to_string(), name, Kind::Descriptor, times);
            }
        });
    }

    /// A system call of the script.
    fn call(&mut self, step: &Step, actors: u64) {
        match step {
            Step::Dup(dup) => {
                self.refer("of", &dup.of, FILES);
                let times = self.names.times(&dup.of);
                self.name("as", &dup.name, Kind::Descriptor, times);
            }
            Step::EpollCreate(_)
            | Step::EpollCtl(_)
            | Step::EpollWait(_)
            | Step::Select(_)
            | Step::Poll(_)
            | Step::MmapEpoll(_)
            | Step::IoUring(_) => self.multiplexing(step, actors),
            Step::Read(transfer) | Step::Write(transfer) => {
                self.refer("on", &transfer.on, FILES);
                let times = self.names.times(&transfer.on);
                self.result(transfer.name.as_ref(), times.saturating_mul(actors));
            }
            Step::Close(of) | Step::Nonblock(of) => self.refer("", of, FILES),
            Step::Listen(listen) => self.name("as", &listen.name, Kind::Descriptor, 1),
            Step::Accept(accept) => self.accept(accept, actors),
            Step::Fionread(asked) => {
                self.refer("on", &asked.on, FILES);
                let times = self.names.times(&asked.on);
                self.result(asked.name.as_ref(), times.saturating_mul(actors));
            }
            Step::Inject(inject) => self.refer("to", &inject.to, &[Kind::Descriptor]),
            Step::Reopen(_)
            | Step::Limit(_)
            | Step::DupUntilRefused(_)
            | Step::Dup2(_)
            | Step::Kcmp(_)
            | Step::AttachFilter(_)
            | Step::DetachFilter(_) => self.descriptors(step, actors),
            Step::Snmp(snmp) => self.result(Some(&snmp.name), actors),
            Step::Compute(compute) => self.result(compute.name.as_ref(), actors),
            Step::CpuTime(time) => {
                self.refer("of", &time.of, &[Kind::Actor]);
                self.result(Some(&time.name), actors);
            }
            Step::Peek(peek) => {
                self.refer("of", &peek.of, &[Kind::Buffer]);
                self.result(Some(&peek.name), actors);
            }
            Step::Touch(touch) => self.pages(&touch.of),
            Step::Pagemap(pagemap) => {
                self.pages(&pagemap.of);
                self.refer("with", &pagemap.with, &[Kind::Actor]);
                self.result(Some(&pagemap.name), actors);
            }
            Step::Maps(maps) => {
                if maps.with != "server" || !self.server {
                    self.refer("with", &maps.with, &[Kind::Actor]);
                }
                self.result(Some(&maps.name), actors);
            }
            Step::PingPong(game) => self.result(Some(&game.name), actors),
            Step::Buffer(buffer) => self.name("as", &buffer.name, Kind::Buffer, 1),
            other => self.network(other, actors),
        }
    }

    /// A system call that watches many descriptors.
    fn multiplexing(&mut self, step: &Step, actors: u64) {
        match step {
            Step::EpollCreate(epoll) => self.name("as", &epoll.name, Kind::Epoll, 1),
            Step::EpollCtl(control) => self.control(control, actors),
            Step::EpollWait(wait) => {
                self.refer("ep", &wait.ep, &[Kind::Epoll]);
                self.buffer(wait.buffer.as_ref());
                self.result(wait.name.as_ref(), actors);
            }
            Step::Select(select) => {
                for (key, names) in [("read", &select.read), ("write", &select.write)] {
                    self.within(key, |walk| {
                        for (index, name) in names.iter().enumerate() {
                            walk.refer(&index.to_string(), name, FILES);
                        }
                    });
                }
                self.buffer(select.buffer.as_ref());
                if select.reuse && select.buffer.is_none() {
                    self.within("reuse", |walk| walk.wrong("there is no set to use again", "expected `buffer`, too"));
                }
                self.result(select.name.as_ref(), actors);
            }
            Step::Poll(poll) => {
                self.within("fds", |walk| {
                    for (index, entry) in poll.fds.iter().enumerate() {
                        walk.within(index.to_string(), |walk| walk.refer("fd", &entry.fd, FILES));
                    }
                });
                self.buffer(poll.buffer.as_ref());
                self.result(poll.name.as_ref(), actors);
            }
            Step::MmapEpoll(map) => {
                self.refer("of", &map.of, &[Kind::Epoll]);
                self.result(Some(&map.name), actors);
            }
            Step::IoUring(ring) => {
                self.refer("on", &ring.on, FILES);
                self.name("ring", &ring.ring, Kind::Ring, 1);
                self.result(Some(&ring.name), actors);
            }
            _ => {}
        }
    }

    fn by_actor(&mut self, call: &Step, actors: u64) {
        if is_call(call) {
            self.step(call, actors);
        } else {
            self.wrong("an actor cannot do this", "expected a system call of the script");
        }
    }

    fn pages(&mut self, pages: &Pages) {
        if let Pages::Buffer(buffer) = pages {
            self.within("of", |walk| walk.refer("buffer", buffer, &[Kind::Buffer]));
        }
    }

    fn control(&mut self, control: &EpollControl, actors: u64) {
        self.refer("ep", &control.ep, &[Kind::Epoll]);
        let given: Vec<(&str, &String)> =
            [("add", &control.add), ("modify", &control.modify), ("delete", &control.delete)]
                .into_iter()
                .filter_map(|(key, name)| Some((key, name.as_ref()?)))
                .collect();
        for (key, name) in &given {
            self.refer(key, name, FILES);
        }
        if given.len() != 1 {
            self.wrong(
                format!("`epoll_ctl` does {} things", given.len()),
                "expected exactly one of `add`, `modify` and `delete`",
            );
        }
        self.buffer(control.buffer.as_ref());
        let times = given.first().map_or(1, |(_, name)| self.names.times(name));
        self.result(control.name.as_ref(), times.saturating_mul(actors));
    }

    fn buffer(&mut self, name: Option<&String>) {
        if let Some(name) = name {
            self.refer("buffer", name, &[Kind::Buffer]);
        }
    }

    pub(super) fn result(&mut self, name: Option<&String>, times: u64) {
        if let Some(name) = name {
            self.name("as", name, Kind::Result, times);
        }
    }

    pub(super) fn filter(&mut self, only: &Filter) {
        for (key, name) in [("on", &only.on), ("reports", &only.reports)] {
            if let Some(name) = name {
                self.refer(key, name, FILES);
            }
        }
        self.by(only.by.as_ref(), &[]);
        if let Some(actor) = &only.wakes {
            self.refer("wakes", actor, &[Kind::Actor]);
        }
        self.marks(only.from.as_ref(), only.until.as_ref());
    }

    pub(super) fn by(&mut self, by: Option<&String>, others: &[&str]) {
        match by.map(String::as_str) {
            None | Some("client") => {}
            Some("server") if self.server => {}
            Some("server") => self.within("by", |walk| walk.wrong("this needs a server", "the case has none")),
            Some(other) if others.contains(&other) => {}
            Some(actor) => self.refer("by", actor, &[Kind::Actor]),
        }
    }

    pub(super) fn marks(&mut self, from: Option<&String>, until: Option<&String>) {
        for (key, name) in [("from", from), ("until", until)] {
            if let Some(name) = name.filter(|name| !Kind::Mark.reserved().contains(&name.as_str())) {
                self.refer(key, name, &[Kind::Mark]);
            }
        }
    }
}

/// The word that a case file has for a step.
fn word(step: &Step) -> Option<String> {
    match serde_json::to_value(step).ok()? {
        serde_json::Value::Object(object) => object.keys().next().cloned(),
        serde_json::Value::String(word) => Some(word),
        _ => None,
    }
}

fn is_call(step: &Step) -> bool {
    matches!(
        step,
        Step::EpollCtl(_)
            | Step::EpollWait(_)
            | Step::Select(_)
            | Step::Compute(_)
            | Step::Poll(_)
            | Step::Read(_)
            | Step::Write(_)
            | Step::Accept(_)
            | Step::ConnectOn(_)
            | Step::Close(_)
            | Step::Touch(_)
            | Step::MmapEpoll(_)
            | Step::IoUring(_)
    )
}
