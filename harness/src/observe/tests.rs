//! Recorded sequences, as short as they can be, and what follows from them.
use super::facts::Facts;
use super::guard::{Outcome, Promises, learn};
use super::hazards::{self, Kind};
use super::model::{Certainty, Gate, Model, Unit};
use super::observation::{Client, Event, More, Observation, Phase, Rest, Socket, Task, What};
use super::report::Report;

const PORT: u16 = 8080;
const EPOLL: u64 = 0xe0;
const IN: u32 = 1;
const ET: u32 = 1 << 31;
const EAGAIN: i64 = -(libc::EAGAIN as i64);

/// A server being observed: each method is one thing that happens.
#[derive(Default)]
struct Story {
    now: u64,
    seen: Observation,
}

fn number(call: i64) -> u16 {
    u16::try_from(call).expect("a system call")
}

/// The port of the client whose connection has this descriptor.
fn client(fd: i32) -> u16 {
    1000 + u16::try_from(fd).expect("a small number")
}

impl Story {
    fn new() -> Self {
        Self { now: 0, seen: Observation { port: PORT, ..Observation::default() } }
    }

    fn event(&mut self, tid: u32, event: Event) -> &mut Self {
        self.now += 1_000_000;
        let pid = if event.pid == 0 { 1 } else { event.pid };
        self.seen.events.push(Event { time: self.now, entered: self.now - 10, pid, tid, ..event });
        self
    }

    fn call(&mut self, tid: u32, call: i64, fd: i32, result: i64, rest: Event) -> &mut Self {
        self.event(tid, Event { call: number(call), fd, result, ..rest })
    }

    fn accept(&mut self, tid: u32, fd: i32, slept: u32) -> &mut Self {
        let remote = client(fd);
        let rest = Event {
            object: u64::from(remote),
            listener: 7,
            local: PORT,
            remote,
            slept,
            nonblocking: true,
            ..Event::default()
        };
        self.call(tid, libc::SYS_accept4, 3, fd.into(), rest)
    }

    fn nobody(&mut self, tid: u32) -> &mut Self {
        self.call(
            tid,
            libc::SYS_accept4,
            3,
            EAGAIN,
            Event { object: 7, local: PORT, listens: true, ..Event::default() },
        )
    }

    fn add(&mut self, fd: i32, mask: u32) -> &mut Self {
        let (target, remote) = if fd == 3 { (7, 0) } else { (1000 + u64::from(fd.unsigned_abs()), client(fd)) };
        let more = More::Ctl { op: 1, fd, mask, data: u64::from(fd.unsigned_abs()), target, local: PORT, remote };
        self.call(1, libc::SYS_epoll_ctl, 4, 0, Event { object: EPOLL, more, ..Event::default() })
    }

    fn ready(&mut self, tid: u32, fd: i32) -> &mut Self {
        let rest = Event {
            object: EPOLL,
            slept: 1,
            args: [0, 64, 0, 0],
            more: More::Ready(vec![(IN, u64::from(fd.unsigned_abs()))]),
            ..Event::default()
        };
        self.call(tid, libc::SYS_epoll_wait, 4, 1, rest)
    }

    fn poll(&mut self, tid: u32, fds: &[i32], ready: i32) -> &mut Self {
        let entries = fds.iter().map(|fd| (*fd, 1, i16::from(*fd == ready))).collect();
        let rest = Event {
            slept: 1,
            args: [fds.iter().map(|_| 1u64).sum(), 0, 0, 0],
            more: More::Poll(entries),
            ..Event::default()
        };
        self.call(tid, libc::SYS_poll, 0, 1, rest)
    }

    fn read(&mut self, tid: u32, fd: i32, asked: u64, result: i64, left: u32) -> &mut Self {
        let remote = client(fd);
        let rest = Event {
            object: remote.into(),
            local: PORT,
            remote,
            args: [0, asked, 0, 0],
            left,
            nonblocking: true,
            ..Event::default()
        };
        self.call(tid, libc::SYS_read, fd, result, rest)
    }

