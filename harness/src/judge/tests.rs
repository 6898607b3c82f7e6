//! Verdicts on small recordings.
use super::testing::*;
use super::*;
use crate::case::EventName;
use crate::load::load;
use crate::recording::{BufferRange, End, Event, Half, Presence, Recording, Run};
use crate::verdict::Outcome;

/// A case about arrivals; `rest` replaces or adds keys.
fn case(rest: &str) -> LoadedCase {
    let text = format!(
        "title: A test\nwiring: none\nserver: {{model: epoll-et}}\nsteps: [{{connect: {{as: conn}}}}, {{mark: later}}]\n{rest}\n"
    );
    load("epoll/test", &text).unwrap_or_else(|error| panic!("{error}"))
}

const ARRIVALS: &str = "
with: {arrivals: 2}
claims:
  - id: epoll.once
    quotes: [{source: A, text: 苏醒一次}]
    says: Once per arrival.
    verdict: refined
    truth: Once per arrival.
    literal: first == 1
    repaired: first == 1 && later == arrivals
  - id: epoll.only-first
    quotes: [{source: A, text: 第一次}]
    says: Only the first time.
    verdict: refuted
    truth: Every arrival fires.
    literal: later == 0
    repaired: later == arrivals && callbacks == arrivals
measure:
  first: {count: {of: epoll_wait, only: {reports: conn, until: later}}}
  later: {count: {of: epoll_wait, only: {reports: conn, from: later}}}
  callbacks: {count: {of: ep_poll_callback, only: {on: conn, from: later}}}
control: {title: Nothing arrives, with: {arrivals: 0}, must_fail: [epoll.only-first]}
";

fn arrivals(script: Script, wakes: usize, callbacks: usize) -> Script {
    let script = script.connection("conn", 5001).callback("conn").wait_reports("conn").mark("later");
    let script = (0..callbacks).fold(script, |script, _| script.callback("conn"));
    (0..wakes).fold(script, |script, _| script.wait_reports("conn"))
}

fn subject(wakes: usize, callbacks: usize) -> Script {
    arrivals(Script::subject().at(&[("arrivals", 2)]), wakes, callbacks)
}

fn nothing_arrives() -> Run {
    arrivals(Script::control().at(&[("arrivals", 0)]), 0, 0).run()
}

fn judged(case: &LoadedCase, recording: &Recording) -> (Outcome, String, Verdict) {
    let verdict = judge(case, recording);
    (verdict.outcome, verdict.reason.clone().unwrap_or_default(), verdict)
}

fn on_arrivals(subject: Script) -> (Outcome, String, Verdict) {
    judged(&case(ARRIVALS), &recording([subject.run(), nothing_arrives()]))
}

#[test]
fn what_is_expected_passes_and_shows_its_evidence() {
    let (outcome, reason, verdict) = on_arrivals(subject(2, 2));
    assert_eq!((outcome, reason.as_str()), (Outcome::Pass, ""));
    assert_eq!(verdict.claims[0].found, Some(ClaimVerdict::Refined));
    assert_eq!((verdict.claims[0].literal, verdict.claims[0].repaired), (Some(true), Some(true)));
    assert_eq!(verdict.claims[1].found, Some(ClaimVerdict::Refuted));
    let later = verdict.claims[1].evidence.iter().find(|evidence| evidence.measure == "later").expect("evidence");
    assert_eq!((later.value.as_i64(), later.run, later.events.len()), (Some(2), 0, 2));
    assert_eq!((verdict.grade, verdict.control.discriminates), (Grade::Function, Some(true)));
}

#[test]
fn a_corrected_sentence_that_fails_is_shown_with_its_values() {
    let (outcome, reason, verdict) = on_arrivals(subject(1, 2));
    assert_eq!(outcome, Outcome::Fail);
    let expected = "epoll.once: expected refined, but the corrected sentence failed: later == arrivals is 1 == 2";
    assert!(reason.starts_with(expected), "{reason}");
    assert_eq!(verdict.claims[0].found, None);
}

#[test]
fn a_refuted_claim_that_suddenly_holds_is_a_failure() {
    let (outcome, reason, verdict) = on_arrivals(subject(0, 2));
    assert_eq!(outcome, Outcome::Fail);
    assert_eq!(verdict.claims[1].found, Some(ClaimVerdict::Confirmed));
    assert!(reason.contains("epoll.once") && reason.contains("1 more"), "{reason}");
}

