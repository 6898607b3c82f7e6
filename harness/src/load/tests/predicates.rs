//! Predicates.
use insta::assert_snapshot;

use super::said;

/// What is said of another expectation.
fn expecting(predicate: &str) -> String {
    said("once each: wakes == arrivals", &format!("once each: {predicate}"))
}

#[test]
fn what_is_no_predicate_says_where() {
    assert_snapshot!(expecting("wakes == == 1"), @r#"
    error: this is not a predicate
      --> cases/epoll/example.yaml:32:23
       |
    32 |   once each: wakes == == 1
       |                       ^ extraneous input '=='
    "#);
    assert_snapshot!(expecting("wakes == ${arrivals}"), @r#"
    error: this is not a predicate
      --> cases/epoll/example.yaml:32:23
       |
    32 |   once each: wakes == ${arrivals}
       |                       ^ token recognition error at: '$'
       = help: in a predicate a parameter is a variable: write `name`, not `${name}`
    "#);
}

#[test]
fn an_unknown_name_is_shown_with_the_nearest_known_one() {
    assert_snapshot!(expecting("wakes >= 0 && wake == arrivals"), @r#"
    error: unknown name `wake`
      --> cases/epoll/example.yaml:32:28
       |
    32 |   once each: wakes >= 0 && wake == arrivals
       |                            ^^^^
       = help: did you mean `wakes`?
    "#);
}

#[test]
fn types_must_meet() {
    assert_snapshot!(expecting("wakes == \"x\""), @r#"
    error: a whole number is never equal to a text
      --> cases/epoll/example.yaml:32:14
       |
    32 |   once each: wakes == "x"
       |              ^^^^^^^^^^^^
    "#);
    assert_snapshot!(expecting("wakes + 1"), @r#"
    error: this is a whole number
      --> cases/epoll/example.yaml:32:14
       |
    32 |   once each: wakes + 1
       |              ^^^^^^^^^ expected true or false
    "#);
    assert_snapshot!(expecting("ways > 1"), @r#"
    error: there is no order between a list and a whole number
      --> cases/epoll/example.yaml:32:14
       |
    32 |   once each: ways > 1
       |              ^^^^^^^^
    "#);
    assert_snapshot!(expecting("wakes * 1.5 > 2.0"), @r#"
    error: a whole number and a fraction do not mix
      --> cases/epoll/example.yaml:32:20
       |
    32 |   once each: wakes * 1.5 > 2.0
       |                    ^ expected `double(…)` around the whole number
    "#);
    assert_snapshot!(expecting("got.ready"), @r#"
    error: this is a list
      --> cases/epoll/example.yaml:32:14
       |
    32 |   once each: got.ready
       |              ^^^^^^^^^ expected true or false
    "#);
}

#[test]
fn a_field_must_exist() {
    assert_snapshot!(expecting("got.rett == 1"), @r#"
    error: unknown field `rett`
      --> cases/epoll/example.yaml:32:18
       |
    32 |   once each: got.rett == 1
       |                  ^^^^
       = help: did you mean `ret`?
    "#);
    assert_snapshot!(expecting("taken.ret == 1"), @r#"
    error: a list has no field `ret`
      --> cases/epoll/example.yaml:32:20
       |
    32 |   once each: taken.ret == 1
       |                    ^^^
       = help: its items may have: `[0].ret`, or `.all(x, x.ret …)`
    "#);
    assert_snapshot!(expecting("ways.all(w, w.nss > 0)"), @r#"
    error: unknown field `nss`
      --> cases/epoll/example.yaml:32:28
       |
    32 |   once each: ways.all(w, w.nss > 0)
       |                            ^^^
       = help: did you mean `ns`?
    "#);
    assert_snapshot!(expecting("got.ready[0].bits.exists(b, b == \"IN\") && got.ready[0].nam == \"near\""), @r#"
    error: unknown field `nam`
      --> cases/epoll/example.yaml:32:69
       |
    32 |   once each: got.ready[0].bits.exists(b, b == "IN") && got.ready[0].nam == "near"
       |                                                                     ^^^
       = help: did you mean `name`?
    "#);
}

#[test]
fn what_is_right_is_right() {
    for right in [
        "taken.all(t, t.bytes == 0) && taken[0].eof",
        "got.ret == 1 && got.errno == \"\" && \"IN\" in got.ready[0].bits",
        "model == \"epoll-et\" ? wakes <= arrivals : true",
        "model in [\"epoll-lt\", \"epoll-et\"] && model.startsWith(\"epoll\")",
        "ways.map(w, w.ns).filter(n, n > 0).size() == size(ways)",
        "lengths == [1, 1] || lengths == []",
        "double(wakes) / double(arrivals) <= 1.0",
        "ways.exists_one(w, w.steps[0] == \"tcp_v4_rcv\")",
    ] {
        assert_eq!(expecting(&format!("'{right}'")), "nothing is wrong", "{right}");
    }
}

#[test]
fn a_condition_is_about_the_events_fields() {
    assert_snapshot!(said("where: len > 0", "where: lenn > 0"), @r#"
    error: unknown name `lenn`
      --> cases/epoll/example.yaml:17:61
       |
    17 |   - await: {event: {of: tcp_v4_rcv, only: {on: conn, where: lenn > 0}}}
       |                                                             ^^^^
       = help: did you mean `len`?
    "#);
    assert_snapshot!(said("where: len > 0", "where: ret == 0"), @r#"
    error: unknown name `ret`
      --> cases/epoll/example.yaml:17:61
       |
    17 |   - await: {event: {of: tcp_v4_rcv, only: {on: conn, where: ret == 0}}}
       |                                                             ^^^
       = help: known here: `len`, `flags`, `pid`, `tid`, `by`, `cpu`, `context`, `local`, `remote` and `ns`
    "#);
}

#[test]
fn a_function_must_exist() {
    assert_snapshot!(expecting("sise(ways) == 1"), @r#"
    error: unknown function `sise`
      --> cases/epoll/example.yaml:32:14
       |
    32 |   once each: sise(ways) == 1
       |              ^^^^
       = help: did you mean `size`?
    "#);
}

#[test]
fn a_word_of_a_few_must_be_one_of_them() {
    assert_snapshot!(
        said("control:\n", "differs: [{when: 'kernel >= version(\"7.0\") && grade == \"trase\"', because: inlined, fails: [once each]}]\ncontrol:\n"),
        @r#"
    error: unknown word `trase`
      --> cases/epoll/example.yaml:34:57
       |
    34 | differs: [{when: 'kernel >= version("7.0") && grade == "trase"', because: inlined, fails: [once each]}]
       |                                                         ^^^^^
       = help: did you mean `trace`?
    "#
    );
}

#[test]
fn a_predicate_over_several_lines_is_found_again() {
    assert_snapshot!(expecting(">-\n    wakes == arrivals &&\n    wakes == arival"), @r#"
    error: unknown name `arival`
      --> cases/epoll/example.yaml:34:14
       |
    34 |     wakes == arival
       |              ^^^^^^
       = help: did you mean `arrivals`?
    "#);
}
