//! Small recordings for tests, told as what happens: a script of steps becomes the events that a kernel would report.
use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::case::{EventName, Grade, Probe, Value};
use crate::recording::{
    Account, By, CallResult, Context, CountRow, CounterReport, End, Event, Extra, Half, Head, Kernel, Landmarks, Mark,
    Named, ProbeReport, Recording, Run, RunHead, ServerRun, VERSION,
};

pub(crate) const SERVER: u16 = 8000;
const EPOLL: u64 = 0xffff_8881_0000_0000;
const PROBES: [Probe; 14] = [
    Probe::TcpV4Rcv,
    Probe::EpPollCallback,
    Probe::EpollWaitReturn,
    Probe::SkDataReady,
    Probe::SystemCalls,
    Probe::Scheduler,
    Probe::Packets,
    Probe::SoftInterrupts,
    Probe::HardInterrupts,
    Probe::Processes,
    Probe::PageFaultKernel,
    Probe::Watchpoint,
    Probe::TaskFileIterator,
    Probe::FunctionCounter,
];

/// An event of which nothing is said yet.
pub(crate) fn event(time: u64, name: EventName) -> Event {
    Event {
        time,
        name,
        via: None,
        pid: 0,
        tid: 0,
        by: None,
        cpu: 0,
        context: Context::default(),
        object: 0,
        peer: 0,
        value: 0,
        detail: 0,
        local: 0,
        remote: 0,
        call: 0,
        extra: None,
        stack: None,
    }
}

fn probes(functions: Grade) -> Vec<ProbeReport> {
    let report = |probe| {
        let on_function = matches!(probe, Probe::TcpV4Rcv | Probe::EpPollCallback | Probe::FunctionCounter);
        let grade = if on_function { functions } else { Grade::Trace };
        ProbeReport { probe, won: Some(format!("{probe:?}")), grade: Some(grade), lost: Vec::new() }
    };
    PROBES.into_iter().map(report).collect()
}

/// Every probe as good as it can be.
pub(crate) fn function_probes() -> Vec<ProbeReport> {
    probes(Grade::Function)
}

/// Every probe as on a locked-down kernel.
pub(crate) fn trace_probes() -> Vec<ProbeReport> {
    probes(Grade::Trace)
}

/// The head of a recording on a kernel that allows everything.
pub(crate) fn head() -> Head {
    let kernel = Kernel { release: "6.18.44".to_owned(), version: "#1".to_owned(), machine: "x86_64".to_owned() };
    let (case, source) = ("epoll/test".to_owned(), String::new());
    Head {
        version: VERSION,
        case,
        source,
        kernel,
        grade: Grade::Function,
        probes: function_probes(),
        landmarks: Landmarks::default(),
        defect: None,
    }
}

/// A recording of these runs.
pub(crate) fn recording(runs: impl IntoIterator<Item = Run>) -> Recording {
    Recording { head: head(), runs: runs.into_iter().collect() }
}

/// A run as it is told. Time goes on by 1000 ns an event; the window without load has been before.
pub(crate) struct Script {
    run: Run,
    now: u64,
    next_fd: u32,
    epoch: u32,
}

impl Script {
    pub(crate) fn subject() -> Self {
        Self::new(Half::Subject)
    }

    pub(crate) fn control() -> Self {
        Self::new(Half::Control)
    }

    fn new(half: Half) -> Self {
        let server = ServerRun { model: "epoll-et".to_owned(), port: SERVER, stderr: String::new(), exit: None };
        let mark = |name: &str, time, epoch| Mark { name: name.to_owned(), time, epoch };
        let head = RunHead {
            half,
            point: [].into(),
            end: End::Complete,
            server: Some(server),
            names: IndexMap::new(),
            actors: [].into(),
            marks: vec![mark("idle", 100, 1), mark("start", 10_000, 2)],
            results: IndexMap::new(),
            states: IndexMap::new(),
            eventpolls: BTreeMap::new(),
            counts: Vec::new(),
            counters: Vec::new(),
            watches: Vec::new(),
            buffers: [].into(),
            accounts: Vec::new(),
            stacks: Vec::new(),
            extras: Vec::new(),
            events: 0,
            millis: 7,
        };
        Self { run: Run { head, events: Vec::new() }, now: 10_000, next_fd: 9, epoch: 2 }
    }

    /// Parameters' values.
    pub(crate) fn at(mut self, values: &[(&str, i64)]) -> Self {
        self.run.head.point.extend(values.iter().map(|(name, value)| ((*name).to_owned(), Value::Int(*value))));
        self
    }

    /// Any event, at the next point in time.
    pub(crate) fn event(mut self, event: Event) -> Self {
        self.now += 1000;
        self.run.events.push(Event { time: self.now, ..event });
        self
    }

    /// The same with what it carries beside.
    pub(crate) fn carrying(mut self, extra: Extra, event: Event) -> Self {
        let extra = extra.store(&mut self.run.head.extras);
        self.event(Event { extra, ..event })
    }

    /// An event in the window without load.
    pub(crate) fn idle(mut self, event: Event) -> Self {
        self.run.events.insert(0, Event { time: 5000, ..event });
        self
    }

