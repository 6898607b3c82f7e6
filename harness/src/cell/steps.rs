//! The steps: which file makes which, and where a run stopped.
use super::call::Call;
use super::failure::Failure;
use super::protocol::{Object, Say, Socket, Word};
use super::run::Run;
use super::wait::{Deadline, now};
use super::{
    client, compare, crowd, epoll, exchange, files, filter, inject, kinds, machine, memory, nofile, options, pause,
    ping_pong, poll, resources, ring, select, settings, socket, sockets,
};
use crate::case::{
    Accept, Asleep, Await, AwaitEvent, EventName, Filter, Inspect, Inspected, Repeat, Step, WatchStep, WatchTarget,
    Whom,
};
use crate::recording::Named;

/// Where and why a run stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The phase, or the step: `steps[2].repeat[1]: write`.
    pub step: String,
    /// Why.
    pub failure: Failure,
}

impl Stop {
    /// For `map_err` in a phase.
    pub fn at(phase: &str) -> impl FnOnce(Failure) -> Self {
        move |failure| Self { step: phase.to_owned(), failure }
    }
}

/// What a step is called in messages.
fn label(step: &Step) -> String {
    let word = match step {
        Step::Connect(_) => "connect",
        Step::Send(_) => "send",
        Step::Receive(_) => "receive",
        Step::Request(_) => "request",
        Step::Reply(_) => "reply",
        Step::HalfClose(_) => "half_close",
        Step::Reset(_) => "reset",
        Step::Await(Await::Event(event)) => return format!("await {}", event_name(event.of)),
        Step::Await(Await::Asleep(Asleep::Server)) => "await asleep server",
        Step::Await(Await::Asleep(Asleep::Actor(actor))) => return format!("await asleep {actor}"),
        Step::Await(Await::Quiet(Whom::Server)) => "await quiet server",
        Step::Await(Await::Returned(actor)) => return format!("await returned {actor}"),
        Step::Mark(_) => "mark",
        Step::Sentinel => "sentinel",
        Step::Stop(Whom::Server) => "stop server",
        Step::Continue(Whom::Server) => "continue server",
        Step::Repeat(_) => "repeat",
        Step::Start(start) => return format!("start {}", start.actor),
        Step::Watch(_) => "watch",
        Step::Inspect(_) => "inspect",
        Step::Room(_) => "room",
        Step::Crowd(_) => "crowd",
        Step::Resources(_) => "resources",
        Step::Socketpair(_) => "socketpair",
        Step::TcpPair(_) => "tcp_pair",
        Step::UdpPair(_) => "udp_pair",
        Step::Listen(_) => "listen",
        Step::Accept(_) => "accept",
        Step::Socket(_) => "socket",
        Step::Bind(_) => "bind",
        Step::ListenOn(_) => "listen_on",
        Step::ConnectOn(_) => "connect_on",
        Step::SetOption(_) => "set_option",
        Step::GetOption(_) => "get_option",
        Step::DropIncoming(_) => "drop_incoming",
        Step::Sysctl(_) => "sysctl",
        Step::AddAddress(_) => "add_address",
        Step::ProcNetTcp(_) => "proc_net_tcp",
        Step::Nonblock(_) => "nonblock",
        Step::Inject(_) => "inject",
        Step::Fionread(_) => "fionread",
        Step::Snmp(_) => "snmp",
        Step::Peek(_) => "peek",
        Step::Compute(_) => "compute",
        Step::CpuTime(_) => "cpu_time",
        Step::Pipe(_) => "pipe",
        Step::Fifo(_) => "fifo",
        Step::Pty(_) => "pty",
        Step::Eventfd(_) => "eventfd",
        Step::Timerfd(_) => "timerfd",
        Step::RegularFile(_) => "regular_file",
        Step::Dup(_) => "dup",
        Step::Reopen(_) => "reopen",
        Step::Kcmp(_) => "kcmp",
        Step::AttachFilter(_) => "attach_filter",
        Step::DetachFilter(_) => "detach_filter",
        Step::EpollCreate(_) => "epoll_create",
        Step::EpollCtl(_) => "epoll_ctl",
        Step::EpollWait(_) => "epoll_wait",
        Step::Select(_) => "select",
        Step::Poll(_) => "poll",
        Step::Read(_) => "read",
        Step::Write(_) => "write",
        Step::Close(_) => "close",
        Step::Limit(_) => "limit",
        Step::DupUntilRefused(_) => "dup_until_refused",
        Step::Dup2(_) => "dup2",
        Step::DropCapability(_) => "drop_capability",
        Step::Buffer(_) => "buffer",
        Step::Touch(_) => "touch",
        Step::Pagemap(_) => "pagemap",
        Step::Maps(_) => "maps",
        Step::PingPong(_) => "ping_pong",
        Step::MmapEpoll(_) => "mmap_epoll",
        Step::IoUring(_) => "io_uring",
    };
    word.to_owned()
}