#[test]
fn a_control_that_comes_out_like_the_case_breaks_it() {
    let same = arrivals(Script::control().at(&[("arrivals", 0)]), 0, 0).callback("conn").run();
    let case = case(
        &ARRIVALS
            .replace("literal: later == 0", "literal: later == 100")
            .replace("repaired: later == arrivals && callbacks == arrivals", "repaired: callbacks > 0"),
    );
    let (outcome, reason, verdict) = judged(&case, &recording([subject(2, 2).run(), same]));
    assert_eq!(outcome, Outcome::Broken);
    assert!(reason.starts_with("the control did not fail: epoll.only-first came out as in the case"), "{reason}");
    assert_eq!(verdict.control.discriminates, Some(false));
}

#[test]
fn lost_events_make_what_rests_on_them_inconclusive_and_nothing_else() {
    let (outcome, reason, verdict) = on_arrivals(subject(2, 2).lost("ep_poll_callback", 12, 4030));
    assert_eq!(outcome, Outcome::Inconclusive);
    assert!(reason.contains("12 of 4030 ep_poll_callback events were lost"), "{reason}");
    assert_eq!(verdict.claims[0].found, Some(ClaimVerdict::Refined), "needs no callbacks");
    assert_eq!(verdict.claims[1].found, None);
    let (outcome, ..) = on_arrivals(subject(2, 2).lost("sched_switch", 12, 4030));
    assert_eq!(outcome, Outcome::Pass, "nothing rests on switches");
    let missing = subject(2, 2).lost("sys_exit", 0, 90).with(|head| head.accounts[0].delivered = 80);
    assert_eq!(on_arrivals(missing).0, Outcome::Inconclusive, "fired, and neither delivered nor lost");
}

#[test]
fn only_runs_that_lost_what_is_asked_for_are_made_again() {
    let lossy = |script: Script| {
        let recording = recording([script.run(), nothing_arrives()]);
        super::lossy(&case(ARRIVALS), &recording).into_iter().collect::<Vec<usize>>()
    };
    assert!(lossy(subject(2, 2)).is_empty());
    assert_eq!(lossy(subject(2, 2).lost("ep_poll_callback", 12, 4030)), [0]);
    assert!(lossy(subject(2, 2).lost("sched_switch", 12, 4030)).is_empty(), "nothing rests on switches");
}

#[test]
fn anything_in_the_window_without_load_breaks_the_case() {
    let idle = Event { local: SERVER, remote: 5001, ..client(EventName::EpPollCallback) };
    let (outcome, reason, _) = on_arrivals(subject(2, 2).idle(idle));
    assert_eq!(outcome, Outcome::Broken);
    assert!(
        reason.contains("`callbacks` was 1 in the window without load") && reason.contains("event 0, ep_poll_callback"),
        "{reason}"
    );
}

#[test]
fn runs_that_did_not_end_say_so() {
    let timeout = || End::Timeout { step: "steps[1]: await epoll_wait".to_owned(), why: "0 of 1 seen".to_owned() };
    let (outcome, reason, verdict) = on_arrivals(subject(0, 0).with(|head| head.end = timeout()));
    assert_eq!(outcome, Outcome::Timeout);
    assert!(reason.contains("steps[1]: await epoll_wait") && reason.contains("0 of 1 seen"), "{reason}");
    assert_eq!(verdict.claims[0].found, None);
    let broken = End::Broken { step: "server".to_owned(), why: "no port".to_owned() };
    assert_eq!(on_arrivals(subject(0, 0).with(|head| head.end = broken)).0, Outcome::Broken);
    let mut control = nothing_arrives();
    control.head.end = timeout();
    let (outcome, reason, _) = judged(&case(ARRIVALS), &recording([subject(2, 2).run(), control]));
    assert_eq!(outcome, Outcome::Broken);
    assert!(reason.contains("so it is no control"), "{reason}");
}

#[test]
fn a_recording_without_its_control_is_broken() {
    let (outcome, reason, _) = judged(&case(ARRIVALS), &recording([subject(2, 2).run()]));
    assert_eq!((outcome, reason.as_str()), (Outcome::Broken, "the recording has no run of the control"));
}

