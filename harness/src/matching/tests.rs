//! What filters mean, on events as the kernel reports them.
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::*;
use crate::case::Filter;
use crate::judge::testing::event;
use crate::recording::{By, Extra, Named, Place};

const SERVER: u16 = 8000;
const EP: u64 = 0xffff_8000_0000_1000;

fn names() -> IndexMap<String, Vec<Named>> {
    IndexMap::from([
        ("conn".to_owned(), vec![Named::Connection { client: 5001, server: SERVER }]),
        ("idle".to_owned(), (0..3).map(|n| Named::Connection { client: 6000 + n, server: SERVER }).collect()),
        ("s0".to_owned(), vec![Named::Descriptor { fd: 7, local: 0, remote: 0 }]),
    ])
}

fn pattern(of: EventName, filter: &Filter) -> Pattern {
    let actors = BTreeMap::from([(11, "t[0]".to_owned()), (12, "t[1]".to_owned()), (13, "tx".to_owned())]);
    Pattern::new(of, filter, &names(), &actors).expect("a filter")
}

fn on(name: &str) -> Filter {
    Filter { on: Some(name.to_owned()), ..Filter::default() }
}

fn reports(name: &str) -> Filter {
    Filter { reports: Some(name.to_owned()), ..Filter::default() }
}

fn by(name: &str) -> Filter {
    Filter { by: Some(name.to_owned()), ..Filter::default() }
}

fn segment(local: u16, remote: u16) -> Event {
    Event { local, remote, ..event(1, EventName::TcpV4Rcv) }
}

fn call(name: EventName, by: By, fd: u32, value: i64) -> Event {
    Event { by: Some(by), pid: 100, tid: 100, detail: fd, value, ..event(1, name) }
}

fn seen(history: &[Event], pattern: &Pattern, event: &Event) -> bool {
    EXTRAS.with_borrow(|extras| {
        let scene = Scene { extras, ..Scene::default() };
        let mut matcher = Matcher::new();
        for event in history {
            matcher.observe(event, scene);
        }
        matcher.step(pattern, event, scene)
    })
}

thread_local! {
    /// What the events of a test carry beside.
    static EXTRAS: RefCell<Vec<Extra>> = const { RefCell::new(Vec::new()) };
}

fn carrying(extra: Extra) -> Option<Place> {
    EXTRAS.with_borrow_mut(|extras| extra.store(extras))
}

fn add(by: By, fd: u32, data: u64, ports: (u16, u16)) -> Event {
    let extra = carrying(Extra::Ctl { op: 1, fd, mask: 1, data, local: ports.0, remote: ports.1, target: 0 });
    Event { object: EP, extra, ..call(EventName::EpollCtl, by, 3, 0) }
}

fn reported(by: By, data: u64) -> Event {
    Event { object: EP, extra: carrying(Extra::Pairs(vec![(1, data)])), ..call(EventName::EpollWait, by, 3, 1) }
}

#[test]
fn a_connection_is_its_servers_end() {
    let to_server = pattern(EventName::TcpV4Rcv, &on("conn"));
    assert!(seen(&[], &to_server, &segment(SERVER, 5001)));
    assert!(!seen(&[], &to_server, &segment(5001, SERVER)), "a segment towards the client");
    assert!(!seen(&[], &to_server, &segment(SERVER, 5002)));
    assert!(!seen(&[], &to_server, &Event { local: SERVER, remote: 5001, ..event(1, EventName::SkDataReady) }));
}

#[test]
fn a_name_for_several_means_any_and_an_index_means_one() {
    let any = pattern(EventName::TcpV4Rcv, &on("idle"));
    let third = pattern(EventName::TcpV4Rcv, &on("idle[2]"));
    assert!(seen(&[], &any, &segment(SERVER, 6001)) && seen(&[], &third, &segment(SERVER, 6002)));
    assert!(!seen(&[], &third, &segment(SERVER, 6001)));
    assert!(!seen(&[], &pattern(EventName::TcpV4Rcv, &on("idle[3]")), &segment(SERVER, 6002)));
    assert!(!seen(&[], &pattern(EventName::TcpV4Rcv, &on("nobody")), &segment(SERVER, 6002)));
}

#[test]
fn a_report_is_understood_through_the_registration() {
    let pattern = pattern(EventName::EpollWait, &reports("conn"));
    let registered = [add(By::Server, 9, 9, (SERVER, 5001)), add(By::Server, 4, 4, (SERVER, 0))];
    assert!(seen(&registered, &pattern, &reported(By::Server, 9)));
    assert!(!seen(&registered, &pattern, &reported(By::Server, 4)), "the listener");
    assert!(!seen(&[], &pattern, &reported(By::Server, 9)), "never registered");
    let refused = Event { value: -17, ..add(By::Server, 9, 9, (SERVER, 5001)) };
    assert!(!seen(&[refused], &pattern, &reported(By::Server, 9)), "a failed epoll_ctl registers nothing");
    let other = Event { object: EP + 8, ..reported(By::Server, 9) };
    assert!(!seen(&registered, &pattern, &other), "another eventpoll");
}

