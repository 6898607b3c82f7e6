use insta::assert_snapshot;

use super::{RIGHT, said};

/// What is said of the example with this table.
fn tabled(table: &str) -> String {
    assert!(RIGHT.contains("control:\n"));
    said("control:\n", &format!("tables:\n  Costs: {table}\ncontrol:\n"))
}

#[test]
fn a_table_over_the_sweep_is_right() {
    assert_eq!(
        tabled("{rows: model, draw: wakes, facts: {kind: model}, columns: {wakes: wakes, one: 'double(wakes) / 2.0'}}"),
        "nothing is wrong"
    );
}

#[test]
fn each_cell_belongs_to_one_run_and_is_one_value() {
    assert_snapshot!(tabled("{rows: modl, columns: {wakes: wakes}}"), @r#"
    error: `modl` is not swept
      --> cases/epoll/example.yaml:35:17
       |
    35 |   Costs: {rows: modl, columns: {wakes: wakes}}
       |                 ^^^^ expected a parameter of `sweep`
       = help: did you mean `model`?

    error: `model` is swept, too
      --> cases/epoll/example.yaml:35:17
       |
    35 |   Costs: {rows: modl, columns: {wakes: wakes}}
       |                 ^^^^ each cell must belong to one run: name it in `across` or `at`
    "#);
    assert_snapshot!(tabled("{rows: model, across: model, columns: {wakes: wakes}}"), @r#"
    error: `model` stands in the rows already
      --> cases/epoll/example.yaml:35:32
       |
    35 |   Costs: {rows: model, across: model, columns: {wakes: wakes}}
       |                                ^^^^^ expected another parameter of `sweep`
    "#);
    assert!(tabled("{rows: model, at: {modl: epoll-et}, columns: {wakes: wakes}}").contains("did you mean `model`?"));
    assert!(tabled("{rows: model, at: {model: epoll-et}, columns: {a: wakes}}").contains("several values"));
    assert_snapshot!(tabled("{rows: model, draw: wake, columns: {wakes: wakes}}"), @r#"
    error: the table has no column `wake`
      --> cases/epoll/example.yaml:35:30
       |
    35 |   Costs: {rows: model, draw: wake, columns: {wakes: wakes}}
       |                              ^^^^
       = help: did you mean `wakes`?
    "#);
    assert_snapshot!(tabled("{rows: model, columns: {ways: ways}}"), @r#"
    error: this is a list
      --> cases/epoll/example.yaml:35:40
       |
    35 |   Costs: {rows: model, columns: {ways: ways}}
       |                                        ^^^^ expected a number, a text, or true or false
    "#);
    assert_snapshot!(tabled("{rows: model, columns: {ways: wayz}}"), @r#"
    error: unknown name `wayz`
      --> cases/epoll/example.yaml:35:40
       |
    35 |   Costs: {rows: model, columns: {ways: wayz}}
       |                                        ^^^^
       = help: did you mean `ways`?
    "#);
}