    /// Everything sleeps in `epoll_wait`; so many bytes wait on a connection.
    fn rest(&mut self, fd: i32, waiting: u32) -> &mut Self {
        self.now += 1_000_000;
        let call = Some((number(libc::SYS_epoll_wait), [4, 0, 0, 0, 0, 0]));
        let socket =
            |local, remote, state, waiting| Socket { local, remote, state, waiting, inode: 1 + u64::from(remote) };
        self.seen.rests.push(Rest {
            phase: "test".into(),
            time: self.now,
            settled: true,
            tasks: vec![Task { pid: 1, tid: 1, name: "server".into(), state: 'S', call }],
            sockets: vec![socket(PORT, 0, 10, 0), socket(PORT, client(fd), 1, waiting)],
            ..Rest::default()
        });
        self
    }

    fn model(&self) -> Model {
        Model::of(&self.seen, &Facts::of(&self.seen))
    }

    fn hazards(&self) -> Vec<Kind> {
        hazards::find(&self.seen, &Facts::of(&self.seen)).into_iter().map(|hazard| hazard.kind).collect()
    }
}

/// An edge-triggered loop with two connections whose reads stop at a short read, as nginx and tokio do.
fn short_reads() -> Story {
    let mut story = Story::new();
    story.add(3, IN);
    for fd in [5, 6] {
        story.ready(1, 3).accept(1, fd, 0).add(fd, IN | ET).ready(1, fd).read(1, fd, 1024, 64, 0);
    }
    story.rest(5, 0);
    story
}

#[test]
fn a_short_read_proves_the_drain() {
    let story = short_reads();
    let model = story.model();
    assert_eq!((model.accept.is, model.connection.is, model.unit.is), (Gate::EpollLt, Gate::EpollEt, Unit::SingleLoop));
    assert_eq!(story.hazards(), []);
}

#[test]
fn bytes_left_behind_an_edge_are_a_hazard_only_if_they_were_seen_waiting() {
    let mut story = short_reads();
    story.ready(1, 5).read(1, 5, 16, 16, 48);
    assert_eq!(story.hazards(), [], "a full read alone shows nothing");
    story.rest(5, 48);
    assert_eq!(story.hazards(), [Kind::EdgeNotDrained]);
    story.read(1, 5, 64, 48, 0);
    assert_eq!(story.hazards(), [Kind::EdgeNotDrained], "what comes later does not mend it");
}

#[test]
fn an_accept_that_ends_a_drain_is_no_lost_one() {
    let mut story = Story::new();
    story.add(3, IN);
    for fd in 5..15 {
        story.ready(1, 3).accept(1, fd, 0).nobody(1);
        story.ready(2, 3).accept(2, fd + 20, 0).nobody(2);
    }
    assert_eq!(story.hazards(), []);
    for _ in 0..10 {
        story.ready(1, 3).nobody(1).ready(2, 3).nobody(2);
    }
    assert_eq!(story.hazards(), [Kind::ThunderingHerd]);
}

#[test]
fn a_set_that_only_ever_holds_one_connection_is_a_timed_wait() {
    let mut story = Story::new();
    for (tid, fd) in [(2, 5), (3, 6)] {
        story.accept(1, fd, 1).poll(tid, &[fd], fd).read(tid, fd, 64, 64, 0);
    }
    assert_eq!(story.model().connection.is, Gate::TimedWaitPoll);
    let mut story = Story::new();
    story.accept(1, 5, 1).accept(1, 6, 1);
    for fd in [5, 6] {
        story.poll(1, &[5, 6], fd).read(1, fd, 64, 64, 0);
    }
    assert_eq!(story.model().connection.is, Gate::Poll);
}

#[test]
fn a_thread_that_is_born_after_the_accept_and_serves_no_other_is_the_connections_own() {
    let born = |fresh: bool| {
        let mut story = Story::new();
        for (tid, fd) in [(2, 5), (3, 6), (4, 7)] {
            let birth = Event { what: What::Birth, pid: 1, fd: 1, result: tid.into(), ..Event::default() };
            if fresh {
                story.accept(1, fd, 1).event(1, birth);
            } else {
                story.event(1, birth).accept(1, fd, 1);
            }
            let remote = client(fd);
            let read =
                Event { object: remote.into(), local: PORT, remote, args: [0, 64, 0, 0], slept: 1, ..Event::default() };
            story.call(tid, libc::SYS_read, fd, 64, read);
        }
        story.model().unit.is
    };
    assert_eq!(born(true), Unit::ThreadPerConnection);
    assert_eq!(born(false), Unit::ThreadPool);
}

