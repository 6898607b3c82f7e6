//! The matrix of made-up results.
use super::*;
use crate::case::Probe;
use crate::recording::{Kernel, Presence};
use crate::render::screen::Look;
use crate::render::{MACHINE_VERSION, Machine, Results, testing};
use crate::verdict::Finding;

const LOOK: Look = Look { width: 100, utf8: true, skips: false };

fn on(release: &str, mut results: Results) -> Part {
    results.kernel = Kernel { release: release.to_owned(), ..results.kernel };
    for verdict in &mut results.verdicts {
        verdict.kernel = results.kernel.clone();
    }
    Part { results: Some(results), machine: None }
}

/// Refuted where it is elsewhere confirmed, as a `differs` entry says.
fn explained(mut results: Results, because: Option<&str>) -> Results {
    let claim = &mut results.verdicts[0].claims[0];
    let other = if claim.expected == ClaimVerdict::Refuted { ClaimVerdict::Confirmed } else { ClaimVerdict::Refuted };
    (claim.expected, claim.found, claim.because) = (other, Some(other), because.map(str::to_owned));
    results
}

fn plain(matrix: &Matrix, shown: Shown, look: Look) -> String {
    anstream::adapter::strip_str(&table(matrix, shown, look)).to_string()
}

fn twelve() -> Matrix {
    let releases = ["5.10.0-46", "6.1.0-56", "6.12.117", "6.16.12", "6.17.13", "6.18.15", "6.18.44", "6.19.14"];
    let mut parts: Vec<_> = releases.iter().map(|release| on(release, testing::healthy())).collect();
    let newer = || explained(testing::healthy(), Some("the copy is inlined"));
    parts.extend(["7.0.13", "7.1.13", "7.3.4"].iter().map(|release| on(release, newer())));
    let broken = Broken {
        what: "the guest did not boot within 60.0 s".to_owned(),
        console: vec!["[    0.1] Linux version 7.2.12".to_owned()],
        next: Some("try another kernel".to_owned()),
    };
    let machine = Machine { version: MACHINE_VERSION, series: "7.2".to_owned(), package: None, broken: Some(broken) };
    parts.insert(0, Part { results: None, machine: Some(machine) });
    matrix(parts)
}

#[test]
fn kernels_stand_in_the_order_of_their_versions_under_short_names() {
    let names: Vec<_> = twelve().kernels.into_iter().map(|kernel| kernel.name).collect();
    let expected = ["5.10", "6.1", "6.12", "6.16", "6.17", "6.18.15", "6.18.44", "6.19", "7.0", "7.1", "7.2", "7.3"];
    assert_eq!(names, expected);
}

