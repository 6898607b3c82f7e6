//! The page, as text; what a browser makes of it is tested with a browser.
use super::*;
use crate::case::ClaimVerdict;
use crate::render::{MACHINE_VERSION, Machine, testing};

#[test]
fn the_page_needs_nothing_from_anywhere() {
    let page = of_one(&testing::failing());
    for word in ["http://", "https://", "src=", "@import"] {
        assert!(!page.contains(word), "{word} asks for something outside");
    }
    assert_eq!(page.matches("url(").count(), page.matches("url(#").count(), "an address is one inside of the page");
}

#[test]
fn every_case_and_claim_is_there_once() {
    let results = testing::failing();
    let page = of_one(&results);
    for verdict in &results.verdicts {
        let article = format!("<article id=\"{}\">", verdict.case);
        assert_eq!(page.matches(&article).count(), 1, "{article}");
        assert!(page.contains(&format!("href=\"#{}\"", verdict.case)), "the table leads to {}", verdict.case);
    }
}

#[test]
fn what_failed_says_what_was_expected() {
    let page = of_one(&testing::failing());
    assert!(page.contains("does not hold"), "the expectation");
    assert!(page.contains("wakes_later == arrivals &amp;&amp; callbacks == arrivals"), "its predicate");
    assert!(page.contains("(expected: refuted)"), "the claim");
}

#[test]
fn text_of_a_case_is_text_and_no_markup() {
    let mut results = testing::healthy();
    results.verdicts[0].title = "<script>alert(1)</script>".to_owned();
    assert!(!of_one(&results).contains("<script>alert"));
}

/// Results, and a kernel beside theirs of which nothing came back.
fn with_a_broken_kernel(results: &Results) -> Matrix {
    let broken = Some(matrix::Broken { what: "it hung".to_owned(), ..matrix::Broken::default() });
    let machine = Machine { version: MACHINE_VERSION, series: "6.1".to_owned(), package: None, broken };
    let parts = [(Some(results.clone()), None), (None, Some(machine))];
    matrix::matrix(parts.map(|(results, machine)| Part { results, machine }).into())
}

#[test]
fn kernels_without_results_have_a_line_too() {
    let results = testing::healthy();
    let page = html(&with_a_broken_kernel(&results), std::slice::from_ref(&results));
    assert!(page.contains("aria-label=\"Kernels\"") && page.contains("what 2 kernels did"));
    assert!(!of_one(&results).contains("aria-label=\"Kernels\""), "of one kernel the sums say it");
}

/// The results on five kernels; on one of them a case was skipped, and on another it did not run.
pub(super) fn on_five(results: &Results) -> Matrix {
    let on = |number: usize| {
        let mut results = results.clone();
        results.kernel.release = format!("6.{number}.1-cloud");
        match number {
            1 => {
                results.verdicts[0].outcome = Outcome::Skip;
                results.verdicts[0].reason = Some("no pair of devices can be made".to_owned());
                results.probes[0].won = None;
            }
            2 => _ = results.verdicts.remove(0),
            _ => {}
        }
        Part { results: Some(results), machine: None }
    };
    matrix::matrix((0..5).map(on).collect())
}

#[test]
fn a_kernel_has_its_short_name_and_its_release() {
    let results = testing::healthy();
    let table = kernels::table(&on_five(&results)).into_string();
    assert!(table.contains("<th scope=\"row\">6.3</th><td>6.3.1-cloud</td>"), "{table}");
}

#[test]
fn the_page_tells_what_the_text_tells_of_kernels() {
    let results = testing::healthy();
    let page = html(&on_five(&results), std::slice::from_ref(&results));
    assert!(page.contains("How the probes are attached"));
    assert!(page.contains("6.0: stack of sk_data_ready; 6.1: none; 6.2 to 6.4: stack of sk_data_ready"), "a probe");
    assert!(page.contains("<b>6.1</b> <span class=\"soft\">1 case skipped:</span> no pair of devices can be made"));
    assert!(page.contains("<span class=\"soft\">–</span> not run"), "the legend");
}

#[test]
fn a_claim_counts_as_what_was_found_though_something_else_was_expected() {
    let mut results = testing::healthy();
    let claim = &mut results.verdicts[0].claims[0];
    (claim.expected, claim.found) = (ClaimVerdict::Confirmed, Some(ClaimVerdict::Refuted));
    results.verdicts[0].outcome = Outcome::Fail;
    let table = kernels::table(&with_a_broken_kernel(&results)).into_string();
    let line = table.split("<tr>").find(|line| line.contains(&results.kernel.release)).expect("a line");
    let found = results.claims();
    let cells = [found.confirmed, found.refined, found.refuted, found.undecidable];
    let cells = cells.map(|number| format!("<td class=\"number\">{number}</td>")).concat();
    assert!(found.refuted > 0 && line.contains(&cells), "{line}");
}

#[test]
fn of_several_kernels_the_one_that_says_most_is_shown() {
    let (good, bad) = (testing::healthy(), testing::failing());
    let all = [good, bad];
    let shown = cases(&all);
    let (results, _) = shown.iter().find(|(_, verdict)| !verdict.outcome.is_good()).expect("the failure");
    assert!(std::ptr::eq(*results, &raw const all[1]), "it is the failing run's");
    assert_eq!(shown.len(), all[0].verdicts.len());
}