#[test]
fn processes_that_serve_one_after_another_were_not_made_before() {
    let two = |together: bool| {
        let mut story = Story::new();
        for (tid, fd) in [(2, 5), (2, 6), (3, 7), (3, 8)] {
            let remote = client(fd);
            let on = Event { pid: tid, object: remote.into(), local: PORT, remote, slept: 1, ..Event::default() };
            story.call(tid, libc::SYS_accept4, 3, fd.into(), Event { listener: 7, ..on.clone() });
            story.call(tid, libc::SYS_read, fd, 64, Event { args: [0, 64, 0, 0], ..on.clone() });
            story.call(tid, libc::SYS_close, fd, 0, on);
            let there = [2, 3].into_iter().filter(|other| together || *other == tid);
            let tasks = there.map(|pid| Task { pid, tid: pid, state: 'S', ..Task::default() }).collect();
            story.seen.rests.push(Rest { settled: true, tasks, ..Rest::default() });
        }
        story.model().unit.is
    };
    assert_eq!(two(true), Unit::PreFork);
    assert_eq!(two(false), Unit::Unknown);
}

#[test]
fn little_seen_is_unknown_and_not_guessed() {
    let mut story = Story::new();
    story.accept(1, 5, 1);
    let model = story.model();
    assert_eq!((model.connection.certainty, model.unit.certainty), (Certainty::Unknown, Certainty::Unknown));
}

#[test]
fn a_spinning_wait_is_told_from_one_whose_report_is_taken() {
    let mut story = short_reads();
    story.ready(1, 5);
    story.seen.events.last_mut().expect("it was pushed").again = 1000;
    assert_eq!(story.hazards(), [Kind::LevelSpin]);
    let mut story = short_reads();
    for _ in 0..1100 {
        story.ready(1, 5).read(1, 5, 64, 10, 0);
    }
    assert_eq!(story.hazards(), []);
}

/// Two connections are reported in so many waits with room for two, and then a third, which had asked before.
fn crowded(rounds: u32) -> Story {
    let mut story = Story::new();
    for fd in [5, 6, 7] {
        story.accept(1, fd, 1).add(fd, IN);
    }
    let sent = story.now;
    for _ in 0..rounds {
        let more = More::Ready(vec![(IN, 5), (IN, 6)]);
        let rest = Event { object: EPOLL, args: [0, 2, 0, 0], more, ..Event::default() };
        story.call(1, libc::SYS_epoll_wait, 4, 2, rest).read(1, 5, 64, 64, 640).read(1, 6, 64, 64, 640);
    }
    story.ready(1, 7).read(1, 7, 64, 64, 0);
    let clients = vec![Client { port: client(7), asked: 1, answered: 1, sent, ..Client::default() }];
    story.seen.phases.push(Phase { name: "flood".into(), start: 0, end: u64::MAX, clients });
    story
}

#[test]
fn who_is_never_among_the_few_that_are_reported_starves() {
    assert_eq!(crowded(40).hazards(), [Kind::MaxeventsStarvation]);
    assert_eq!(crowded(20).hazards(), [], "it was late, but not long");
    let mut late = crowded(40);
    late.seen.phases[0].clients[0].sent = late.now;
    assert_eq!(late.hazards(), [], "it had not asked before");
    let mut reported = crowded(40);
    for event in &mut reported.seen.events {
        if let More::Ready(ready) = &mut event.more {
            ready[0].1 = 7;
        }
    }
    assert_eq!(reported.hazards(), [], "it is reported, and not read from");
}

#[test]
fn a_loop_that_hands_over_to_other_threads_does_not_spin() {
    let mut story = short_reads();
    for _ in 0..1100 {
        story.ready(1, 5).read(2, 5, 64, 10, 0);
    }
    assert_eq!(story.hazards(), []);
}

fn report() -> Report {
    let mut story = short_reads();
    let clients = vec![Client { port: 1005, asked: 2, answered: 2, ..Client::default() }];
    story.seen.phases.push(Phase { name: "requests".into(), start: 0, end: u64::MAX, clients });
    Report::of(&story.seen)
}