#[test]
fn what_this_kernel_cannot_show_is_skipped_with_the_reason() {
    let mut recording = recording([subject(2, 2).run(), nothing_arrives()]);
    for report in recording.head.probes.iter_mut().filter(|report| report.probe == crate::case::Probe::EpPollCallback) {
        report.won = None;
        report.lost =
            vec![crate::recording::Loser { candidate: "fentry ep_poll_callback".into(), reason: "EPERM".into() }];
    }
    let (outcome, reason, verdict) = judged(&case(ARRIVALS), &recording);
    assert_eq!(outcome, Outcome::Skip);
    assert!(
        reason.contains("ep_poll_callback cannot be seen on this kernel (fentry ep_poll_callback: EPERM)"),
        "{reason}"
    );
    assert_eq!(verdict.claims[0].found, Some(ClaimVerdict::Refined));
    recording.head.grade = Grade::Surface;
    let (outcome, reason, _) = judged(&case(&format!("grade: trace\n{ARRIVALS}")), &recording);
    assert_eq!(outcome, Outcome::Skip);
    assert!(reason.contains("needs evidence of grade trace"), "{reason}");
}

#[test]
fn a_known_difference_must_show() {
    let known = "differs: [{when: 'kernel >= version(\"6.10\")', because: since 6.10, fails: [quick]}]";
    let rest = "measure: {n: {count: {of: read}}}\nexpect: {quick: n == 0, some: n < 9}\ncontrol: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [some]}\n";
    let run = |script: Script, reads| {
        (0..reads).fold(script.connection("conn", 5001), |script, _| script.read("conn", 1)).mark("later").run()
    };
    let with = |differs: &str, reads| {
        let recording = recording([run(Script::subject(), reads), run(Script::control(), 9)]);
        judged(&case(&format!("{rest}{differs}")), &recording)
    };
    assert_eq!(with("", 1).0, Outcome::Fail);
    let (outcome, reason, _) = with(known, 1);
    assert_eq!(outcome, Outcome::Xfail);
    assert!(reason.contains("since 6.10"), "{reason}");
    assert_eq!(with(known, 0).0, Outcome::Xpass);
    assert_eq!(with(&known.replace("6.10", "7.0"), 0).0, Outcome::Pass, "another kernel");
}

#[test]
fn a_known_difference_may_hang_on_a_function_of_the_kernel() {
    let rest = "measure: {n: {count: {of: read}}}\nexpect: {quick: n == 0, some: n < 9}\ncontrol: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [some]}\n";
    let known = "differs: [{when: '!has_function(\"ep_send_events\")', because: it is inlined, fails: [quick]}]";
    let run = |script: Script, reads| {
        (0..reads).fold(script.connection("conn", 5001), |script, _| script.read("conn", 1)).mark("later").run()
    };
    let with = |presence: Option<Presence>| {
        let mut recording = recording([run(Script::subject(), 1), run(Script::control(), 9)]);
        recording.head.landmarks.functions =
            presence.into_iter().map(|presence| ("ep_send_events".to_owned(), presence)).collect();
        judged(&case(&format!("{rest}{known}")), &recording)
    };
    assert_eq!(with(Some(Presence::Absent)).0, Outcome::Xfail);
    assert_eq!(with(Some(Presence::Typed)).0, Outcome::Fail);
    let (outcome, reason, _) = with(None);
    assert_eq!(outcome, Outcome::Broken);
    assert!(reason.contains("was not recorded"), "{reason}");
}

#[test]
fn calls_that_passed_without_being_counted_make_the_count_inconclusive() {
    let rest = "measure: {asked: {calls: {of: tcp_poll}}}\nexpect: {once: asked == 1}\ncontrol: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [once]}\n";
    let with = |missed| {
        let run = |script: Script, calls| script.mark("later").calls("tcp_poll", calls).run();
        let mut recording = recording([run(Script::subject(), 1), run(Script::control(), 2)]);
        recording.runs[0].head.counters.iter_mut().for_each(|report| report.missed = missed);
        judged(&case(rest), &recording)
    };
    assert_eq!(with(0).0, Outcome::Pass);
    let (outcome, reason, _) = with(3);
    assert_eq!(outcome, Outcome::Inconclusive);
    assert!(reason.contains("3 calls of tcp_poll passed without being counted"), "{reason}");
}

