//! The page, as text; what a browser makes of it is tested with a browser.
use super::*;
use crate::render::testing;

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

#[test]
fn of_several_kernels_the_one_that_says_most_is_shown() {
    let (good, bad) = (testing::healthy(), testing::failing());
    let all = [good, bad];
    let shown = cases(&all);
    let (results, _) = shown.iter().find(|(_, verdict)| !verdict.outcome.is_good()).expect("the failure");
    assert!(std::ptr::eq(*results, &raw const all[1]), "it is the failing run's");
    assert_eq!(shown.len(), all[0].verdicts.len());
}
