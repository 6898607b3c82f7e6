//! Made-up results for the tests of reporters: a recording and a verdict of each outcome.
use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::json;

use super::{Exhibit, Results};
use crate::case::{ClaimVerdict, EventName, Grade, Probe, Value};
use crate::load::{LoadedCase, load};
use crate::recording::{
    Account, By, End, Event, Extra, Half, Head, Kernel, Loser, Mark, Named, ProbeReport, Recording, Run, RunHead,
    ServerRun, VERSION, Via,
};
use crate::verdict::{ClaimResult, ControlResult, Evidence, Finding, Outcome, Verdict};

const ET: &str = include_str!("../testing/edge-triggered.yaml");
const ET_ID: &str = "epoll/edge-triggered-wakes-once-per-arrival";
const SELECT: &str = include_str!("../testing/descriptor-1500.yaml");
const SELECT_ID: &str = "select/the-system-call-watches-descriptor-1500";

pub(crate) fn kernel() -> Kernel {
    Kernel { release: "6.18.44".to_owned(), version: "#1 SMP".to_owned(), machine: "x86_64".to_owned() }
}

fn report(probe: Probe, won: Option<&str>, grade: Grade, lost: &[(&str, &str)]) -> ProbeReport {
    let loser =
        |&(candidate, reason): &(&str, &str)| Loser { candidate: candidate.to_owned(), reason: reason.to_owned() };
    ProbeReport {
        probe,
        won: won.map(str::to_owned),
        grade: won.map(|_| grade),
        lost: lost.iter().map(loser).collect(),
    }
}

pub(crate) fn probes() -> Vec<ProbeReport> {
    let refused = "EPERM (1): this kernel or its lockdown does not allow it";
    vec![
        report(
            Probe::TcpV4Rcv,
            Some("stack of sk_data_ready"),
            Grade::Trace,
            &[("fentry tcp_v4_rcv", refused), ("kprobe tcp_v4_rcv", refused)],
        ),
        report(
            Probe::EpPollCallback,
            Some("write watchpoint on rdllist"),
            Grade::Trace,
            &[("fentry ep_poll_callback", refused)],
        ),
        report(
            Probe::EpollWaitReturn,
            Some("raw tracepoint sys_exit"),
            Grade::Trace,
            &[("fexit do_epoll_wait", refused)],
        ),
        report(Probe::FunctionCounter, None, Grade::Function, &[("fentry", refused), ("kprobe", refused)]),
    ]
}

fn empty() -> Results {
    Results { millis: 1234, ..Results::new(kernel(), Grade::Trace, probes()) }
}