#[test]
fn what_is_counted_on_a_socket_may_happen_on_any_task() {
    let rest = "measure: {all: {calls: {of: tcp_poll}}, on_it: {calls: {of: tcp_poll, on: conn}}}\nexpect: {once: on_it == 1 && all == 0}\ncontrol: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [once]}\n";
    let with = |inside: bool, calls| {
        let by_nobody = |script: Script, calls| {
            script.connection("conn", 5000).mark("later").calls("tcp_poll", calls).with(|head| {
                for row in &mut head.counts {
                    (row.by, row.inside, row.local, row.remote) = (None, inside, SERVER, 5000);
                }
            })
        };
        judged(
            &case(rest),
            &recording([by_nobody(Script::subject(), calls).run(), by_nobody(Script::control(), 2).run()]),
        )
    };
    assert_eq!(with(true, 1).0, Outcome::Pass);
    assert_eq!(with(true, 2).0, Outcome::Fail);
    assert_eq!(with(false, 1).0, Outcome::Fail, "a stranger's socket may have the same ports");
}

#[test]
fn a_point_without_room_is_left_out_and_says_so() {
    let rest = "
sweep: {n: [1, 10, 100]}
measure: {asked: {calls: {of: tcp_poll, from: later}}}
expect: {as many: asked == n}
tables: {Asked: {rows: n, columns: {asked: asked}}}
control: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [as many]}
";
    let run = |script: Script, n: i64, calls: u64| script.at(&[("n", n)]).mark("later").calls("tcp_poll", calls).run();
    let without = |left_out: &[i64]| {
        let subject = [1, 10, 100].map(|n| (n, run(Script::subject(), n, n.cast_unsigned())));
        let control = [1, 10, 100].map(|n| (0, run(Script::control(), n, 3)));
        judged(
            &case(rest),
            &recording(subject.into_iter().chain(control).map(|(n, mut run)| {
                if left_out.contains(&n) {
                    run.head.end = End::LeftOut { why: format!("no room for {n}") };
                    run.head.counts.clear();
                }
                run
            })),
        )
    };
    let (outcome, _, verdict) = without(&[10]);
    assert_eq!(outcome, Outcome::Pass);
    let cells: Vec<_> = verdict.tables[0].rows.iter().map(|row| row.cells[0].why.as_deref()).collect();
    assert_eq!(cells, [None, Some("no room for 10"), None]);
    let (outcome, reason, _) = without(&[1, 10, 100]);
    assert_eq!(outcome, Outcome::Skip);
    assert_eq!(reason, "the case: no room for 1");
}

#[test]
fn a_sweep_must_hold_everywhere_and_its_growth_is_found() {
    let rest = "
sweep: {n: [1, 10, 100]}
measure:
  asked: {calls: {of: tcp_poll, from: later}}
  growth: {fit: {of: asked, over: n}}
expect: {grows: asked >= n, linearly: growth == \"linear\"}
control: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [grows, linearly]}
";
    let run = |script: Script, n: i64, calls: u64| script.at(&[("n", n)]).mark("later").calls("tcp_poll", calls).run();
    let series = |calls: [u64; 3]| {
        let subject = [1, 10, 100].into_iter().zip(calls).map(|(n, calls)| run(Script::subject(), n, calls));
        let control = [1, 10, 100].map(|n| run(Script::control(), n, 3));
        recording(subject.chain(control))
    };
    let (outcome, reason, verdict) = judged(&case(rest), &series([2, 20, 200]));
    assert_eq!((outcome, reason.as_str()), (Outcome::Pass, ""));
    assert_eq!(verdict.expectations.len(), 2, "one finding each, as all points agree");
    let (outcome, reason, verdict) = judged(&case(rest), &series([2, 2, 200]));
    assert_eq!((outcome, reason.contains("grows: asked >= n is 2 >= 10 at n = 10")), (Outcome::Fail, true), "{reason}");
    assert_eq!(verdict.expectations[0].point.len(), 1);
}

