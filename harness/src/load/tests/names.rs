//! Names that are referred to.
use insta::assert_snapshot;

use super::said;

#[test]
fn a_connection_must_have_been_named() {
    assert_snapshot!(said("- send: {on: conn", "- send: {on: con"), @r#"
    error: unknown connection `con`
      --> cases/epoll/example.yaml:22:22
       |
    22 |         - send: {on: con, bytes: 1}
       |                      ^^^ no step has named it by here
       = help: did you mean `conn`?
    "#);
    assert_snapshot!(said("- send: {on: conn", "- send: {on: near"), @r#"
    error: unknown connection `near`
      --> cases/epoll/example.yaml:22:22
       |
    22 |         - send: {on: near, bytes: 1}
       |                      ^^^^ no step has named it by here
       = help: known here: `conn`
    "#);
}

#[test]
fn the_order_of_the_steps_counts() {
    assert_snapshot!(said("  - connect: {as: conn}\n", ""), @r#"
    error: unknown connection or object `conn`
      --> cases/epoll/example.yaml:16:48
       |
    16 |   - await: {event: {of: tcp_v4_rcv, only: {on: conn, where: len > 0}}}
       |                                                ^^^^ no step has named it by here

    error: unknown connection `conn`
      --> cases/epoll/example.yaml:21:22
       |
    21 |         - send: {on: conn, bytes: 1}
       |                      ^^^^ no step has named it by here

    error: unknown connection `conn`
      --> cases/epoll/example.yaml:22:25
       |
    22 |         - receive: {on: conn, bytes: 0, as: taken}
       |                         ^^^^ no step has named it by here

    error: unknown connection or object `conn`
      --> cases/epoll/example.yaml:27:51
       |
    27 |   wakes: {count: {of: epoll_wait, only: {reports: conn, from: later}}}
       |                                                   ^^^^ no step has named it by here
       = help: known here: `near` and `end`

    error: unknown connection or object `conn`
      --> cases/epoll/example.yaml:29:58
       |
    29 |   ways: {chain: {of: [tcp_v4_rcv, ep_poll_callback], on: conn}}
       |                                                          ^^^^ no step has named it by here
       = help: known here: `near` and `end`
    "#);
}

#[test]
fn marks_buffers_watches_and_actors_must_have_been_named() {
    assert_snapshot!(said("from: later", "from: latter"), @r#"
    error: unknown mark `latter`
      --> cases/epoll/example.yaml:28:63
       |
    28 |   wakes: {count: {of: epoll_wait, only: {reports: conn, from: latter}}}
       |                                                               ^^^^^^ no step has named it by here
       = help: did you mean `later`?
    "#);
    let awaited = |mark: &str| said("{on: conn, where: len > 0}", &format!("{{on: conn, {mark}}}"));
    assert_snapshot!(awaited("from: latter"), @r"
    error: unknown mark `latter`
      --> cases/epoll/example.yaml:17:60
       |
    17 |   - await: {event: {of: tcp_v4_rcv, only: {on: conn, from: latter}}}
       |                                                            ^^^^^^ no step has named it by here
    ");
    assert_snapshot!(awaited("until: end"), @r"
    error: what is awaited is still to come
      --> cases/epoll/example.yaml:17:61
       |
    17 |   - await: {event: {of: tcp_v4_rcv, only: {on: conn, until: end}}}
       |                                                             ^^^ only a measure ends at a mark
    ");
    assert_snapshot!(
        said("lengths: {list: {of: tcp_v4_rcv, take: len}}", "lengths: {list: {of: tcp_v4_rcv, take: lem, only: {by: waiter}}}"),
        @r#"
    error: this event has no field `lem`
      --> cases/epoll/example.yaml:29:42
       |
    29 |   lengths: {list: {of: tcp_v4_rcv, take: lem, only: {by: waiter}}}
       |                                          ^^^
       = help: did you mean `len`?

    error: unknown actor `waiter`
      --> cases/epoll/example.yaml:29:58
       |
    29 |   lengths: {list: {of: tcp_v4_rcv, take: lem, only: {by: waiter}}}
       |                                                          ^^^^^^ no step has named it by here
    "#
    );
    assert_snapshot!(said("  lengths:", "  there: {faults: {inside: page}}\n  written: {writes: {to: list}}\n  lengths:"), @r#"
    error: unknown buffer `page`
      --> cases/epoll/example.yaml:29:28
       |
    29 |   there: {faults: {inside: page}}
       |                            ^^^^ no step has named it by here

    error: unknown watch `list`
      --> cases/epoll/example.yaml:30:26
       |
    30 |   written: {writes: {to: list}}
       |                          ^^^^ no step has named it by here
    "#);
}

#[test]
fn a_name_is_given_once() {
    assert_snapshot!(said("[near, end]", "[near, conn]"), @r#"
    error: `conn` is already a connection
      --> cases/epoll/example.yaml:24:29
       |
    24 |   - socketpair: {as: [near, conn]}
       |                             ^^^^ choose another name
    "#);
    assert_snapshot!(said("- mark: later", "- mark: end"), @r#"
    error: `end` has a meaning of its own
      --> cases/epoll/example.yaml:18:11
       |
    18 |   - mark: end
       |           ^^^ choose another name

    error: unknown mark `later`
      --> cases/epoll/example.yaml:28:63
       |
    28 |   wakes: {count: {of: epoll_wait, only: {reports: conn, from: later}}}
       |                                                               ^^^^^ no step has named it by here
    "#);
}

#[test]
fn a_fit_is_of_a_number_over_a_swept_parameter() {
    assert_snapshot!(said("  lengths:", "  grows: {fit: {of: wakes.depth, over: arrivals}}\n  lengths:"), @r#"
    error: unknown state `wakes`
      --> cases/epoll/example.yaml:29:21
       |
    29 |   grows: {fit: {of: wakes.depth, over: arrivals}}
       |                     ^^^^^^^^^^^ no step has named it by here

    error: `arrivals` is not swept
      --> cases/epoll/example.yaml:29:40
       |
    29 |   grows: {fit: {of: wakes.depth, over: arrivals}}
       |                                        ^^^^^^^^ expected a parameter of `sweep`
       = help: known here: `model`
    "#);
}

#[test]
fn a_server_takes_only_its_own_options() {
    let said = said("[epoll-lt, epoll-et]", "[epoll-lt, fork]");
    assert!(said.starts_with("error: `--read` does not apply to the model `fork`"), "{said}");
    assert!(said.contains("--> cases/epoll/example.yaml:14:9"), "{said}");
}

#[test]
fn without_a_server_nobody_can_connect() {
    assert_snapshot!(
        said("sweep: {model: [epoll-lt, epoll-et]}\nserver: {model: \"${model}\", options: {read: never}}\n", ""),
        @r#"
    error: this needs a server
      --> cases/epoll/example.yaml:14:5
       |
    14 |   - connect: {as: conn}
       |     ^ the case has none

    error: this needs a server
      --> cases/epoll/example.yaml:24:5
       |
    24 |   - sentinel
       |     ^^^^^^^^ the case has none
    "#
    );
}

#[test]
fn the_steps_of_the_control_have_names_of_their_own() {
    assert_snapshot!(said("  with: {arrivals: 0}", "  steps: [{connect: {as: conn}}]"), @r#"
    error: unknown mark `later`
      --> cases/epoll/example.yaml:28:63
       |
    28 |   wakes: {count: {of: epoll_wait, only: {reports: conn, from: later}}}
       |                                                               ^^^^^ no step of the control has named it by here
    "#);
}

#[test]
fn epoll_ctl_does_one_thing() {
    assert_snapshot!(
        said("  - sentinel", "  - epoll_create: {as: ep}\n  - epoll_ctl: {ep: ep, add: near, delete: end}\n  - sentinel"),
        @r#"
    error: `epoll_ctl` does 2 things
      --> cases/epoll/example.yaml:27:16
       |
    27 |   - epoll_ctl: {ep: ep, add: near, delete: end}
       |                ^ expected exactly one of `add`, `modify` and `delete`
    "#
    );
}

#[test]
fn a_place_among_several_must_exist() {
    assert_snapshot!(said("{on: near, bytes: 1, as: got}", "{on: \"near[1]\", bytes: 1, as: got}"), @r#"
    error: `near[1]` does not exist
      --> cases/epoll/example.yaml:25:16
       |
    25 |   - read: {on: "near[1]", bytes: 1, as: got}
       |                ^^^^^^^^^ `near` stands for 1, counted from 0
    "#);
}

#[test]
fn a_script_connects_to_a_listener_that_it_has_made() {
    let wrong = said("- connect: {as: conn}", "- connect: {as: conn, to: nobody}");
    assert!(wrong.starts_with("error: unknown connection or object `nobody`"), "{wrong}");
}

#[test]
fn a_comparison_is_of_two_descriptors_or_of_two_processes() {
    let complaint = |step: &str| said("- send: {on: conn, bytes: 1}", step);
    assert!(complaint("- kcmp: {what: file, one: conn, as: same}").contains("expected `one` and `other` for `file`"));
    assert!(complaint("- kcmp: {what: vm, as: same}").contains("expected `with`: an actor"));
    assert!(complaint("- kcmp: {what: file, one: conn, other: con, as: same}").contains("did you mean `conn`?"));
}

#[test]
fn a_state_may_have_the_name_of_what_it_is_read_from() {
    let right = said("- send: {on: conn, bytes: 1}", "- inspect: {as: conn, state: {file: conn}}");
    assert_eq!(right, "nothing is wrong");
}

#[test]
fn a_crowd_has_its_room_and_its_result() {
    let crowded = |steps: &str| said("  - connect: {as: conn}\n", &format!("  - connect: {{as: conn}}\n{steps}"));
    assert_eq!(
        crowded(
            "  - room: {as: room, clients: 9, kilobytes: 1}\n  - resources: {as: held}\n  \
             - crowd: {as: all, clients: 9, within: room, result: came}\n  - send: {on: 'all[8]', bytes: 1}\n"
        ),
        "nothing is wrong"
    );
    assert_snapshot!(crowded("  - crowd: {as: all, clients: 9, within: rom, result: came}\n"), @r#"
    error: unknown room `rom`
      --> cases/epoll/example.yaml:17:42
       |
    17 |   - crowd: {as: all, clients: 9, within: rom, result: came}
       |                                          ^^^ no step has named it by here
    "#);
    assert_snapshot!(crowded("  - crowd: {as: conn, clients: 9, result: came}\n"), @r#"
    error: `conn` is already a connection
      --> cases/epoll/example.yaml:17:17
       |
    17 |   - crowd: {as: conn, clients: 9, result: came}
       |                 ^^^^ choose another name
    "#);
}

#[test]
fn what_an_actor_does_first_is_a_system_call_too() {
    let started = |first: &str| {
        said("- send: {on: conn, bytes: 1}", &format!("- start: {{actor: t, first: [{first}], call: {{close: conn}}}}"))
    };
    assert_eq!(started("{touch: {of: code}}"), "nothing is wrong");
    assert!(started("{mark: there}").starts_with("error: an actor cannot do this"));
    assert!(started("{touch: {of: {buffer: memory}}}").starts_with("error: unknown buffer `memory`"));
}

#[test]
fn tasks_are_compared_with_those_of_actors() {
    let said = |step: &str| said("- send: {on: conn, bytes: 1}", step);
    assert!(said("- pagemap: {as: same, of: code, with: nobody}").starts_with("error: unknown actor `nobody`"));
    assert!(said("- maps: {as: different, with: nobody}").starts_with("error: unknown actor `nobody`"));
    assert_eq!(said("- maps: {as: different, with: server}"), "nothing is wrong");
    assert_eq!(said("- inspect: {as: tasks, state: {tasks: server}}"), "nothing is wrong");
}

#[test]
fn a_packet_is_only_followed_through_places_that_tell_where_its_data_lies() {
    let ways = "ways: {chain: {of: [tcp_v4_rcv, ep_poll_callback], on: conn}}";
    let complaint = said(ways, "ways: {packets: {at: [net_dev_queue, epoll_wait], to: conn}}");
    assert!(complaint.contains("`epoll_wait` does not say where a packet's data lies"), "{complaint}");
}

#[test]
fn a_system_call_has_nothing_on_its_stack() {
    let ways = "ways: {chain: {of: [tcp_v4_rcv, ep_poll_callback], on: conn}}";
    let complaint = said(ways, "ways: {count: {of: epoll_wait, only: {by: server, through: [tcp_poll]}}}");
    assert!(complaint.contains("no kernel function on its stack"), "{complaint}");
    let inside = said(ways, "ways: {count: {of: sched_switch, only: {by: server, through: [tcp_recvmsg]}}}");
    assert!(!inside.contains("no kernel function"), "{inside}");
}