#[test]
fn promises_are_kept_broken_or_not_to_be_told() {
    let text = "connection: epoll-et\nunit: thread-pool\nwaits_per_request: {at_most: 100%}\nhazards: none\n";
    let promises = Promises::read("a.yaml", text).expect("a good file");
    let outcomes: Vec<_> = promises.judge(&report()).into_iter().map(|kept| (kept.promise, kept.outcome)).collect();
    let outcomes: Vec<_> = outcomes.iter().map(|(promise, outcome)| (promise.as_str(), *outcome)).collect();
    assert_eq!(
        outcomes,
        [
            ("connection", Outcome::Pass),
            ("unit", Outcome::Fail),
            ("waits_per_request", Outcome::Fail),
            ("hazards", Outcome::Pass)
        ]
    );
    let unknown = Report::of(&Observation::default());
    assert!(promises.judge(&unknown)[..3].iter().all(|kept| kept.outcome == Outcome::Inconclusive));
}

/// Whether the schema takes a file, which the loader must, too.
fn fits_the_schema(text: &str) -> bool {
    let schema = schemars::schema_for!(Promises);
    let validator = jsonschema::validator_for(schema.as_value()).expect("a schema");
    let value: serde_json::Value = serde_yaml::from_str(text).expect("YAML");
    let fits = validator.is_valid(&value);
    assert_eq!(fits, Promises::read("a.yaml", text).is_ok(), "{text}");
    fits
}

#[test]
fn the_schema_takes_what_the_loader_takes() {
    for text in ["hazards: none", "hazards: []", "hazards: [level-spin]", "accept: epoll-et", "port: 80"] {
        assert!(fits_the_schema(text), "{text}");
    }
    for text in ["hazards: all", "hazards: [spin]", "accept: epol-et", "port: eighty"] {
        assert!(!fits_the_schema(text), "{text}");
    }
    for amount in ["1", "1.5", "1%", "0.5 %"] {
        assert!(fits_the_schema(&format!("waits_per_request: {{at_most: {amount}}}")), "{amount}");
    }
    for amount in ["1x", "'%'", "true", "none", "nan%"] {
        assert!(!fits_the_schema(&format!("waits_per_request: {{at_least: {amount}}}")), "{amount}");
    }
}

#[test]
fn the_files_of_the_documentation_are_right() {
    let docs = include_str!("../../../docs/inspect.md");
    let written: Vec<&str> =
        docs.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect();
    assert!(!written.is_empty());
    let (_, learnt) = docs.split_once("-- ./wakeproof serve epoll-et\n# ").expect("an example of --learn");
    let (learnt, _) = learnt.split_once("\n\n").expect("it ends");
    for text in written.into_iter().chain([format!("# {learnt}").as_str()]) {
        assert!(fits_the_schema(text), "{text}");
        for id in Promises::read("a.yaml", text).expect("it was read before").cases {
            let suite = crate::load::Suite::embedded_where(|one| one == id).unwrap_or_else(|wrong| panic!("{wrong}"));
            let case = suite.get(&id).unwrap_or_else(|| panic!("there is no case {id}"));
            assert!(case.for_any_server().is_some(), "{id} says nothing of any server");
        }
    }
}

#[test]
fn a_wrong_file_says_where_and_what_it_knows() {
    let wrong = |text: &str| Promises::read("a.yaml", text).expect_err("a mistake").to_string();
    let why = wrong("unit: single-loop\nwaits_per_request: {at_most: 1x}\n");
    assert!(why.contains("a.yaml:2:") && why.contains("percentage"), "{why}");
    let why = wrong("unit: single-loop\nconection: epoll-et\n");
    assert!(why.contains("a.yaml:2:1") && why.contains("did you mean `connection`?"), "{why}");
}

#[test]
fn what_was_learnt_is_kept_and_what_varied_is_left_out() {
    let (same, mut other) = (report(), report());
    let text = learn(&[same.clone(), same.clone()]);
    let promises = Promises::read("a.yaml", &text).expect("what is written can be read");
    assert!(promises.judge(&same).iter().all(|kept| kept.outcome == Outcome::Pass), "{text}");
    other.measures.waits_per_request *= 3.0;
    other.model.unit.is = Unit::MToN;
    let text = learn(&[same, other]);
    let promises = Promises::read("a.yaml", &text).expect("what is written can be read");
    assert_eq!(
        (promises.unit, promises.waits_per_request, promises.connection),
        (None, None, Some(Gate::EpollEt)),
        "{text}"
    );
}