#[test]
fn twelve_kernels_fit_a_hundred_columns() {
    let text = plain(&twelve(), Shown::All, LOOK);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn in_a_narrow_terminal_the_kernels_stand_in_bands() {
    let text = plain(&twelve(), Shown::Changing, Look { width: 60, utf8: false, ..LOOK });
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn a_change_that_the_case_explains_is_told_with_its_reason() {
    let matrix = twelve();
    assert_eq!(matrix.unexplained().count(), 0);
    let row = matrix.rows.iter().find(|row| !row.changes.is_empty()).expect("one changes");
    assert_eq!((row.changes[0].before, row.changes[0].from), (7, 8));
    assert!(row.changes[0].words.starts_with("from 7.0: "), "{}", row.changes[0].words);
    assert_eq!(row.changes[0].reasons, ["the copy is inlined"]);
}

#[test]
fn a_change_that_nothing_explains_is_unexplained() {
    let parts = vec![on("6.19.1", testing::healthy()), on("7.0.1", explained(testing::healthy(), None))];
    let matrix = matrix(parts);
    assert_eq!(matrix.unexplained().count(), 1);
    assert!(plain(&matrix, Shown::Changing, LOOK).contains("1 difference unexplained"));
}

/// What differs where the first claim changes, after both sides were made unlike in something.
fn differing(unlike: impl Fn(&mut Results, bool)) -> Vec<String> {
    let (mut old, mut new) = (testing::healthy(), explained(testing::healthy(), Some("known")));
    unlike(&mut old, false);
    unlike(&mut new, true);
    let matrix = matrix(vec![on("6.19.1", old), on("7.0.1", new)]);
    let row = matrix.rows.iter().find(|row| !row.changes.is_empty()).expect("one changes");
    row.changes[0].differs.clone()
}

fn landmarks(results: &mut Results) -> &mut crate::recording::Landmarks {
    let case = results.verdicts[0].case.clone();
    &mut results.exhibits[&case].landmarks
}

#[test]
fn a_function_that_only_one_kernel_has_differs() {
    let told = differing(|results, new| {
        let functions = &mut landmarks(results).functions;
        let there = |there: bool| if there { Presence::Typed } else { Presence::Absent };
        functions.insert("ep_send_events".to_owned(), Presence::Typed);
        functions.insert("ep_send_events_proc".to_owned(), there(!new));
        functions.insert("ep_sendable".to_owned(), if new { Presence::Typed } else { Presence::Symbol });
        functions.extend(new.then(|| ("ep_unknown_before".to_owned(), Presence::Typed)));
    });
    let expected = [
        "ep_send_events_proc: a function in 6.19, no function in 7.0",
        "ep_sendable: a symbol in 6.19, a function in 7.0",
    ];
    assert_eq!(told, expected, "what is the same, and what only one side looked for, is not told");
}

#[test]
fn a_member_that_is_gone_new_or_of_another_type_differs() {
    let told = differing(|results, new| {
        let members = &mut landmarks(results).members;
        let mut put = |name: &str, of: &str| members.insert(format!("eventpoll.{name}"), Some(of.to_owned()));
        put("rdllist", "struct list_head");
        put("lock", if new { "spinlock_t" } else { "rwlock_t" });
        put(if new { "refcount" } else { "ovflist" }, "int");
    });
    let expected = [
        "eventpoll.lock: rwlock_t in 6.19, spinlock_t in 7.0",
        "eventpoll.ovflist: int in 6.19, no member in 7.0",
        "eventpoll.refcount: no member in 6.19, int in 7.0",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_probe_differs_where_it_is_lacking_and_the_case_is_skipped() {
    let lacking = |skip: bool| {
        differing(move |results, new| {
            let probe = results.probes.iter_mut().find(|report| report.probe == Probe::EpPollCallback);
            let probe = probe.expect("it is reported");
            probe.won = (!new).then(|| "fentry ep_poll_callback".to_owned());
            if new && skip {
                results.verdicts[0].outcome = Outcome::Skip;
            }
        })
    };
    assert_eq!(lacking(true), ["probe ep_poll_callback: fentry ep_poll_callback in 6.19, nothing in 7.0"]);
    assert!(lacking(false).is_empty(), "how it is attached says nothing of how a case comes out");
}

/// The first claim's case came to no end.
fn unended(mut results: Results, outcome: Outcome) -> Results {
    results.verdicts[0].outcome = outcome;
    results
}

#[test]
fn a_case_that_came_to_no_end_is_undecided_and_no_difference_of_kernels() {
    for outcome in [Outcome::Broken, Outcome::Timeout, Outcome::Inconclusive] {
        let parts = vec![
            on("6.12.1", testing::healthy()),
            on("6.16.1", unended(testing::healthy(), outcome)),
            on("6.17.1", testing::healthy()),
        ];
        let matrix = matrix(parts);
        let row = matrix.undecided().next().expect("a row");
        let told: Vec<_> = row
            .changes
            .iter()
            .map(|change| (change.before, change.from, change.undecided, change.differs.len()))
            .collect();
        assert_eq!(told, [(0, 1, true, 0), (1, 2, true, 0)], "{outcome}");
        assert_eq!(matrix.unexplained().count(), 0, "{outcome}");
        let text = plain(&matrix, Shown::Changing, LOOK);
        assert!(text.contains("undecided  where a case comes to no end"), "{text}");
        assert!(text.contains("2 rows undecided"), "both claims of the case: {text}");
        assert!(!text.contains("unexplained") && !text.contains("every difference explained"), "{text}");
    }
}

#[test]
fn a_kernel_on_which_a_case_came_to_no_end_hides_no_difference() {
    let parts = vec![
        on("6.12.1", testing::healthy()),
        on("6.16.1", unended(testing::healthy(), Outcome::Broken)),
        on("7.0.1", explained(testing::healthy(), None)),
    ];
    let matrix = matrix(parts);
    let unexplained: Vec<_> = matrix.unexplained().map(|(_, change)| (change.before, change.from)).collect();
    assert_eq!(unexplained, [(0, 2)]);
}

#[test]
fn a_case_that_ran_only_elsewhere_is_missing() {
    let mut half = testing::healthy();
    let gone = half.verdicts.pop().expect("a verdict");
    let all = testing::healthy().verdicts.len();
    let mut matrix = matrix(vec![on("6.1.2", half.clone()), on("6.12.1", testing::healthy())]);
    assert_eq!(matrix.kernels.iter().map(|kernel| kernel.missing).collect::<Vec<_>>(), [1, 0]);
    let text = plain(&matrix, Shown::All, LOOK);
    assert!(text.contains("missing   6.1: 1 case did not run"), "{text}");
    assert!(text.contains(". not run") && !text.contains("its run broke"), "{text}");
    assert!(!text.contains("every difference explained"), "{text}");
    matrix.expect_no_more();
    assert!(plain(&matrix, Shown::All, LOOK).contains("every difference explained"), "a part of a whole");

    let interrupted = Results { unfinished: vec![gone.case], ..half.clone() };
    let column = &super::matrix(vec![on("6.1.2", interrupted), on("6.12.1", testing::healthy())]).kernels[0];
    assert_eq!((column.unfinished, column.missing), (1, 0), "told once");

    let machine = Machine { version: MACHINE_VERSION, series: "6.6".to_owned(), package: None, broken: None };
    let nothing = Part { results: None, machine: Some(machine) };
    assert_eq!(super::matrix(vec![on("6.12.1", testing::healthy()), nothing]).absent(), all);

    let partly = super::matrix(vec![on("6.1.2", half.clone()), on("6.12.1", half)]);
    assert_eq!(partly.absent(), 0, "a run of some cases on all kernels is complete");
    let skipped = unended(testing::healthy(), Outcome::Skip);
    assert_eq!(super::matrix(vec![on("6.1.2", skipped), on("6.12.1", testing::healthy())]).absent(), 0);
    assert_eq!(twelve().absent(), 0, "that a kernel is broken says it all");
}

/// Passed without an expectation that rests on counted calls of this function.
fn in_part(mut results: Results, place: usize, function: &str) -> Results {
    let tried = format!("fentry {function}: EPERM (1): not allowed; kprobe {function}: none");
    let why = format!("calls of {function} cannot be counted on this kernel ({tried})");
    let verdict = &mut results.verdicts[place];
    verdict.reason = Some(format!("in part: it is asked: once: {why}"));
    verdict.expectations.push(Finding {
        name: "it is asked: once".to_owned(),
        predicate: "calls == 1".to_owned(),
        point: BTreeMap::new(),
        held: None,
        undecided: Some(why),
        evidence: Vec::new(),
    });
    results
}

/// On the second kernel a case is skipped, on the third and fourth both pass in part.
fn with_gaps() -> Matrix {
    let mut skipped = unended(testing::healthy(), Outcome::Skip);
    skipped.verdicts[0].reason = Some("no pair of devices: is CONFIG_VETH there?".to_owned());
    let partly = || in_part(in_part(testing::healthy(), 0, "tcp_poll"), 1, "sock_alloc");
    matrix(vec![on("6.1.2", testing::healthy()), on("6.6.1", skipped), on("6.12.1", partly()), on("6.16.1", partly())])
}

#[test]
fn what_was_skipped_or_passed_in_part_is_told_with_its_reason() {
    let matrix = with_gaps();
    let cell = matrix.rows[0].cells[2].as_ref().expect("it ran");
    assert!(cell.mark.is_good() && cell.reason.as_ref().is_some_and(|reason| reason.starts_with("in part: ")));
    let text = plain(&matrix, Shown::Changing, LOOK);
    let told = text.split_once("\nKernels\n").expect("the kernels").1;
    insta::assert_snapshot!(told.split_once("\n──").expect("a rule").0, @r"
      6.1   6.1.2 · evidence trace · 2 pass · 1.2 s
      6.6   6.6.1 · evidence trace · 1 pass · 1 skip · 1.2 s
      6.12  6.12.1 · evidence trace · 2 pass, 2 of them in part · 1.2 s
      6.16  6.16.1 · evidence trace · 2 pass, 2 of them in part · 1.2 s

    What was skipped, or passed in part
      6.6           1 case skipped: no pair of devices: is CONFIG_VETH there?
      6.12 to 6.16  2 cases in part: calls of tcp_poll, sock_alloc cannot be counted on this kernel
    ");
}

#[test]
fn of_many_reasons_the_first_are_told_and_how_many_more_there_are() {
    let mut matrix = with_gaps();
    let gap =
        |number: usize| Gap { why: "why ".repeat(number + 1), in_part: vec!["a/case".to_owned()], ..Gap::default() };
    matrix.kernels[0].gaps = (0..20).map(gap).collect();
    let text = plain(&matrix, Shown::Changing, LOOK);
    assert!(text.contains("and 10 more reasons: `--output` writes them"), "{text}");
}

#[test]
fn where_a_kernel_is_broken_no_difference_is_called_explained() {
    let text = plain(&twelve(), Shown::Changing, LOOK);
    assert!(text.ends_with("1 changing · 1 kernel broken\n"), "{text}");
}

#[test]
fn what_is_wrong_on_both_sides_of_a_good_kernel_is_told_of_both() {
    let wrong = || unended(testing::healthy(), Outcome::Fail);
    let parts = vec![on("6.1.2", wrong()), on("6.6.1", testing::healthy()), on("6.12.1", wrong())];
    let matrix = matrix(parts);
    let told: Vec<_> = super::wrong::wrong(&matrix).into_iter().map(|one| one.kernels).collect();
    assert_eq!(told, ["6.1", "6.12"]);
}

#[test]
fn of_no_rows_nothing_is_praised() {
    let nothing = Results { verdicts: Vec::new(), exhibits: indexmap::IndexMap::new(), ..testing::healthy() };
    for shown in [Shown::All, Shown::Changing] {
        let text = plain(&matrix(vec![on("6.1.2", nothing.clone())]), shown, LOOK);
        assert!(!text.contains("no row changes") && !text.contains("explained"), "{text}");
    }
}

#[test]
fn one_event_is_lost_and_two_are() {
    for (lost, words) in [(1, "1 event lost"), (2, "2 events lost")] {
        let mut matrix = twelve();
        matrix.kernels[0].lost = lost;
        assert!(plain(&matrix, Shown::Changing, LOOK).contains(words));
    }
}

#[test]
fn a_disagreement_says_where_each_run_was_read_from() {
    let from = |name: &str, outcome| {
        let results = Results { from: Some(name.into()), ..unended(testing::healthy(), outcome) };
        on("6.1.2", results)
    };
    let parts = vec![from("one", Outcome::Pass), from("two", Outcome::Broken), from("three", Outcome::Pass)];
    let matrix = matrix(parts);
    let case = &testing::healthy().verdicts[0].case;
    assert_eq!(
        matrix.conflicts,
        [
            format!("{case} on 6.1.2: pass in one, broken in two"),
            format!("{case} on 6.1.2: broken in two, pass in three")
        ]
    );
}

#[test]
fn shards_of_one_kernel_are_one_column_and_a_disagreement_is_told() {
    let split = |keep: usize| {
        let mut results = testing::healthy();
        let verdicts = std::mem::take(&mut results.verdicts);
        results.verdicts = verdicts.into_iter().enumerate().filter(|(at, _)| at % 2 == keep).map(|(_, v)| v).collect();
        results
    };
    let whole = matrix(vec![on("6.1.2", testing::healthy())]);
    let joined = matrix(vec![on("6.1.2", split(0)), on("6.1.2", split(1))]);
    assert_eq!(joined.rows, whole.rows);
    let mut other = testing::healthy();
    other.verdicts[0].outcome = Outcome::Fail;
    let disagree = matrix(vec![on("6.1.2", testing::healthy()), on("6.1.2", other)]);
    assert_eq!(disagree.conflicts.len(), 1);
    assert_eq!(disagree.kernels[0].outcomes.get(&Outcome::Fail), Some(&1), "the worse one counts");
    let mut broken = testing::healthy();
    broken.verdicts[0].outcome = Outcome::Broken;
    for both in [[testing::failing(), broken.clone()], [broken, testing::failing()]] {
        let joined = matrix(both.map(|results| on("6.1.2", results)).into());
        assert_eq!(joined.kernels[0].outcomes.get(&Outcome::Broken), Some(&1), "whatever comes first");
    }
}

#[test]
fn a_broken_shard_does_not_hide_the_others() {
    let broken = Broken { what: "it hung".to_owned(), ..Broken::default() };
    let machine = |broken| Some(Machine { version: MACHINE_VERSION, series: "6.1".to_owned(), package: None, broken });
    let good = Part { machine: machine(None), ..on("6.1.2", testing::healthy()) };
    let bad = Part { results: None, machine: machine(Some(broken)) };
    let matrix = matrix(vec![bad, good]);
    assert_eq!(matrix.kernels.len(), 1);
    assert!(matrix.kernels[0].broken.is_some() && !matrix.kernels[0].outcomes.is_empty());
}

#[test]
fn a_failing_expectation_gets_a_row_for_its_case() {
    let mut results = testing::healthy();
    results.verdicts[0].outcome = Outcome::Fail;
    let matrix = matrix(vec![on("6.1.2", results.clone())]);
    let case = &results.verdicts[0].case;
    assert_eq!(matrix.row(case).expect("a row")[0], Mark::Case(Outcome::Fail));
}

impl std::ops::Index<usize> for Row {
    type Output = Mark;

    fn index(&self, place: usize) -> &Mark {
        &self.cells[place].as_ref().expect("it ran").mark
    }
}

#[test]
fn the_matrix_survives_its_json() {
    let matrix = twelve();
    let text = serde_json::to_string(&matrix).expect("JSON");
    assert_eq!(serde_json::from_str::<Matrix>(&text).expect("a matrix"), matrix);
}

#[test]
fn a_table_is_the_same_whatever_was_measured() {
    let first = twelve();
    let mut second = first.clone();
    second.kernels[0].millis += 7;
    for cell in second.rows.iter_mut().flat_map(|row| row.cells.iter_mut().flatten()) {
        cell.values.insert("another".to_owned(), 4.into());
        cell.lost += 1;
    }
    let found = compare(&first, &second);
    assert_eq!((found.kernels, found.rows, found.verdicts()), (12, first.rows.len(), 0));
    insta::assert_snapshot!(anstream::adapter::strip_str(&comparison(&found, LOOK)), @"no verdict changed (12 kernels, 3 rows, 4 features)");
}

#[test]
fn a_table_that_shrinks_is_not_the_same() {
    let first = twelve();
    for shrink in [|table: &mut Matrix| _ = table.rows.pop(), |table: &mut Matrix| table.kernels[11].name.push('x')] {
        let mut second = first.clone();
        shrink(&mut second);
        let (found, back) = (compare(&first, &second), compare(&second, &first));
        assert!(!found.is_same() && !back.is_same());
        assert_eq!(found.verdicts(), 0);
    }
    assert_eq!(first.misshapen(), None);
    let mut second = first.clone();
    second.rows[1].cells.pop();
    assert_eq!(second.misshapen(), Some(second.rows[1].id.as_str()));
}

#[test]
fn a_change_that_nothing_explains_any_more_is_told() {
    let first = twelve();
    let mut second = first.clone();
    let row = second.rows.iter_mut().find(|row| !row.changes.is_empty()).expect("a row that changes");
    row.changes[0].reasons.clear();
    row.changes[0].undecided = false;
    assert_eq!(compare(&first, &second).verdicts(), 1);
}

#[test]
fn two_tables_differ_in_verdicts_evidence_features_and_what_was_run() {
    let first = twelve();
    let mut second = first.clone();
    let cell = second.rows[0].cells[1].as_mut().expect("it ran");
    cell.mark = Mark::Case(Outcome::Broken);
    cell.reason = Some("the control did not fail".to_owned());
    second.rows[1].cells[2] = None;
    second.rows[1].cells[3].as_mut().expect("it ran").grade = Grade::Surface;
    second.features[0].cells[4] = Some("raw tracepoint sys_exit".to_owned());
    second.kernels[5].release = Some("6.18.99".to_owned());
    second.kernels[6].broken = Some(Broken { what: "the guest's kernel panicked".to_owned(), ..Broken::default() });
    second.kernels[11].name = "7.4".to_owned();
    second.conflicts.push("a/b on 6.1: pass in x, fail in y".to_owned());
    second.rows.remove(2);
    let found = compare(&first, &second);
    assert_eq!((found.verdicts(), found.changes.len(), found.is_same()), (3, 6, false));
    insta::assert_snapshot!(anstream::adapter::strip_str(&comparison(&found, LOOK)), @r"
    kernel
      6.18.15  6.18.15 -> 6.18.99
    run
      6.18.44  came to its end -> broken (the guest's kernel panicked)
    epoll.et.wakes-once
      6.1    refined -> case: broken (the control did not fail)
    epoll.et.only-first-time
      6.12   refuted -> did not run
      6.16   trace -> surface
    probe ep_poll_callback
      6.17   write watchpoint on rdllist -> raw tracepoint sys_exit
    only in the first: 7.3, select.kernel-FD_SETSIZE
    only in the second: 7.4, a/b on 6.1: pass in x, fail in y
    3 verdicts changed, 3 other changes (11 kernels, 2 rows, 4 features)
    ");
}