#[test]
fn a_fit_takes_a_field_of_a_state_and_counts_a_list() {
    let text = "
title: A test
wiring: none
sweep: {n: [1, 10, 100]}
steps: [{epoll_create: {as: ep}}, {inspect: {as: tree, state: {epoll: ep}}}]
measure:
  depth: {fit: {of: tree.depth, over: n}}
  length: {fit: {of: tree.ready, over: n}}
expect: {flat: depth == \"constant\", long: length == \"linear\"}
control: {title: Another one, steps: [{epoll_create: {as: ep}}, {mark: other}, {inspect: {as: tree, state: {epoll: ep}}}], must_fail: [long]}
";
    let case = load("epoll/test", text).unwrap_or_else(|error| panic!("{error}"));
    let run = |script: Script, n: i64, ready: usize| {
        let state = serde_json::json!({"depth": 3, "ready": vec!["far"; ready]});
        script.at(&[("n", n)]).with(|head| drop(head.states.insert("tree".to_owned(), vec![state]))).run()
    };
    let subject = [(1, 1), (10, 10), (100, 100)].map(|(n, ready)| run(Script::subject(), n, ready));
    let control = [1, 10, 100].map(|n| run(Script::control(), n, 1));
    let (outcome, reason, _) = judged(&case, &recording(subject.into_iter().chain(control)));
    assert_eq!((outcome, reason.as_str()), (Outcome::Pass, ""));
}

#[test]
fn a_fit_beside_a_number_is_asked_for_at_every_point() {
    let rest = "
sweep: {n: [1, 10, 100]}
measure:
  asked: {calls: {of: tcp_poll, from: later}}
  growth: {fit: {of: asked, over: n}}
expect: {exactly: growth == \"linear\" && asked == 2 * n}
control: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [exactly]}
";
    let run = |script: Script, n: i64, calls: u64| script.at(&[("n", n)]).mark("later").calls("tcp_poll", calls).run();
    let subject = [(1, 2), (10, 21), (100, 200)].map(|(n, calls)| run(Script::subject(), n, calls));
    let control = [1, 10, 100].map(|n| run(Script::control(), n, 3));
    let (outcome, reason, _) = judged(&case(rest), &recording(subject.into_iter().chain(control)));
    assert_eq!((outcome, reason.as_str()), (Outcome::Fail, "exactly: asked == 2 * n is 21 == 20 at n = 10"));
}

#[test]
fn what_a_predicate_asks_of_a_result_is_shown_of_it() {
    let rest = "steps: [{connect: {as: conn}}, {receive: {on: conn, bytes: 0, as: end}}]\nexpect: {open: end.bytes == 0 && !end.eof}\ncontrol: {title: Another one, steps: [{connect: {as: conn}}, {half_close: conn}, {receive: {on: conn, bytes: 0, as: end}}], must_fail: [open]}";
    let case = load("fd/test", &format!("title: A test\nwiring: none\nserver: {{model: fork}}\n{rest}\n"))
        .unwrap_or_else(|error| panic!("{error}"));
    let recording = recording([Script::subject().result("end", 0).run(), Script::control().result("end", 1).run()]);
    let (outcome, reason, verdict) = judged(&case, &recording);
    assert_eq!((outcome, reason.as_str()), (Outcome::Pass, ""));
    assert_eq!(verdict.expectations[0].evidence[0].value, serde_json::json!({"bytes": 0, "eof": false}));
}

#[test]
fn chains_faults_writes_lists_and_results_have_their_fields() {
    let rest = "
measure:
  way: {chain: {of: [tcp_v4_rcv, ep_poll_callback, sched_waking, epoll_wait, read], on: conn}}
  lengths: {list: {of: tcp_v4_rcv, take: len, only: {on: conn}}}
expect:
  chains: size(way) == 1 && way[0].ns == 4000 && way[0].steps[1] == \"ep_poll_callback\"
  lengths: lengths == [0, 8]
control: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [chains]}
";
    let way = |script: Script| {
        let script = script.connection("conn", 5001).segment("conn", 0).segment("conn", 8).callback("conn").waking();
        script.wait_reports("conn").read("conn", 8).mark("later")
    };
    let control = Script::control().connection("conn", 5001).segment("conn", 0).mark("later").run();
    let (outcome, reason, verdict) = judged(&case(rest), &recording([way(Script::subject()).run(), control]));
    assert_eq!((outcome, reason.as_str()), (Outcome::Pass, ""));
    assert_eq!(verdict.expectations[0].evidence[0].events, [3, 4, 5, 6, 7], "not the acknowledgement at 2");
}