/// A case by its text; panics if it does not load, as a test should.
fn case(id: &str, text: &str) -> LoadedCase {
    load(id, text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn event(time: u64, name: EventName, by: Option<By>, value: i64) -> Event {
    Event {
        time: 1_000_000 + time,
        name,
        via: None,
        pid: 400,
        tid: if by == Some(By::Server) { 412 } else { 407 },
        by,
        cpu: 1,
        context: crate::recording::Context::default(),
        object: 0,
        peer: 0,
        value,
        detail: 0,
        local: 8080,
        remote: 40_000,
        call: 0,
        extra: None,
        stack: None,
    }
}

fn events() -> Vec<Event> {
    vec![
        Event { detail: 0x18, stack: Some(0.into()), ..event(12_345, EventName::TcpV4Rcv, Some(By::Client), 8) },
        Event {
            detail: 0x1,
            via: Some(Via::Watchpoint),
            stack: Some(1.into()),
            ..event(14_001, EventName::EpPollCallback, Some(By::Client), 9)
        },
        Event { extra: Some(0.into()), ..event(31_870, EventName::EpollWait, Some(By::Server), 1) },
        event(1_234_567, EventName::Read, Some(By::Server), -11),
    ]
}

fn stack(frames: &[&str]) -> Vec<Arc<str>> {
    frames.iter().map(|frame| Arc::from(*frame)).collect()
}

fn run(end: End, lost: u64) -> Run {
    let events = events();
    let connection = Named::Connection { client: 40_000, server: 8080 };
    let mark = |name: &str, time: u64| Mark { name: name.to_owned(), time: 1_000_000 + time, epoch: 0 };
    let delivered = events.len() as u64;
    Run {
        head: RunHead {
            half: Half::Subject,
            point: BTreeMap::from([("arrivals".to_owned(), Value::Int(5))]),
            end,
            server: Some(ServerRun {
                model: "epoll-et".to_owned(),
                port: 8080,
                stderr: "accept: EMFILE\n".to_owned(),
                exit: Some("exited with status 1".to_owned()),
            }),
            names: IndexMap::from([("conn".to_owned(), vec![connection])]),
            actors: BTreeMap::new(),
            marks: vec![mark("start", 0), mark("later", 20_000), mark("end", 2_000_000)],
            results: IndexMap::new(),
            states: IndexMap::new(),
            eventpolls: BTreeMap::new(),
            counts: Vec::new(),
            counters: Vec::new(),
            watches: Vec::new(),
            buffers: BTreeMap::new(),
            accounts: vec![Account {
                kind: "sched_waking".to_owned(),
                fired: delivered + lost,
                lost,
                missed: 0,
                delivered,
            }],
            stacks: vec![
                stack(&[
                    "tcp_v4_rcv",
                    "ip_protocol_deliver_rcu",
                    "ip_local_deliver_finish",
                    "__netif_receive_skb_one_core",
                    "process_backlog",
                ]),
                stack(&["ep_poll_callback", "__wake_up_common", "sock_def_readable", "tcp_data_queue"]),
            ],
            extras: vec![Extra::Pairs(vec![(0x1, 9)])],
            events: events.len(),
            millis: 41,
        },
        events,
    }
}

fn recording(id: &str, text: &str, end: End, lost: u64) -> Recording {
    let head = Head {
        landmarks: crate::recording::Landmarks::default(),
        version: VERSION,
        case: id.to_owned(),
        source: text.to_owned(),
        kernel: kernel(),
        grade: Grade::Trace,
        probes: probes(),
        defect: None,
    };
    Recording { head, runs: vec![run(end, lost)] }
}

fn evidence(measure: &str, value: serde_json::Value, events: &[usize]) -> Evidence {
    Evidence { measure: measure.to_owned(), value, run: 0, events: events.to_vec() }
}

fn claim(
    id: &str,
    says: &str,
    expected: ClaimVerdict,
    found: Option<ClaimVerdict>,
    evidence: Vec<Evidence>,
) -> ClaimResult {
    ClaimResult {
        because: None,
        id: id.to_owned(),
        says: says.to_owned(),
        expected,
        found,
        literal: found.map(|found| found == ClaimVerdict::Confirmed),
        repaired: found.map(|found| found == expected),
        undecided: None,
        evidence,
    }
}

fn verdict(id: &str, title: &str, outcome: Outcome, reason: Option<&str>) -> Verdict {
    Verdict {
        case: id.to_owned(),
        title: title.to_owned(),
        kernel: kernel(),
        outcome,
        reason: reason.map(str::to_owned),
        grade: Grade::Trace,
        claims: Vec::new(),
        expectations: Vec::new(),
        control: ControlResult { title: "Nothing is sent".to_owned(), findings: Vec::new(), discriminates: Some(true) },
        tables: Vec::new(),
        again: Vec::new(),
        millis: 41,
    }
}

fn add(results: &mut Results, verdict: Verdict, case: &LoadedCase, recording: Option<&Recording>) {
    results.exhibits.insert(verdict.case.clone(), Exhibit::new(case, recording, &verdict));
    results.verdicts.push(verdict);
}

fn add_et(results: &mut Results, found: ClaimVerdict) {
    let outcome = if found == ClaimVerdict::Refuted { Outcome::Pass } else { Outcome::Fail };
    let mut et = verdict(ET_ID, "Edge-triggered epoll_wait returns once per arrival, drained or not", outcome, None);
    let seen = json!(if found == ClaimVerdict::Refuted { 5 } else { 0 });
    et.claims = vec![
        claim(
            "epoll.et.wakes-once",
            "One arrival makes epoll_wait return once, even if nothing is read.",
            ClaimVerdict::Refined,
            Some(ClaimVerdict::Refined),
            vec![],
        ),
        claim(
            "epoll.et.only-first-time",
            "It fires only the first time the condition holds, never again while data is unread.",
            ClaimVerdict::Refuted,
            Some(found),
            vec![evidence("wakes_later", seen.clone(), &[2]), evidence("callbacks", seen, &[1])],
        ),
    ];
    if outcome == Outcome::Fail {
        et.reason = Some("a claim came out as confirmed and not as refuted".to_owned());
    }
    add(results, et, &case(ET_ID, ET), Some(&recording(ET_ID, ET, End::Complete, 0)));
}

fn add_select(results: &mut Results) {
    let mut select = verdict(
        SELECT_ID,
        "Descriptor 1500 is beyond libc's fd_set, and the select system call watches it",
        Outcome::Pass,
        None,
    );
    select.grade = Grade::Surface;
    select.millis = 3;
    let says = "The limit of 1024 descriptors is enforced by FD_SETSIZE in the kernel.";
    let seen = vec![evidence("kernel_way", json!({"ret": 1}), &[])];
    select.claims =
        vec![claim("select.kernel-FD_SETSIZE", says, ClaimVerdict::Refuted, Some(ClaimVerdict::Refuted), seen)];
    add(results, select, &case(SELECT_ID, SELECT), None);
}

/// Everything came out as it must.
pub(crate) fn healthy() -> Results {
    let mut results = empty();
    add_et(&mut results, ClaimVerdict::Refuted);
    add_select(&mut results);
    results
}

/// A claim that is expected to be refuted was confirmed, and an expectation did not hold.
pub(crate) fn failing() -> Results {
    let mut results = empty();
    add_et(&mut results, ClaimVerdict::Confirmed);
    let last = results.verdicts.len() - 1;
    results.verdicts[last].expectations.push(Finding {
        name: "every arrival wakes".to_owned(),
        predicate: "wakes_later == arrivals && callbacks == arrivals".to_owned(),
        point: BTreeMap::from([("arrivals".to_owned(), Value::Int(5))]),
        held: Some(false),
        undecided: None,
        evidence: vec![evidence("wakes_later", json!(0), &[0, 2, 3])],
    });
    results.verdicts[last].claims[1].evidence = vec![evidence("wakes_later", json!(0), &[2])];
    // The exhibit is made of what the verdict points to.
    let (et, recorded) = (case(ET_ID, ET), recording(ET_ID, ET, End::Complete, 0));
    let exhibit = Exhibit::new(&et, Some(&recorded), &results.verdicts[last]);
    results.exhibits.insert(ET_ID.to_owned(), exhibit);
    add_select(&mut results);
    results
}

/// One of each outcome that is neither a pass nor a failure.
pub(crate) fn troubled() -> Results {
    let mut results = empty();
    let et = case(ET_ID, ET);
    let skip = "needs evidence of grade function, and here is only trace: run it on a guest's kernel";
    add(
        &mut results,
        verdict("epoll/ep-insert-asks-once", "EPOLL_CTL_ADD asks the file once", Outcome::Skip, Some(skip)),
        &et,
        None,
    );
    add(
        &mut results,
        verdict("epoll/ep-remove-unlinks", "EPOLL_CTL_DEL unlinks the item", Outcome::Skip, Some(skip)),
        &et,
        None,
    );
    let because = "known to differ: since 7.0 the list is kept elsewhere (fs/eventpoll.c)";
    add(
        &mut results,
        verdict("epoll/ready-list-order", "The ready list keeps the order of arrival", Outcome::Xfail, Some(because)),
        &et,
        None,
    );
    let unexpected = "`kernel < version(\"6.0\")` says that it must fail here, and it did not";
    add(
        &mut results,
        verdict("poll/array-is-copied", "poll copies the whole array", Outcome::Xpass, Some(unexpected)),
        &et,
        None,
    );
    let step = "steps[5].repeat[1]: await epoll_wait".to_owned();
    let late = End::Timeout { step, why: "waited 5 s for epoll_wait that reports conn, and saw a read".to_owned() };
    let late_id = "poll/wakes-on-hangup";
    let timeout =
        verdict(late_id, "poll reports a hang-up", Outcome::Timeout, Some("a step did not come to its end in time"));
    add(&mut results, timeout, &et, Some(&recording(late_id, ET, late, 0)));
    let lossy_id = "thread/herd-of-waiters";
    let mut lossy = verdict(
        lossy_id,
        "One connection wakes one waiter",
        Outcome::Inconclusive,
        Some("17 events were lost, so `exactly one` cannot be said"),
    );
    lossy.expectations.push(Finding {
        name: "exactly one".to_owned(),
        predicate: "woken == 1".to_owned(),
        point: BTreeMap::new(),
        held: None,
        undecided: Some("`woken` counts events, and 17 of sched_waking were lost".to_owned()),
        evidence: vec![evidence("woken", json!(1), &[])],
    });
    add(&mut results, lossy, &et, Some(&recording(lossy_id, ET, End::Complete, 17)));
    let why = "started epoll-et, expected it to announce its port within 2 s, and it exited with status 1".to_owned();
    let broken = End::Broken { step: "server".to_owned(), why };
    let broken_id = "thread/pool-serves-all";
    let set_up = verdict(broken_id, "A pool serves every connection", Outcome::Broken, Some("the set-up went wrong"));
    add(&mut results, set_up, &et, Some(&recording(broken_id, ET, broken, 0)));
    results.unfinished = vec!["wait-queue/exclusive-waiters".to_owned()];
    results
}

/// A control that did not fail.
pub(crate) fn blunt_control() -> Results {
    let mut results = empty();
    let mut blunt = verdict(
        ET_ID,
        "Edge-triggered epoll_wait returns once per arrival, drained or not",
        Outcome::Broken,
        Some("the control did not fail"),
    );
    blunt.control.discriminates = Some(false);
    blunt.control.findings.push(Finding {
        name: "epoll.et.only-first-time".to_owned(),
        predicate: "wakes_later == 0".to_owned(),
        point: BTreeMap::from([("arrivals".to_owned(), Value::Int(0))]),
        held: Some(true),
        undecided: None,
        evidence: vec![evidence("wakes_later", json!(0), &[])],
    });
    add(&mut results, blunt, &case(ET_ID, ET), None);
    results
}