fn event_name(name: EventName) -> String {
    serde_json::to_value(name).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Whether a step does something that events can follow from. Receiving is not: the server's part in it is over.
fn acts(step: &Step) -> bool {
    !matches!(
        step,
        Step::Await(_)
            | Step::Mark(_)
            | Step::Receive(_)
            | Step::Reply(_)
            | Step::Watch(_)
            | Step::Inspect(_)
            | Step::Room(_)
            | Step::Resources(_)
            | Step::Buffer(_)
            | Step::Snmp(_)
            | Step::GetOption(_)
            | Step::ProcNetTcp(_)
            | Step::Peek(_)
            | Step::CpuTime(_)
            | Step::Kcmp(_)
            | Step::Pagemap(_)
            | Step::Maps(_)
            | Step::Repeat(_)
    )
}

impl Run<'_> {
    /// Makes all steps of a case.
    pub fn steps(&mut self, steps: &[Step]) -> Result<(), Stop> {
        self.list(steps).map_err(|stop| Stop { step: format!("steps{}", stop.step), ..stop })
    }

    fn list(&mut self, steps: &[Step]) -> Result<(), Stop> {
        for (index, step) in steps.iter().enumerate() {
            if acts(step) {
                self.since = now();
            }
            if let Step::Repeat(repeat) = step {
                self.repeat(repeat).map_err(|stop| Stop { step: format!("[{index}].repeat{}", stop.step), ..stop })?;
            } else {
                let deadline = self.deadline();
                self.step(step, &deadline)
                    .map_err(|failure| Stop { step: format!("[{index}]: {}", label(step)), failure })?;
            }
        }
        Ok(())
    }

    /// As a step of its own list, a repetition began when its first round did: what is awaited behind it can have
    /// happened in any round.
    fn repeat(&mut self, repeat: &Repeat) -> Result<(), Stop> {
        let (began, before) = (now(), self.since);
        for round in 1..=repeat.times.0 {
            let more = format!("in round {round} of {}", repeat.times.0);
            self.list(&repeat.steps).map_err(|stop| Stop { failure: stop.failure.add(&more), ..stop })?;
        }
        if self.since != before {
            self.since = began;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, deadline: &Deadline) -> Result<(), Failure> {
        match step {
            Step::Connect(step) => match &step.to {
                None => client::connect(self, step, deadline),
                Some(listener) => sockets::connect(self, step, listener),
            },
            Step::Send(step) => client::send(self, step, deadline),
            Step::Receive(step) => client::receive(self, step, deadline),
            Step::Request(step) => exchange::request(self, step, deadline),
            Step::Reply(step) => exchange::reply(self, step, deadline),
            Step::HalfClose(on) => client::half_close(self, on),
            Step::Reset(on) => client::reset(self, on),
            Step::Await(what) => self.wait(what, deadline),
            Step::Mark(name) => {
                self.mark(name);
                Ok(())
            }
            Step::Sentinel => self.sentinel(deadline),
            Step::Stop(Whom::Server) => pause::stop(deadline),
            Step::Continue(Whom::Server) => pause::go_on(),
            Step::Repeat(repeat) => self.repeat(repeat).map_err(|stop| stop.failure),
            Step::Start(step) => self.start(step, deadline),
            Step::Watch(step) => self.watch(step),
            Step::Inspect(step) => self.inspect(step),
            Step::Room(step) => machine::room(self, step),
            Step::Crowd(step) => crowd::crowd(self, step),
            Step::Resources(step) => resources::resources(self, step),
            Step::Socketpair(step) => files::make_socketpairs(self, step),
            Step::TcpPair(step) => files::make_tcp_pairs(self, step),
            Step::UdpPair(step) => sockets::make_udp_pairs(self, step),
            Step::Listen(step) => sockets::listen(self, step),
            Step::Accept(Accept { on, into: Some(into), name }) => socket::accept_into(self, on, into, name.as_deref()),
            Step::Socket(step) => socket::make(self, step),
            Step::SetOption(step) => options::set(self, step),
            Step::DropIncoming(name) => options::drop_incoming(self, name),
            Step::Sysctl(step) => settings::sysctl(self, step),
            Step::AddAddress(step) => settings::add_address(self, step),
            Step::Nonblock(name) => sockets::nonblock(self, name),
            Step::Inject(step) => inject::inject(self, step),
            Step::Pipe(step) => files::make_pipes(self, step),
            Step::Fifo(step) => kinds::make_fifos(self, step),
            Step::Pty(step) => kinds::make_ptys(self, step),
            Step::Eventfd(step) => kinds::make_eventfd(self, step),
            Step::Timerfd(step) => kinds::make_timerfd(self, step),
            Step::RegularFile(step) => kinds::make_regular_file(self, step),
            Step::Dup(step) => files::duplicate(self, step),
            Step::Reopen(step) => files::reopen(self, step),
            Step::AttachFilter(step) => filter::attach(self, step),
            Step::DetachFilter(name) => filter::detach(self, name),
            Step::EpollCreate(step) => epoll::create(self, step),
            Step::DropCapability(capability) => nofile::drop_capability(*capability),
            Step::Buffer(step) => self.buffers.add(step),
            Step::IoUring(step) => ring::poll(self, step, deadline),
            call => {
                let calls = self.prepare(call)?;
                self.perform(calls)?;
                socket::told(self, call)
            }
        }
    }

    /// Looks up everything that a system call needs, so that any thread can make it.
    pub fn prepare(&mut self, step: &Step) -> Result<Vec<Call>, Failure> {
        match step {
            Step::EpollCtl(step) => epoll::control(self, step),
            Step::EpollWait(step) => epoll::wait(self, step).map(|call| vec![call]),
            Step::Select(step) => select::select(self, step).map(|call| vec![call]),
            Step::Poll(step) => poll::poll(self, step).map(|call| vec![call]),
            Step::Read(step) => files::read(self, step),
            Step::Write(step) => files::write(self, step),
            Step::Accept(step) => sockets::accept(self, step),
            Step::Bind(step) => socket::bind(self, step),
            Step::ListenOn(step) => socket::listen(self, step),
            Step::ConnectOn(step) => socket::connect(self, step),
            Step::GetOption(step) => options::get(self, step).map(|call| vec![call]),
            Step::ProcNetTcp(step) => Ok(vec![settings::proc_net_tcp(step)]),
            Step::Fionread(step) => sockets::unread(self, step),
            Step::Snmp(step) => Ok(vec![sockets::snmp(step)]),
            Step::Compute(step) => self.compute(step).map(|call| vec![call]),
            Step::CpuTime(step) => self.cpu_time(step).map(|call| vec![call]),
            Step::Limit(step) => Ok(vec![nofile::set(step)]),
            Step::DupUntilRefused(step) => nofile::exhaust(self, step).map(|call| vec![call]),
            Step::Dup2(step) => nofile::dup2(self, step).map(|call| vec![call]),
            Step::Kcmp(step) => compare::kcmp(self, step).map(|call| vec![call]),
            Step::Peek(step) => self.buffers.peek(step).map(|call| vec![call]),
            Step::Close(name) => files::close(self, name),
            Step::Touch(step) => self.buffers.touch(step).map(|call| vec![call]),
            Step::Pagemap(step) => memory::pagemap(self, step).map(|call| vec![call]),
            Step::Maps(step) => memory::maps(self, step).map(|call| vec![call]),
            Step::PingPong(step) => Ok(vec![ping_pong::play(step)]),
            Step::MmapEpoll(step) => epoll::map(self, step).map(|call| vec![call]),
            other => {
                Err(Failure::Broken(format!("an actor cannot make `{}`: it is no single system call", label(other))))
            }
        }
    }

    fn wait(&mut self, what: &Await, deadline: &Deadline) -> Result<(), Failure> {
        match what {
            Await::Event(event) => self.await_event(event),
            Await::Asleep(Asleep::Server) => self.await_server_asleep(deadline),
            Await::Asleep(Asleep::Actor(actor)) => self.await_asleep(actor, deadline),
            Await::Quiet(Whom::Server) => crowd::await_quiet(self, deadline),
            Await::Returned(actor) => self.await_returned(actor, deadline),
        }
    }

    fn await_event(&mut self, event: &AwaitEvent) -> Result<(), Failure> {
        if !self.observed {
            let why = format!("nobody sees events in this run, so `{}` cannot be awaited", event_name(event.of));
            return Err(Failure::Broken(why));
        }
        let since = match &event.only.from {
            Some(mark) => self.marked(mark)?,
            None => self.since,
        };
        let say = Say::Await {
            of: event.of,
            only: event.only.clone(),
            times: event.times.0,
            since,
            names: self.names.report(),
            actors: self.actor_names(),
        };
        let answer = self.link.ask(&say);
        answer.map_err(|failure| failure.add(&self.doings()))
    }

    /// A byte on a new connection. Its acceptance is what must be seen; where nobody sees, its echo, or rest.
    fn sentinel(&mut self, deadline: &Deadline) -> Result<(), Failure> {
        const NAME: &str = "sentinel";
        client::connect_one(self, NAME, None, crate::case::Over::Loopback, deadline)?;
        let label = match self.names.count(NAME) {
            0 | 1 => NAME.to_owned(),
            count => format!("{NAME}[{}]", count - 1),
        };
        let bytes = crate::case::Number(1);
        client::send(self, &crate::case::Send { on: label.clone(), bytes }, deadline)?;
        if self.observed {
            let only = Filter { on: Some(label), ..Filter::default() };
            self.await_event(&AwaitEvent { of: EventName::Accept, only, times: bytes })
        } else if self.echoes {
            client::receive_echo(self, &label, deadline)
        } else {
            self.await_server_asleep(deadline)
        }
    }

    fn watch(&mut self, step: &WatchStep) -> Result<(), Failure> {
        let fd = |run: &Self, name: &str| run.names.one(name).map(|place| run.names.fd(place));
        let word = match &step.word {
            WatchTarget::ReadyList(name) if name == "server" => Word::ServerReadyList,
            WatchTarget::ReadyList(name) => Word::ReadyList(fd(self, name)?),
            WatchTarget::WaitQueue(name) => Word::WaitQueue(fd(self, name)?),
            WatchTarget::ReceiveQueue(name) => match self.names.named(self.names.one(name)?) {
                Named::Connection { client, server } => Word::ServerReceiveQueue { client, server },
                Named::Descriptor { fd, .. } => Word::ReceiveQueue(fd),
            },
            WatchTarget::Buffer(name) => Word::Address(self.buffers.address(name)?),
        };
        self.link.ask(&Say::Watch { name: step.name.clone(), word })
    }

    fn inspect(&mut self, step: &Inspect) -> Result<(), Failure> {
        let object = match &step.state {
            Inspected::Epoll(name) if name == "server" => Object::ServerEpoll,
            Inspected::Epoll(name) => Object::Epoll(self.names.fd(self.names.one(name)?)),
            Inspected::WaitQueue(name) => Object::WaitQueue(self.socket(name)?),
            Inspected::Tcp(name) => Object::Tcp(self.socket(name)?),
            Inspected::Established(name) => Object::Established(self.socket(name)?),
            Inspected::File(name) => Object::File(self.socket(name)?),
            Inspected::Files(whose) => Object::Files(*whose),
            Inspected::Queues(name) => Object::Queues(self.socket(name)?),
            Inspected::Limits(whose) => Object::Limits(*whose),
            Inspected::Tasks(whose) => Object::Tasks(*whose),
            Inspected::Layout(structure) => Object::Layout(structure.clone()),
        };
        self.link.ask(&Say::Inspect { name: step.name.clone(), object, names: self.names.report() })
    }

    /// The socket that a name stands for.
    fn socket(&self, name: &str) -> Result<Socket, Failure> {
        if name == "server" {
            return self.server_port().map(Socket::Listener);
        }
        Ok(match self.names.named(self.names.one(name)?) {
            Named::Connection { client, server } => Socket::Connection { client, server },
            Named::Descriptor { fd, .. } => Socket::Descriptor(fd),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_awaited_event_is_called_by_its_kernel_name() {
        let event = AwaitEvent { of: EventName::EpollWait, only: Filter::default(), times: crate::case::Number(1) };
        assert_eq!(label(&Step::Await(Await::Event(event))), "await epoll_wait");
    }
}