#[test]
fn two_segments_in_one_wait_are_two_chains_that_share_it() {
    let rest = "
measure: {way: {chain: {of: [tcp_v4_rcv, ep_poll_callback, epoll_wait], on: conn}}}
expect: {two: size(way) == 2}
control: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [two]}
";
    let script = Script::subject()
        .connection("conn", 5001)
        .segment("conn", 1)
        .callback("conn")
        .segment("conn", 1)
        .callback("conn");
    let subject = script.wait_reports("conn").wait_reports("conn").mark("later").run();
    let control = Script::control().connection("conn", 5001).segment("conn", 1).callback("conn").mark("later").run();
    let (outcome, reason, _) = judged(&case(rest), &recording([subject, control]));
    assert_eq!((outcome, reason.as_str()), (Outcome::Pass, ""));
}

#[test]
fn a_chain_follows_the_processor_to_the_soft_interrupt_and_the_woken_task_to_the_run_queue() {
    let rest = "
measure:
  way:
    chain:
      of: [netif_rx, {of: softirq_entry, where: vec == 'NET_RX'}, tcp_probe, sk_data_ready, sched_waking, sched_wakeup, {of: sched_switch, where: enters}, read]
      on: conn
expect: {whole: size(way) == 1}
control: {title: Another one, steps: [{connect: {as: conn}}, {mark: later}, sentinel], must_fail: [whole]}
";
    let other = 201;
    let task = |name, woken: i64| Event { value: woken, ..client(name) };
    let way = |script: Script, cpu, woken, entering| {
        script
            .connection("conn", 5001)
            .seen("conn", EventName::NetifRx, &[])
            .event(Event { value: 1, ..client(EventName::SoftirqEntry) })
            .event(Event { value: 3, cpu, ..client(EventName::SoftirqEntry) })
            .seen("conn", EventName::TcpProbe, &[])
            .seen("conn", EventName::SkDataReady, &[])
            .waking()
            .event(task(EventName::SchedWakeup, woken))
            .event(Event { peer: 1, cpu: 1, ..task(EventName::SchedSwitch, entering) })
            .read("conn", 1)
            .mark("later")
            .run()
    };
    for (cpu, woken, entering) in [(1, 200, 200), (0, other, 200), (0, 200, other)] {
        let control = way(Script::control(), cpu, woken, entering);
        let (outcome, reason, _) = judged(&case(rest), &recording([way(Script::subject(), 0, 200, 200), control]));
        assert_eq!((outcome, reason.as_str()), (Outcome::Pass, ""), "{cpu}, {woken}, {entering}");
    }
}

#[test]
fn faults_and_writes_are_read_off_what_the_kernel_touched() {
    let mut case = case(ARRIVALS).case().clone();
    case.measure = serde_json::from_value(serde_json::json!({
        "faults": {"faults": {"inside": "events"}},
        "probed": {"faults": {"inside": "more"}},
        "writes": {"writes": {"to": "list", "through": ["ep_poll_callback"]}},
        "reads": {"count": {"of": "read", "only": {"by": "server", "where": "ret < 0"}}},
    }))
    .expect("measures");
    let buffer = BufferRange { start: 0x7000, bytes: 4096 };
    let fault = |object, detail| Event { object, detail, ..client(EventName::PageFaultKernel) };
    let run = Script::subject()
        .connection("conn", 5001)
        .seen("conn", EventName::Watch, &["hw_breakpoint_handler", "ep_poll_callback.cold", "tcp_v4_rcv"])
        .seen("conn", EventName::Watch, &["ep_done_scan"])
        .seen("conn", EventName::PageFaultKernel, &["copy_user_generic", "copy_from_user_nofault", "bpf_trace_run2"])
        .event(fault(0x7006, 3))
        .event(fault(0x8000, 3))
        .read("conn", 8)
        .read("conn", -11)
        .with(|head| head.watches = vec!["list".to_owned()])
        .with(|head| _ = head.buffers.insert("events".to_owned(), buffer))
        .with(|head| _ = head.buffers.insert("more".to_owned(), BufferRange { start: 0xb000, bytes: 4096 }))
        .run();
    let taken = measure::measure(&run, &case, &head()).taken;
    let value = |name: &str| taken[name].value.as_ref().expect("a value").shown();
    assert_eq!(value("faults"), serde_json::json!([{"offset": 6, "write": true, "by": ""}]));
    assert_eq!(value("probed"), serde_json::json!([]), "a probe's own access");
    let write = &value("writes")[0];
    assert_eq!(
        (write["by"].as_str(), write["target"].as_str(), write["empty"].as_bool()),
        (Some("ep_poll_callback"), Some("conn"), Some(false))
    );
    assert_eq!(value("writes").as_array().map(Vec::len), Some(1));
    assert_eq!(value("reads"), 1);
}

