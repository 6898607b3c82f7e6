//! What is recorded for a case, and what is not decided.
use wakeproof_abi::Kind;

use super::{Capabilities, Plan, decide, plan};
use crate::case::{Grade, Probe, Step};
use crate::load::load;
use crate::recording::{Half, Loser, ProbeReport};

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
    Probe::SocketStates,
];

/// A kernel that allows everything, or no function probe.
fn have(grade: Grade) -> Capabilities {
    let report = |probe| {
        let function = matches!(probe, Probe::TcpV4Rcv | Probe::EpPollCallback | Probe::FunctionCounter);
        let lost = function && grade < Grade::Function;
        ProbeReport {
            probe,
            won: (!lost).then(|| "won".to_owned()),
            grade: (!lost).then_some(if function { Grade::Function } else { Grade::Trace }),
            lost: lost
                .then(|| Loser { candidate: "fentry".to_owned(), reason: "EPERM".to_owned() })
                .into_iter()
                .collect(),
        }
    };
    Capabilities {
        grade,
        probes: PROBES.into_iter().chain([Probe::FunctionCounter]).map(report).collect(),
        blind: None,
        no_wire: None,
    }
}

fn planned(text: &str, have: &Capabilities) -> Plan {
    plan(&load("epoll/example", text).unwrap_or_else(|wrong| panic!("{wrong}")), have)
}

const SERVER: &str = r"
title: Edge-triggered fires once per arrival
wiring: client ── conn ── ep
with: {arrivals: 5}
sweep: {bytes: [1, 10]}
server: {model: epoll-et}
steps:
  - connect: {as: conn}
  - repeat: {times: '${arrivals}', steps: [{send: {on: conn, bytes: '${bytes}'}}]}
  - await: {event: {of: epoll_wait, only: {reports: conn}}}
measure:
  callbacks: {count: {of: ep_poll_callback, only: {on: conn}}}
  small: {count: {of: tcp_v4_rcv, only: {on: conn, where: len < 5}}}
  polls: {calls: {of: [tcp_poll, sock_poll], on: conn}}
expect:
  once each: callbacks == arrivals
  all small: small == arrivals
  asked: polls >= 1
control:
  title: Nothing arrives
  with: {arrivals: 0, bytes: 1}
  must_fail: [once each]
";

const SCRIPT: &str = r"
title: A script on an eventpoll
wiring: near ── end ── ep
steps:
  - socketpair: {as: [near, end]}
  - epoll_create: {as: ep}
  - epoll_ctl: {ep: ep, add: end, events: [IN]}
  - epoll_wait: {ep: ep, timeout: 0, as: got}
measure:
  callbacks: {count: {of: ep_poll_callback, only: {on: end, through: [sock_def_readable]}}}
expect:
  none: callbacks == 0
  no result: got.ret == 0
control:
  title: A byte arrives
  steps:
    - socketpair: {as: [near, end]}
    - epoll_create: {as: ep}
    - epoll_ctl: {ep: ep, add: end, events: [IN]}
    - write: {on: near, bytes: 1}
    - epoll_wait: {ep: ep, timeout: 0, as: got}
  must_fail: [none]
";

#[test]
fn the_subject_runs_at_each_point_and_the_control_where_it_differs() {
    let plan = planned(SERVER, &have(Grade::Function));
    let halves: Vec<Half> = plan.runs.iter().map(|run| run.half).collect();
    assert_eq!(halves, [Half::Subject, Half::Subject, Half::Control]);
    assert_eq!(plan.runs[2].point, plan.runs[2].case.with.clone().into_iter().collect());
    assert!(plan.decision.undecided.is_empty());
}

#[test]
fn functions_are_probed_where_they_can_be() {
    let plan = planned(SERVER, &have(Grade::Function));
    let wants = &plan.runs[0].wants;
    assert_ne!(wants.kinds & Kind::EpPollCallback.bit(), 0);
    assert_eq!(wants.kinds & Kind::Watch.bit(), 0);
    assert_eq!(wants.stacks, 0);
    assert!(!wants.server_ready_list);
    assert_eq!(wants.counters.len(), 1);
    assert_eq!(wants.counters[0].of, ["tcp_poll", "sock_poll"]);
    for number in
        [libc::SYS_epoll_wait, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2, libc::SYS_epoll_ctl, libc::SYS_accept4]
    {
        assert!(wants.exit.contains(&u16::try_from(number).unwrap()), "{number}");
    }
    let number = u16::try_from(libc::SYS_epoll_wait).unwrap();
    assert!(wants.enter.contains(&number), "the picture shows how long a task waits");
}

