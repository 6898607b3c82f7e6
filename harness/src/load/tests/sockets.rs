//! Calls on sockets, and what is read of them.
use crate::load::load;

/// What is said of a script with these steps and this expectation; nothing if it is well.
fn said(steps: &str, expect: &str) -> String {
    let text = format!(
        "title: A case of sockets\nwiring: none\nsteps: [{steps}]\nexpect: {{it holds: '{expect}'}}\n\
         control: {{title: Nothing is done at all, with: {{}}, steps: [{steps}], must_fail: [it holds]}}\n"
    );
    load("socket/example", &text).map_or_else(|wrong| wrong.to_string(), |_| String::new())
}

#[test]
fn the_state_of_a_socket_has_its_fields() {
    let steps = "listen: {as: l}, inspect: {as: seen, state: {tcp: l}}, inspect: {as: table, state: {established: l}}";
    let steps = steps.replace(", inspect", "}, {inspect");
    let steps = format!("{{{steps}}}");
    assert_eq!(said(&steps, "seen.backlog == 0 && table.all(e, e.state == \"LISTEN\" && e.bucket > 0)"), "");
    assert!(said(&steps, "seen.backlogs == 0").contains("did you mean `backlog`?"));
}

#[test]
fn an_accepted_socket_gets_a_name() {
    let accept = "{listen: {as: l}}, {connect: {as: near, to: l}}, {accept: {on: l, into: far}}, {close: far}";
    assert_eq!(said(accept, "true"), "");
    let unnamed = accept.replace(", into: far", "");
    assert!(said(&unnamed, "true").contains("unknown connection or object `far`"));
    let actor = "{listen: {as: l}}, {start: {actor: t, call: {accept: {on: l, into: far}}}}";
    assert!(said(actor, "true").contains("an actor cannot name what it accepts"));
}

#[test]
fn settings_and_devices_are_checked_before_anything_runs() {
    assert!(said("{sysctl: {name: kernel.pid_max, value: 9}}", "true").contains("no setting of a network namespace"));
    let option = "{socket: {as: s}}, {set_option: {on: s, option: SO_REUSEADDR, device: lo}}";
    assert!(said(option, "true").contains("`SO_BINDTODEVICE` has a `device`"));
    let address = "{socket: {as: s}}, {bind: {on: s, address: 127.0.0}}";
    assert!(said(address, "true").contains("IP address"), "{}", said(address, "true"));
}
