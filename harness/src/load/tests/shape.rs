//! Keys, words and types.
use insta::assert_snapshot;

use super::{load, said};

#[test]
fn an_unknown_key_is_shown_with_the_nearest_known_one() {
    assert_snapshot!(said("{on: conn, bytes: 1}", "{on: conn, bytez: 1}"), @r#"
    error: `send` lacks `bytes`
      --> cases/epoll/example.yaml:22:18
       |
    22 |         - send: {on: conn, bytez: 1}
       |                  ^^ how many bytes

    error: unknown key `bytez`
      --> cases/epoll/example.yaml:22:28
       |
    22 |         - send: {on: conn, bytez: 1}
       |                            ^^^^^ `send` has no such key
       = help: did you mean `bytes`?
    "#);
}

#[test]
fn an_unknown_step_is_shown_with_the_nearest_known_one() {
    assert_snapshot!(said("- send: {", "- sent: {"), @r#"
    error: unknown word `sent`
      --> cases/epoll/example.yaml:22:11
       |
    22 |         - sent: {on: conn, bytes: 1}
       |           ^^^^ a step cannot be this
       = help: did you mean `send`?
    "#);
}

#[test]
fn a_wrong_type_says_what_was_expected() {
    assert_snapshot!(said("wiring: client ──▶ conn ──(et)──▶ ep ──▶ server", "wiring: [client, server]"), @r#"
    error: `wiring` is a list
      --> cases/epoll/example.yaml:11:9
       |
    11 | wiring: [client, server]
       |         ^ expected a text
    "#);
    assert_snapshot!(said("as: conn}", "as: 7}"), @r#"
    error: `as` is `7`
      --> cases/epoll/example.yaml:16:19
       |
    16 |   - connect: {as: 7}
       |                   ^ expected a text
       = help: put it in quotes if it is meant as a text
    "#);
    assert_snapshot!(said("bytes: 1}", "bytes: many}"), @r#"
    error: `bytes` is the text `many`
      --> cases/epoll/example.yaml:22:35
       |
    22 |         - send: {on: conn, bytes: many}
       |                                   ^^^^ expected a whole number
    "#);
    assert_snapshot!(said("bytes: 1}", "bytes: -1}"), @r#"
    error: this number is out of range
      --> cases/epoll/example.yaml:22:35
       |
    22 |         - send: {on: conn, bytes: -1}
       |                                   ^^ expected 0 or more
    "#);
}

#[test]
fn a_setting_is_a_number_or_several() {
    let set = |value: &str| {
        let set = format!("  - sysctl: {{name: net.ipv4.tcp_wmem, value: {value}}}\n");
        said("  - connect: {as: conn}\n", &format!("{set}  - connect: {{as: conn}}\n"))
    };
    assert_eq!(set("16"), "nothing is wrong");
    assert_eq!(set("[4096, 16384, 1048576]"), "nothing is wrong");
    assert_snapshot!(set("[]"), @r"
    error: `value` has 0 items
      --> cases/epoll/example.yaml:16:46
       |
    16 |   - sysctl: {name: net.ipv4.tcp_wmem, value: []}
       |                                              ^ expected 1 or more
    ");
    assert_snapshot!(set("true"), @r"
    error: `value` is `true`
      --> cases/epoll/example.yaml:16:46
       |
    16 |   - sysctl: {name: net.ipv4.tcp_wmem, value: true}
       |                                              ^^^^ expected the value of a setting: a number, or several in a row, such as the ends of a range
    ");
}

#[test]
fn a_missing_key_says_what_it_is_for() {
    assert_snapshot!(said("wiring: client ──▶ conn ──(et)──▶ ep ──▶ server\n", ""), @r#"
    error: a case lacks `wiring`
     --> cases/epoll/example.yaml:1:1
      |
    1 | title: Edge-triggered epoll_wait returns once per arrival
      | ^^^^^ who is connected to whom, as a drawing
    "#);
}

#[test]
fn a_key_given_twice_is_wrong() {
    assert_snapshot!(said("with: {arrivals: 5}", "with: {arrivals: 5}\nwith: {arrivals: 6}"), @r#"
    error: `with` is given twice
      --> cases/epoll/example.yaml:13:1
       |
    13 | with: {arrivals: 6}
       | ^^^^ first given in line 12
    "#);
}

#[test]
fn several_mistakes_are_found_at_once() {
    assert_snapshot!(said("- mark: later\n", "- marc: later\n  - senttinel\n  - {send: 1, mark: 2}\n"), @r#"
    error: unknown word `marc`
      --> cases/epoll/example.yaml:18:5
       |
    18 |   - marc: later
       |     ^^^^ a step cannot be this
       = help: did you mean `mark`?

    error: unknown word `senttinel`
      --> cases/epoll/example.yaml:19:5
       |
    19 |   - senttinel
       |     ^^^^^^^^^ a step cannot be this
       = help: did you mean `sentinel`?

    error: a step has 2 keys
      --> cases/epoll/example.yaml:20:15
       |
    20 |   - {send: 1, mark: 2}
       |               ^^^^ expected exactly one
    "#);
}

#[test]
fn a_step_without_its_value_is_wrong() {
    assert_snapshot!(said("- sentinel", "- connect"), @r#"
    error: `connect` needs a value
      --> cases/epoll/example.yaml:26:5
       |
    26 |   - connect
       |     ^^^^^^^ expected `connect: …`
    "#);
}

#[test]
fn what_is_no_yaml_says_where() {
    assert_snapshot!(said("times: ${arrivals}", "{times: ${arrivals}}"), @r#"
    error: this is not YAML
      --> cases/epoll/example.yaml:20:16
       |
    20 |       {times: ${arrivals}}
       |                ^ while parsing a flow mapping, did not find expected ',' or '}'
       = help: inside braces or brackets a parameter needs quotes: "${name}"
    "#);
    assert_snapshot!(said("title:", "\ttitle:"), @r#"
    error: this is not YAML
     --> cases/epoll/example.yaml:2:1
      |
    2 | claims:
      | ^ did not find expected <document start>
      = help: YAML is indented with spaces, never with tabs
    "#);
    assert_snapshot!(load("a/b", "").unwrap_err(), @r#"
    error: the file is empty
     --> cases/a/b.yaml:1:1
      | a case begins with `title`
    "#);
    assert_snapshot!(load("a/b", "- one").unwrap_err(), @r#"
    error: a case is a list
     --> cases/a/b.yaml:1:1
      |
    1 | - one
      | ^ expected keys and values
    "#);
}

#[test]
fn an_unknown_parameter_is_shown_with_the_nearest_known_one() {
    assert_snapshot!(said("times: ${arrivals}", "times: ${arival}"), @r#"
    error: unknown parameter `arival`
      --> cases/epoll/example.yaml:20:14
       |
    20 |       times: ${arival}
       |              ^^^^^^^^^ stands neither in `with` nor in `sweep`
       = help: did you mean `arrivals`?
    "#);
    assert_snapshot!(said("with: {arrivals: 0}", "with: {arival: 0}"), @r#"
    error: unknown parameter `arival`
      --> cases/epoll/example.yaml:36:10
       |
    36 |   with: {arival: 0}
       |          ^^^^^^ the control can only change a parameter of the case
       = help: did you mean `arrivals`?
    "#);
}

#[test]
fn a_parameter_of_the_wrong_type_is_wrong_where_it_is_used() {
    assert_snapshot!(said("with: {arrivals: 5}", "with: {arrivals: five}"), @r#"
    error: `times` is the text `five`
      --> cases/epoll/example.yaml:20:14
       |
    20 |       times: ${arrivals}
       |              ^^^^^^^^^^^ expected a whole number

    error: `arrivals` is of another type in the case
      --> cases/epoll/example.yaml:36:20
       |
    36 |   with: {arrivals: 0}
       |                    ^
    "#);
}

#[test]
fn a_swept_parameter_needs_values() {
    assert_snapshot!(said("sweep: {model: [epoll-lt, epoll-et]}", "sweep: {model: [], arrivals: [1, 1]}"), @r#"
    error: `model` takes no value
      --> cases/epoll/example.yaml:13:9
       |
    13 | sweep: {model: [], arrivals: [1, 1]}
       |         ^^^^^ expected a list of values

    error: the sweep has this value twice
      --> cases/epoll/example.yaml:13:34
       |
    13 | sweep: {model: [], arrivals: [1, 1]}
       |                                  ^
    "#);
}

#[test]
fn one_wrong_point_of_the_sweep_is_wrong() {
    assert_snapshot!(said("[epoll-lt, epoll-et]", "[epoll-lt, epol-et]"), @r#"
    error: unknown word `epol-et`
      --> cases/epoll/example.yaml:14:17
       |
    14 | server: {model: "${model}", options: {read: never}}
       |                 ^^^^^^^^^^ `model` cannot be this
       = help: did you mean `epoll-et`?
    "#);
}