#[test]
fn a_scripts_descriptor_is_known_by_its_number_and_its_object() {
    let waits = pattern(EventName::EpollWait, &reports("s0"));
    assert!(seen(&[add(By::Client, 7, 42, (0, 0))], &waits, &reported(By::Client, 42)));
    let reads = pattern(EventName::Read, &on("s0"));
    assert!(seen(&[], &reads, &call(EventName::Read, By::Client, 7, 1)));
    assert!(!seen(&[], &reads, &call(EventName::Read, By::Server, 7, 1)), "the server's descriptor 7 is another");
    let callbacks = pattern(EventName::EpPollCallback, &on("s0"));
    assert!(seen(&[], &callbacks, &Event { value: 7, ..event(1, EventName::EpPollCallback) }));
    let readable = pattern(EventName::SkDataReady, &on("s0"));
    let data = Event { object: 0xbeef, ..event(1, EventName::SkDataReady) };
    let read_before = Event { object: 0xbeef, ..call(EventName::Read, By::Client, 7, -11) };
    assert!(seen(&[read_before], &readable, &data) && !seen(&[], &readable, &data));
}

#[test]
fn accepted_descriptors_are_followed_through_close_and_fork() {
    let accepted = Event { local: SERVER, remote: 5001, ..call(EventName::Accept, By::Server, 4, 9) };
    let closes = pattern(EventName::Close, &on("conn"));
    let close = call(EventName::Close, By::Server, 9, 0);
    assert!(seen(&[accepted], &closes, &close));
    assert!(!seen(&[accepted, close], &closes, &close), "closed already");
    let fork =
        |child: i64, group: u32| Event { value: child, detail: group, ..call(EventName::Fork, By::Server, 0, 0) };
    let in_child = Event { pid: 200, tid: 200, ..close };
    assert!(seen(&[accepted, fork(200, 200)], &closes, &in_child));
    assert!(!seen(&[accepted, fork(201, 100)], &closes, &in_child), "a thread has no table of its own");
}

#[test]
fn poll_and_select_report_what_they_found() {
    let accepted = Event { local: SERVER, remote: 5001, ..call(EventName::Accept, By::Server, 4, 9) };
    let polls = pattern(EventName::Poll, &reports("conn"));
    let poll = |found| Event {
        extra: carrying(Extra::PollFds(vec![(4, 1, 0), (9, 1, found)])),
        ..call(EventName::Poll, By::Server, 0, 1)
    };
    assert!(seen(&[accepted], &polls, &poll(1)));
    assert!(!seen(&[accepted], &polls, &poll(0)));
    assert!(seen(&[accepted], &pattern(EventName::Poll, &on("conn")), &poll(0)), "asked about it");
    let selects = pattern(EventName::Select, &reports("conn"));
    let select =
        |fds: &[u32]| Event { extra: carrying(Extra::Set(fds.to_vec())), ..call(EventName::Select, By::Server, 10, 1) };
    assert!(seen(&[accepted], &selects, &select(&[9])) && !seen(&[accepted], &selects, &select(&[4])));
}

#[test]
fn who_did_it_is_a_role_or_an_actor() {
    let server = pattern(EventName::Read, &by("server"));
    assert!(seen(&[], &server, &call(EventName::Read, By::Server, 9, 1)));
    assert!(!seen(&[], &server, &call(EventName::Read, By::Client, 9, 1)));
    let thread = |tid| Event { tid, ..call(EventName::Read, By::Client, 9, 1) };
    let (all, one) = (pattern(EventName::Read, &by("t")), pattern(EventName::Read, &by("t[1]")));
    assert!(seen(&[], &all, &thread(11)) && seen(&[], &all, &thread(12)) && !seen(&[], &all, &thread(13)));
    assert!(!seen(&[], &one, &thread(11)) && seen(&[], &one, &thread(12)));
}

#[test]
fn whose_waking_it_is_is_an_actor_too() {
    let filter = Filter { wakes: Some("t[1]".to_owned()), ..Filter::default() };
    let waking = pattern(EventName::SchedWakeup, &filter);
    let woken = |tid| Event { tid: 11, value: tid, ..event(1, EventName::SchedWakeup) };
    assert!(seen(&[], &waking, &woken(12)) && !seen(&[], &waking, &woken(11)));
    let read = Event { value: 12, ..call(EventName::Read, By::Client, 9, 12) };
    assert!(!seen(&[], &pattern(EventName::Read, &filter), &read), "twelve bytes are nobody");
}

#[test]
fn stacks_are_compared_alike_with_and_without_preparation() {
    let filter = Filter { through: vec!["ep_poll_callback".to_owned(), "tcp_v4_rcv".to_owned()], ..Filter::default() };
    let stacks: Vec<Vec<Arc<str>>> = [&["ep_poll_callback", "tcp_v4_rcv"][..], &["tcp_v4_rcv"]]
        .map(|frames| frames.iter().map(|frame| Arc::from(*frame)).collect())
        .into();
    let scene = Scene { stacks: &stacks, ..Scene::default() };
    let live = pattern(EventName::SchedWaking, &filter);
    let prepared = pattern(EventName::SchedWaking, &filter).with_stacks(&stacks);
    for (stack, expected) in [(Some(0), true), (Some(1), false), (None, false), (Some(9), false)] {
        let waking = Event { stack: stack.map(Place::from), ..event(1, EventName::SchedWaking) };
        for pattern in [&live, &prepared] {
            assert_eq!(Matcher::new().matches(pattern, &waking, scene), expected, "{stack:?}");
        }
    }
}