#[test]
fn who_serves_connections_that_were_there_before_is_not_known() {
    let served = |accepts: bool| {
        let mut story = Story::new();
        for fd in 5..9 {
            if accepts {
                story.accept(1, fd, 1);
            }
        }
        for fd in 5..9 {
            let tid = 10 + u32::try_from(fd).expect("a small number");
            story.read(tid, fd, 1024, 64, 0).read(tid, fd, 1024, 64, 0);
            let reads = story.seen.events.iter_mut().filter(|event| event.tid == tid);
            reads.for_each(|read| read.slept = 1);
        }
        story.model().unit.is
    };
    assert_eq!(served(true), Unit::ThreadPool, "the control");
    assert_eq!(served(false), Unit::Unknown);
}

/// From here on, or up to here, waits, reads and writes go unseen.
fn gap(story: &mut Story) -> &mut Story {
    story.event(0, Event { what: What::Gap, ..Event::default() })
}

#[test]
fn nobody_is_accused_of_what_may_have_gone_unseen() {
    let mut story = short_reads();
    story.ready(1, 5).read(1, 5, 64, 64, 100);
    assert_eq!(story.rest(5, 100).hazards(), [Kind::EdgeNotDrained], "the control");
    let mut story = short_reads();
    story.ready(1, 5).read(1, 5, 64, 64, 100);
    gap(&mut story);
    assert_eq!(story.rest(5, 100).hazards(), [], "the rest may have been read meanwhile");
}

#[test]
fn a_wait_before_a_gap_and_a_wait_after_it_are_not_in_a_row() {
    let idle = |story: &Story| Report::of(&story.seen).measures.wakeups_without_work;
    let mut story = short_reads();
    let before = idle(&story);
    story.ready(1, 5).ready(1, 5).read(1, 5, 1024, 64, 0);
    assert!(idle(&story) > before, "the control");
    let mut story = short_reads();
    story.ready(1, 5);
    gap(&mut story).ready(1, 5).read(1, 5, 1024, 64, 0);
    assert!(idle(&story) <= before);
}

#[test]
fn a_spin_is_not_counted_across_a_gap() {
    let mut spins = Story::new();
    spins.add(3, IN).ready(1, 3).accept(1, 5, 0).add(5, IN);
    let spin = |story: &mut Story| {
        for _ in 0..600 {
            story.ready(1, 5);
        }
    };
    spin(&mut spins);
    spin(&mut spins);
    assert_eq!(spins.hazards(), [Kind::LevelSpin], "the control");
    let mut served = Story::new();
    served.add(3, IN).ready(1, 3).accept(1, 5, 0).add(5, IN);
    spin(&mut served);
    gap(&mut served);
    spin(&mut served);
    assert_eq!(served.hazards(), []);
}

#[test]
fn what_let_a_read_go_on_is_not_known_before_the_thread_has_waited_again() {
    let gates = |story: &Story| {
        let facts = Facts::of(&story.seen);
        facts.waited((1005, client(5))).map(|waited| waited.gates.values().sum::<u32>())
    };
    let mut story = short_reads();
    let before = gates(&story);
    gap(&mut story).read(1, 5, 1024, 64, 0);
    assert_eq!(gates(&story), before);
    story.ready(1, 5).read(1, 5, 1024, 64, 0);
    assert_eq!(gates(&story), before.map(|before| before + 1));
}

#[test]
fn a_report_says_for_how_long_a_busy_server_was_not_watched() {
    let mut story = short_reads();
    let watched = Phase { name: "watched".into(), start: 0, end: 2_000_000_000, clients: Vec::new() };
    story.seen.phases = vec![watched];
    assert_eq!(Report::of(&story.seen).blind, [""; 0]);
    story.seen.unwatched = 1_500_000_000;
    let said = "the server is busy: its waits, reads, writes and rings were recorded for 0.50 of 2.00 s, everything else all the time";
    assert_eq!(Report::of(&story.seen).blind, [said]);
}
