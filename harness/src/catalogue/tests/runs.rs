//! What runs have found, where there are several: of one kernel, of cases without claims, and of kernels that differ.
use super::*;
use crate::case::{ClaimVerdict, Probe};
use crate::recording::{Kernel, Presence, ProbeReport};
use crate::render::matrix::Broken;
use crate::render::{MACHINE_VERSION, Machine};
use crate::verdict::Outcome;

const CLAIM: &str = "epoll.put-user";
const PUT_USER: &str = "copy/epoll-wait-copies-each-event-to-user-memory";
const CLAIMLESS: &str = "epoll/each-eventpoll-that-watches-a-socket-is-called";

fn suite(case: &str) -> Suite {
    Suite::embedded_where(|id| id == case).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// Results that have one verdict, of this case, with the exhibit of another.
fn on(release: &str, case: &str) -> Results {
    let mut results = testing::healthy();
    results.kernel = Kernel { release: release.to_owned(), ..results.kernel };
    results.verdicts.truncate(1);
    let (_, mut exhibit) = results.exhibits.swap_remove_index(0).expect("one is there");
    exhibit.claims.clear();
    results.exhibits.insert(case.to_owned(), exhibit);
    results.verdicts[0].case = case.to_owned();
    results.verdicts[0].kernel = results.kernel.clone();
    results
}

/// The same, with the first claim of its verdict alone.
fn found(release: &str, verdict: ClaimVerdict, because: Option<&str>) -> Results {
    let mut results = on(release, PUT_USER);
    let claims = &mut results.verdicts[0].claims;
    claims.truncate(1);
    claims[0].id = CLAIM.to_owned();
    (claims[0].expected, claims[0].found, claims[0].because) = (verdict, Some(verdict), because.map(str::to_owned));
    results
}

fn claimless(release: &str, outcome: Outcome, reason: Option<&str>) -> Results {
    let mut results = on(release, CLAIMLESS);
    let verdict = &mut results.verdicts[0];
    verdict.claims.clear();
    (verdict.outcome, verdict.reason) = (outcome, reason.map(str::to_owned));
    results
}

fn part(series: &str, broken: Option<&str>, results: Results) -> Part {
    let broken = broken.map(|what| Broken { what: what.to_owned(), ..Broken::default() });
    let machine = Machine { version: MACHINE_VERSION, series: series.to_owned(), package: None, broken };
    Part { results: Some(results), machine: Some(machine) }
}

/// What the page of a claim or a case says that runs have found.
fn told(suite: &Suite, id: &str, parts: Vec<Part>) -> String {
    let catalogue = Catalogue::new(suite, parts);
    let page = catalogue.claim(id).map(|entry| catalogue.page(entry));
    let page = page.unwrap_or_else(|| catalogue.case_page(&suite.cases[0]));
    let text = plain(&text_page(&page, &catalogue.parts, LOOK));
    let (_, found) = text.split_once("What runs have found\n").expect("it is the last heading");
    found.split_once("\nagain").expect("what to type").0.to_owned()
}

#[test]
fn two_runs_on_one_kernel_have_each_its_own_events() {
    let suite = one();
    let at = |at: i64, file: &str| {
        let mut results = Results { from: Some(file.into()), ..testing::healthy() };
        let event = results.exhibits[ID].runs[0].events.get_mut(&1).expect("the callback");
        event.at = at;
        Part::from(results)
    };
    let text = told(&suite, ID, vec![at(11_111, "a/results.json"), at(22_222, "b/results.json")]);
    let blocks: Vec<&str> = text.split("Linux 6.18.44, evidence trace, in ").collect();
    let of = |file: &str| *blocks.iter().rfind(|block| block.starts_with(file)).expect("a block for each run");
    assert!(of("a/results.json").contains("+11 111 ns") && !of("a/results.json").contains("+22 222 ns"), "{text}");
    assert!(of("b/results.json").contains("+22 222 ns") && !of("b/results.json").contains("+11 111 ns"), "{text}");
}

#[test]
fn a_case_without_claims_has_a_history_under_the_names_of_the_columns() {
    let host = claimless("6.18.44-fc-v657", Outcome::Skip, Some("needs evidence of grade function"));
    let parts = vec![
        part("5.10", None, claimless("5.10.0-46-cloud-amd64", Outcome::Pass, None)),
        part("6.18", None, claimless("6.18.15+deb13-cloud-amd64", Outcome::Pass, None)),
        part("host", None, host),
        part("7.0", None, claimless("7.0.13+deb13-cloud-amd64", Outcome::Fail, Some("an expectation did not hold"))),
    ];
    insta::assert_snapshot!(told(&suite(CLAIMLESS), CLAIMLESS, parts));
}

#[test]
fn one_run_of_a_case_without_claims_is_results_at_hand() {
    let text = told(&suite(CLAIMLESS), CLAIMLESS, vec![claimless("6.1.0", Outcome::Pass, None).into()]);
    assert!(!text.contains("No results") && text.contains("passes; the control came out otherwise"), "{text}");
}

#[test]
fn what_no_claim_shows_has_a_row_of_its_own_beside_them() {
    let mut failing = found("7.0.1", ClaimVerdict::Confirmed, None);
    (failing.verdicts[0].outcome, failing.verdicts[0].reason) = (Outcome::Xfail, Some("known to differ".to_owned()));
    let parts = |second| vec![found("6.1.2", ClaimVerdict::Confirmed, None).into(), Part::from(second)];
    let text = told(&suite(PUT_USER), PUT_USER, parts(failing));
    assert!(text.starts_with(&format!("  {PUT_USER}\n  6.1               passes\n")), "{text}");
    assert!(text.contains("  7.0               fails as expected\n"), "{text}");
    let text = told(&suite(PUT_USER), PUT_USER, parts(found("7.0.1", ClaimVerdict::Confirmed, None)));
    assert!(!text.contains("passes"), "its claims say it: {text}");
}

#[test]
fn where_a_row_changes_both_kernels_stand_beside_each_other() {
    let with = |release: &str, verdict, because, faults: &str| {
        let mut results = found(release, verdict, because);
        let exhibit = &mut results.exhibits[PUT_USER];
        for (name, presence) in [("ep_send_events", Presence::Typed), ("__put_user_nocheck_4", Presence::Symbol)] {
            exhibit.landmarks.functions.insert(name.to_owned(), presence);
        }
        let report = |probe, won: &str| ProbeReport { probe, won: Some(won.to_owned()), grade: None, lost: Vec::new() };
        results.probes.push(report(Probe::PageFaultKernel, faults));
        results.probes.push(report(Probe::Watchpoint, "data breakpoint"));
        results
    };
    let parts = vec![
        with("6.1.2", ClaimVerdict::Confirmed, None, "raw_tp page_fault_kernel").into(),
        with("6.19.1", ClaimVerdict::Confirmed, None, "raw_tp page_fault_kernel").into(),
        with("7.0.1", ClaimVerdict::Refuted, Some("the copy is inlined"), "tp_btf page_fault_kernel").into(),
    ];
    insta::assert_snapshot!(told(&suite(PUT_USER), CLAIM, parts));
}

#[test]
fn a_function_that_differs_is_told_in_the_place_of_what_is_alike() {
    let with = |release: &str, verdict, because, presence| {
        let mut results = found(release, verdict, because);
        results.exhibits[PUT_USER].landmarks.functions.insert("ep_send_events_proc".to_owned(), presence);
        results.into()
    };
    let parts = vec![
        with("6.1.2", ClaimVerdict::Confirmed, None, Presence::Typed),
        with("7.0.1", ClaimVerdict::Refuted, Some("inlined"), Presence::Absent),
    ];
    let text = told(&suite(PUT_USER), CLAIM, parts);
    assert!(text.contains("kernel    ep_send_events_proc: a function in 6.1, no function in 7.0"), "{text}");
    assert!(!text.contains("on both"), "{text}");
}

#[test]
fn where_a_case_is_skipped_others_have_looked_for_its_functions() {
    let mut skipped = found("7.0.1", ClaimVerdict::Refuted, None);
    let function = |presence| [("ep_send_events".to_owned(), presence)].into();
    let mut other = skipped.exhibits[PUT_USER].clone();
    other.landmarks.functions = function(Presence::Absent);
    skipped.exhibits.insert("another/case".to_owned(), other);
    let verdict = &mut skipped.verdicts[0];
    (verdict.outcome, verdict.reason) = (Outcome::Skip, Some("no device can be made".to_owned()));
    let mut before = found("6.1.2", ClaimVerdict::Confirmed, None);
    before.exhibits[PUT_USER].landmarks.functions = function(Presence::Typed);
    let text = told(&suite(PUT_USER), CLAIM, vec![before.into(), skipped.into()]);
    assert!(text.contains("kernel    ep_send_events: a function in 6.1, no function in 7.0"), "{text}");
}

#[test]
fn results_of_an_earlier_run_and_kernels_that_broke_are_marked() {
    let old = "it has not begun: these are results of an earlier run";
    let refuted = || found("7.0.1", ClaimVerdict::Refuted, Some("the copy is inlined"));
    let machine = Machine { version: MACHINE_VERSION, series: "7.2".to_owned(), package: None, broken: None };
    let parts = |broken| {
        let before = part("6.1", None, found("6.1.2", ClaimVerdict::Confirmed, None));
        let nothing = Part { results: None, machine: Some(machine.clone()) };
        vec![before, part("7.0", broken, refuted()), nothing]
    };
    let text = told(&suite(PUT_USER), CLAIM, parts(Some(old)));
    assert!(text.contains(&format!("  7.0               broken: {old}\n")), "{text}");
    assert!(text.contains("  7.2               did not run\n"), "{text}");
    assert!(!told(&suite(PUT_USER), CLAIM, parts(None)).contains("broken"));
    let alone = told(&suite(PUT_USER), CLAIM, vec![part("7.0", Some(old), refuted())]).replace("\n    ", " ");
    assert!(alone.contains(&format!("its run is broken: {old}")), "{alone}");
    let nothing = Machine { broken: Some(Broken { what: "it hung".to_owned(), ..Broken::default() }), ..machine };
    let nothing = Part { results: None, machine: Some(nothing) };
    let beside = told(&suite(PUT_USER), CLAIM, vec![part("7.0", None, refuted()), nothing]);
    assert!(beside.ends_with("  7.2               broken: it hung\n"), "of one kernel there is no history: {beside}");
}