#[test]
fn a_case_that_does_much_has_no_picture() {
    let much = SERVER.replace("with: {arrivals: 5}", "with: {arrivals: 5000}");
    let plan = planned(&much, &have(Grade::Function));
    assert!(plan.runs[0].wants.enter.is_empty());
}

#[test]
fn without_function_probes_the_ready_list_is_watched() {
    let plan = planned(SERVER, &have(Grade::Trace));
    let wants = &plan.runs[0].wants;
    assert!(wants.server_ready_list);
    assert_eq!(wants.kinds & Kind::EpPollCallback.bit(), 0);
    assert_ne!(wants.stacks & Kind::Watch.bit(), 0);
    assert_eq!(plan.decision.skip, None);
    let undecided: Vec<&str> = plan.decision.undecided.keys().map(String::as_str).collect();
    assert_eq!(undecided, ["all small", "asked"]);
    insta::assert_snapshot!(plan.decision.undecided["all small"], @"`small` cannot be measured: `len` is only known where the function tcp_v4_rcv itself is probed: run it on a kernel that allows function probes, such as a guest");
    insta::assert_snapshot!(plan.decision.undecided["asked"], @"`polls` cannot be measured: `function_counter` cannot be attached here (fentry: EPERM): run it on a kernel that allows function probes, such as a guest");
}

#[test]
fn a_script_watches_the_ready_list_of_its_own_eventpoll() {
    let plan = planned(SCRIPT, &have(Grade::Trace));
    let run = &plan.runs[0];
    assert!(!run.wants.server_ready_list);
    assert!(run.wants.ready_lists.contains("ep"));
    assert!(matches!(&run.case.steps[2], Step::Watch(watch) if watch.name == "ready list of ep"));
    let plan = planned(SCRIPT, &have(Grade::Function));
    assert!(matches!(&plan.runs[0].case.steps[2], Step::EpollCtl(_)));
    assert_ne!(plan.runs[0].wants.stacks & Kind::EpPollCallback.bit(), 0);
}

#[test]
fn at_the_surface_nothing_is_recorded_and_only_results_are_decided() {
    let blind = Capabilities::surface("this is user 7: run as root");
    let plan = planned(SCRIPT, &blind);
    assert_eq!(plan.decision.skip, None);
    assert_eq!(plan.decision.undecided.keys().collect::<Vec<_>>(), ["none"]);
    assert_eq!(plan.runs[0].wants, super::Wants::default());
    let plan = planned(SERVER, &blind);
    assert!(plan.runs.is_empty());
    insta::assert_snapshot!(plan.decision.skip.unwrap(), @"needs evidence of grade trace, and here is only surface: this is user 7: run as root");
}

#[test]
fn a_case_that_needs_more_is_skipped_with_what_to_do() {
    let case = load("a/b", &SCRIPT.replace("wiring:", "grade: function\nwiring:")).unwrap();
    insta::assert_snapshot!(decide(&case, &have(Grade::Trace)).skip.unwrap(), @"needs evidence of grade function, and here is only trace: run it on a kernel that allows function probes, such as a guest");
}

#[test]
fn a_case_over_virtual_ethernet_is_skipped_where_none_can_be_made() {
    let text = "
title: A pair over a wire
wiring: near ── far
steps: [{tcp_pair: {as: [near, far], over: veth}}, {read: {on: far, bytes: 1, as: got}}]
expect: {nothing: got.ret == 0}
control: {title: It goes over loopback, steps: [{tcp_pair: {as: [near, far]}}, {read: {on: far, bytes: 1, as: got}}], must_fail: [nothing]}
";
    let without = Capabilities { no_wire: Some("Unknown device type".to_owned()), ..have(Grade::Trace) };
    assert_eq!(planned(text, &have(Grade::Trace)).decision.skip, None);
    let why = planned(text, &without).decision.skip.expect("a reason");
    assert!(why.contains("Unknown device type"), "{why}");
}
