//! What is wrong with a case file, and how it is shown.
use super::load;

mod claims;
mod mutations;
mod names;
mod predicates;
mod shape;
mod sockets;
mod tables;

/// A case that is right, to be made wrong in one place.
const RIGHT: &str = r#"title: Edge-triggered epoll_wait returns once per arrival
claims:
  - id: epoll.et.wakes-once
    quotes:
      - {source: A, text: 苏醒一次}
    says: One arrival makes epoll_wait return once.
    verdict: refined
    truth: Once per arrival.
    literal: wakes == 1
    repaired: wakes == arrivals && size(ways) >= 0
wiring: client ──▶ conn ──(et)──▶ ep ──▶ server
with: {arrivals: 5}
sweep: {model: [epoll-lt, epoll-et]}
server: {model: "${model}", options: {read: never}}
steps:
  - connect: {as: conn}
  - await: {event: {of: tcp_v4_rcv, only: {on: conn, where: len > 0}}}
  - mark: later
  - repeat:
      times: ${arrivals}
      steps:
        - send: {on: conn, bytes: 1}
        - receive: {on: conn, bytes: 0, as: taken}
  - socketpair: {as: [near, end]}
  - read: {on: near, bytes: 1, as: got}
  - sentinel
measure:
  wakes: {count: {of: epoll_wait, only: {reports: conn, from: later}}}
  lengths: {list: {of: tcp_v4_rcv, take: len}}
  ways: {chain: {of: [tcp_v4_rcv, ep_poll_callback], on: conn}}
expect:
  once each: wakes == arrivals
  all of one byte: lengths.all(l, l == 1)
control:
  title: Without arrivals nothing fires
  with: {arrivals: 0}
  must_fail: [once each]
"#;

/// What is said when `right` is replaced by `wrong`.
fn said(right: &str, wrong: &str) -> String {
    assert!(RIGHT.contains(right), "nothing to replace: {right}");
    match load("epoll/example", &RIGHT.replacen(right, wrong, 1)) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(found) => found.to_string(),
    }
}

#[test]
fn the_example_is_right() {
    let case = load("epoll/example", RIGHT).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(case.points().len(), 2);
    assert!(case.is_many("taken"));
    assert!(!case.is_many("got"));
}