#[test]
fn results_of_calls_need_no_events_and_give_grade_surface() {
    let rest = "steps: [{socketpair: {as: [near, far]}}, {read: {on: far, bytes: 1, as: got}}]\nexpect: {one: got.ret == 1 && got.errno == \"\"}\ncontrol: {title: Nothing to read, steps: [{socketpair: {as: [near, far]}}, {write: {on: near, bytes: 1}}, {read: {on: far, bytes: 1, as: got}}], must_fail: [one]}";
    let text = format!("title: A test\nwiring: none\n{rest}\n");
    let case = load("fd/test", &text).unwrap_or_else(|error| panic!("{error}"));
    let run = |half: Half, ret| match half {
        Half::Subject => Script::subject().result("got", ret).run(),
        Half::Control => Script::control().result("got", ret).run(),
    };
    let mut recording = recording([run(Half::Subject, 1), run(Half::Control, 0)]);
    recording.head.grade = Grade::Surface;
    let (outcome, reason, verdict) = judged(&case, &recording);
    assert_eq!((outcome, reason.as_str(), verdict.grade), (Outcome::Pass, "", Grade::Surface));
    let [shown] = verdict.expectations[0].evidence.as_slice() else { panic!("one result") };
    assert_eq!((shown.measure.as_str(), &shown.value), ("got", &serde_json::json!({"ret": 1, "errno": ""})));
}

#[test]
fn claims_are_decided_without_an_expectation_that_needs_more() {
    let more =
        ARRIVALS.replace("control:", "  called: {calls: {of: tcp_poll}}\nexpect: {polled: called == 1}\ncontrol:");
    let (outcome, reason, verdict) = judged(&case(&more), &recording([subject(2, 2).run(), nothing_arrives()]));
    assert_eq!((outcome, reason.as_str()), (Outcome::Pass, "in part: polled: calls of tcp_poll were not counted"));
    assert_eq!(verdict.expectations[0].held, None);
}

#[test]
fn an_expectation_that_needs_more_does_not_hide_the_others() {
    let steps = "steps: [{socketpair: {as: [near, far]}}, {read: {on: far, bytes: 1, as: got}}]";
    let rest = "measure: {called: {calls: {of: tcp_poll}}}\nexpect: {one: got.ret == 1, polled: called == 1}\n\
                control: {title: No byte, steps: [{socketpair: {as: [a, b]}}, {read: {on: b, bytes: 0, as: got}}], must_fail: [one]}";
    let case = load("fd/test", &format!("title: A test\nwiring: none\n{steps}\n{rest}\n"))
        .unwrap_or_else(|error| panic!("{error}"));
    let runs = |ret| [Script::subject().result("got", ret).run(), Script::control().result("got", 0).run()];
    let (outcome, reason, _) = judged(&case, &recording(runs(1)));
    assert_eq!((outcome, reason.as_str()), (Outcome::Pass, "in part: polled: calls of tcp_poll were not counted"));
    let (outcome, reason, _) = judged(&case, &recording(runs(0)));
    assert_eq!(outcome, Outcome::Fail, "{reason}");
}