    /// The server accepts and registers a connection.
    pub(crate) fn connection(mut self, name: &str, client: u16) -> Self {
        let fd = self.next_fd;
        self.next_fd += 1;
        let named = Named::Connection { client, server: SERVER };
        self.run.head.names.entry(name.to_owned()).or_default().push(named);
        let accept = Event { value: fd.into(), local: SERVER, remote: client, ..server(EventName::Accept, 3) };
        let ctl = Extra::Ctl { op: 1, fd, mask: 1, data: fd.into(), local: SERVER, remote: client, target: 0 };
        self.event(accept).carrying(ctl, Event { object: EPOLL, ..server(EventName::EpollCtl, 4) })
    }

    fn about(&self, name: &str) -> (u16, u16, u32) {
        let Some(Named::Connection { client, server }) = self.run.head.names[name].first() else {
            panic!("{name} is no connection")
        };
        let place = self.run.events.iter().find(|event| event.name == EventName::Accept && event.remote == *client);
        (*server, *client, u32::try_from(place.expect("accepted").value).expect("a descriptor"))
    }

    /// A segment arrives, on the sender's task.
    pub(crate) fn segment(self, name: &str, len: i64) -> Self {
        let (local, remote, _) = self.about(name);
        self.event(Event { value: len, local, remote, ..client(EventName::TcpV4Rcv) })
    }

    /// epoll's callback for it.
    pub(crate) fn callback(self, name: &str) -> Self {
        let (local, remote, fd) = self.about(name);
        self.event(Event {
            value: fd.into(),
            detail: 0x41,
            peer: EPOLL,
            local,
            remote,
            ..client(EventName::EpPollCallback)
        })
    }

    /// The server is woken by what the client's task just received.
    pub(crate) fn waking(self) -> Self {
        self.event(Event { value: 200, detail: 200, ..client(EventName::SchedWaking) })
    }

    /// The server's `epoll_wait` reports it.
    pub(crate) fn wait_reports(self, name: &str) -> Self {
        let (.., fd) = self.about(name);
        let pairs = Extra::Pairs(vec![(1, fd.into())]);
        self.carrying(pairs, Event { value: 1, object: EPOLL, ..server(EventName::EpollWait, 4) })
    }

    /// The server reads it.
    pub(crate) fn read(self, name: &str, ret: i64) -> Self {
        let (local, remote, fd) = self.about(name);
        self.event(Event { value: ret, local, remote, ..server(EventName::Read, fd) })
    }

    /// An event about it on the sender's task, with a stack.
    pub(crate) fn seen(mut self, name: &str, what: EventName, stack: &[&str]) -> Self {
        let (local, remote, fd) = self.about(name);
        let place = u32::try_from(self.run.head.stacks.len()).expect("few stacks");
        self.run.head.stacks.push(stack.iter().map(|frame| Arc::from(*frame)).collect());
        let ports = if what == EventName::SchedWaking { (0, 0) } else { (local, remote) };
        let object = if what == EventName::SchedWaking { 0 } else { 0xbeef };
        self.event(Event {
            value: fd.into(),
            object,
            stack: Some(place.into()),
            local: ports.0,
            remote: ports.1,
            ..client(what)
        })
    }

    /// A mark.
    pub(crate) fn mark(mut self, name: &str) -> Self {
        self.now += 1000;
        self.epoch += 1;
        self.run.head.marks.push(Mark { name: name.to_owned(), time: self.now, epoch: self.epoch });
        self
    }

    /// The server's calls of a function in the present epoch.
    pub(crate) fn calls(mut self, of: &str, calls: u64) -> Self {
        if !self.run.head.counters.iter().any(|counter| counter.of == of) {
            let won = Some(format!("fentry {of}"));
            self.run.head.counters.push(CounterReport { of: of.to_owned(), won, lost: Vec::new(), missed: 0 });
        }
        let (by, inside) = (Some("server".to_owned()), true);
        let row =
            CountRow { of: of.to_owned(), epoch: self.epoch, by, inside, local: 0, remote: 0, eventpoll: 0, calls };
        self.run.head.counts.push(row);
        self
    }

    /// A result.
    pub(crate) fn result(mut self, name: &str, ret: i64) -> Self {
        self.run.head.results.entry(name.to_owned()).or_default().push(CallResult { ret, ..CallResult::default() });
        self
    }

    /// Lost events.
    pub(crate) fn lost(mut self, kind: &str, lost: u64, fired: u64) -> Self {
        self.run.head.accounts.push(Account { kind: kind.to_owned(), fired, lost, missed: 0, delivered: fired - lost });
        self
    }

    /// Anything else.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut RunHead)) -> Self {
        change(&mut self.run.head);
        self
    }

    /// What was told.
    pub(crate) fn run(self) -> Run {
        let mut run = self.mark("end").run;
        run.head.events = run.events.len();
        run
    }
}

/// What the server does.
pub(crate) fn server(name: EventName, fd: u32) -> Event {
    Event { pid: 200, tid: 200, cpu: 1, by: Some(By::Server), detail: fd, ..event(0, name) }
}

/// What happens on the client's task.
pub(crate) fn client(name: EventName) -> Event {
    Event { pid: 100, tid: 100, by: Some(By::Client), ..event(0, name) }
}
