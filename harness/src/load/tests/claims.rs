//! What a case says.
use insta::assert_snapshot;

use super::said;

#[test]
fn a_title_is_a_sentence_without_full_stop() {
    assert_snapshot!(said("per arrival\nclaims", "per arrival.\nclaims"), @r#"
    error: a title has no full stop
     --> cases/epoll/example.yaml:1:8
      |
    1 | title: Edge-triggered epoll_wait returns once per arrival.
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected the sentence without it
    "#);
    assert_snapshot!(said("title: Edge-triggered epoll_wait returns once per arrival", "title: epoll37"), @r#"
    error: a title is a sentence
     --> cases/epoll/example.yaml:1:8
      |
    1 | title: epoll37
      |        ^^^^^^^ expected the finding, on one line
    "#);
}

#[test]
fn a_refined_claim_says_what_is_true() {
    assert_snapshot!(said("    truth: Once per arrival.\n", ""), @r#"
    error: a refined claim lacks `truth`
     --> cases/epoll/example.yaml:7:14
      |
    7 |     verdict: refined
      |              ^^^^^^^ expected what is true instead, as a sentence
    "#);
    assert_snapshot!(said("    repaired: wakes == arrivals && size(ways) >= 0\n", ""), @r#"
    error: a refined claim lacks `repaired`
     --> cases/epoll/example.yaml:7:14
      |
    7 |     verdict: refined
      |              ^^^^^^^ expected what is true instead, as a predicate
    "#);
}

#[test]
fn a_claim_says_what_it_says() {
    assert_snapshot!(said("    literal: wakes == 1\n", ""), @r#"
    error: a refined claim lacks `literal`
     --> cases/epoll/example.yaml:7:14
      |
    7 |     verdict: refined
      |              ^^^^^^^ expected what the sentence says, as a predicate
    "#);
}

#[test]
fn an_undecidable_claim_says_why() {
    assert_snapshot!(said("verdict: refined", "verdict: undecidable"), @r#"
    error: an undecidable claim lacks `limits`
     --> cases/epoll/example.yaml:7:14
      |
    7 |     verdict: undecidable
      |              ^^^^^^^^^^^ expected why no run can decide it
    "#);
}

#[test]
fn the_id_of_a_claim_is_words_and_dots() {
    assert_snapshot!(said("id: epoll.et.wakes-once", "id: Epoll et"), @r#"
    error: `Epoll et` is no id for a claim
     --> cases/epoll/example.yaml:3:9
      |
    3 |   - id: Epoll et
      |         ^^^^^^^^ expected words joined by dots, such as `epoll.et.wakes-once`
    "#);
}

#[test]
fn something_must_fail_in_the_control() {
    assert_snapshot!(said("must_fail: [once each]", "must_fail: []"), @r#"
    error: nothing must fail in the control
      --> cases/epoll/example.yaml:37:14
       |
    37 |   must_fail: []
       |              ^ expected the expectations and claims that it decides otherwise
    "#);
    assert_snapshot!(said("must_fail: [once each]", "must_fail: [once eech, epoll.et.wakes]"), @r#"
    error: unknown expectation or claim `once eech`
      --> cases/epoll/example.yaml:37:15
       |
    37 |   must_fail: [once eech, epoll.et.wakes]
       |               ^^^^^^^^^
       = help: did you mean `once each`?

    error: unknown expectation or claim `epoll.et.wakes`
      --> cases/epoll/example.yaml:37:26
       |
    37 |   must_fail: [once eech, epoll.et.wakes]
       |                          ^^^^^^^^^^^^^^
       = help: did you mean `epoll.et.wakes-once`?
    "#);
}

#[test]
fn the_control_is_different() {
    assert_snapshot!(said("  with: {arrivals: 0}\n", ""), @r#"
    error: the control is the case itself
      --> cases/epoll/example.yaml:35:10
       |
    35 |   title: Without arrivals nothing fires
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected other `with`, `server` or `steps`
    "#);
}

#[test]
fn a_difference_names_what_differs() {
    assert_snapshot!(
        said("control:\n", "differs: [{when: kernel >= version(\"7.0\"), because: inlined, fails: [twice], verdicts: {epoll.et.wakes-once: refined}}]\ncontrol:\n"),
        @r#"
    error: unknown expectation `twice`
      --> cases/epoll/example.yaml:34:70
       |
    34 | differs: [{when: kernel >= version("7.0"), because: inlined, fails: [twice], verdicts: {epoll.et.wakes-once: refined}}]
       |                                                                      ^^^^^
       = help: known here: `once each` and `all of one byte`

    error: `epoll.et.wakes-once` is refined anyway
      --> cases/epoll/example.yaml:34:110
       |
    34 | differs: [{when: kernel >= version("7.0"), because: inlined, fails: [twice], verdicts: {epoll.et.wakes-once: refined}}]
       |                                                                                                              ^^^^^^^ expected another verdict
    "#
    );
}