#[test]
fn on_a_locked_down_kernel_derived_events_decide_with_grade_trace() {
    const INSERT: &[&str] = &["ep_poll_callback", "sock_def_readable", "tcp_v4_rcv"];
    let rest = "
with: {arrivals: 2}
measure:
  segments: {count: {of: tcp_v4_rcv, only: {on: conn}}}
  inserted: {count: {of: ep_poll_callback, only: {on: conn}}}
expect: {each is inserted: segments == arrivals && inserted == arrivals}
control: {title: Nothing arrives, with: {arrivals: 1}, must_fail: [each is inserted]}
";
    let run = |script: Script, arrivals: i64| {
        let script = script.at(&[("arrivals", arrivals)]).connection("conn", 5001);
        let arrive =
            |script: Script| script.seen("conn", EventName::SkDataReady, INSERT).seen("conn", EventName::Watch, INSERT);
        arrive(arrive(script)).mark("later").run()
    };
    let mut recording = recording([run(Script::subject(), 2), run(Script::control(), 1)]);
    (recording.head.grade, recording.head.probes) = (Grade::Trace, trace_probes());
    let (outcome, reason, verdict) = judged(&case(rest), &recording);
    assert_eq!((outcome, reason.as_str(), verdict.grade), (Outcome::Pass, "", Grade::Trace));
    assert_eq!(verdict.expectations[0].evidence[0].events, [2, 4], "a derived event is shown by its source");
    recording.runs[0].head.accounts = Script::subject().lost("watch", 1, 9).run().head.accounts;
    assert_eq!(judge(&case(rest), &recording).outcome, Outcome::Inconclusive, "what it was derived from was lost");
}

#[test]
fn a_table_has_a_cell_for_each_run_and_a_reason_where_there_is_no_value() {
    let text = "
sweep: {n: [1, 10]}
measure: {wakes: {count: {of: epoll_wait}}, asked: {calls: {of: tcp_poll}}}
expect: {once each: wakes == n}
tables:
  What it costs:
    rows: n
    facts: {asked of one: wakes}
    columns: {wakes: wakes, wakes for each: double(wakes) / double(n), questions: asked}
control: {title: Nothing happens, with: {n: 0}, must_fail: [once each]}
";
    let run = |script: Script, n: i64, wakes: usize| {
        let script = script.at(&[("n", n)]).connection("conn", 5001).mark("later");
        (0..wakes).fold(script, |script, _| script.wait_reports("conn")).run()
    };
    let runs = [run(Script::subject(), 1, 1), run(Script::subject(), 10, 5), run(Script::control(), 0, 2)];
    let verdict = judge(&case(text), &recording(runs));
    let [table] = &verdict.tables[..] else { panic!("{:?}", verdict.tables) };
    let values = |row: usize| table.rows[row].cells.iter().map(|cell| cell.value.clone()).collect::<Vec<_>>();
    assert_eq!(values(0), [Some(1.into()), Some(1.0.into()), None]);
    assert_eq!(values(1), [Some(5.into()), Some(0.5.into()), None]);
    assert_eq!(table.rows[1].cells[0].run, Some(1));
    assert!(table.rows[1].cells[2].why.as_deref().is_some_and(|why| why.contains("tcp_poll")));
    assert_eq!(table.facts[0].cell.value, Some(1.into()));
}

#[test]
fn packets_are_followed_to_the_socket_that_gets_them() {
    let mut case = case(ARRIVALS).case().clone();
    case.measure = serde_json::from_value(serde_json::json!({
        "way": {"packets": {"at": ["net_dev_queue", "netif_receive_skb", "tcp_probe"], "to": "conn"}},
    }))
    .expect("measures");
    let packet = |name, (local, remote)| Event { object: 0x10, peer: 0x10, local, remote, ..client(name) };
    let lies = |headroom| crate::recording::Extra::Packet { head: 0x100, headroom, bytes: 100 - headroom };
    let run = Script::subject()
        .connection("conn", 5001)
        .carrying(lies(20), packet(EventName::NetDevQueue, (5001, testing::SERVER)))
        .carrying(lies(34), packet(EventName::NetifReceiveSkb, (testing::SERVER, 5001)))
        .carrying(lies(54), packet(EventName::TcpProbe, (testing::SERVER, 5001)))
        .carrying(lies(20), packet(EventName::NetDevQueue, (testing::SERVER, 5001)))
        .carrying(lies(54), packet(EventName::TcpProbe, (5001, testing::SERVER)))
        .run();
    let taken = measure::measure(&run, &case, &head()).taken;
    let way = taken["way"].value.as_ref().expect("a value").shown();
    assert_eq!(way.as_array().map(Vec::len), Some(3), "what goes the other way is another packet: {way}");
    let third = serde_json::json!({"at": "tcp_probe", "skb": "0x10", "head": "0x100", "headroom": 54, "bytes": 46});
    assert_eq!(way[2], third);
}
