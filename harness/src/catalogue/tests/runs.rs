//! What runs have found, where there are several.
use super::*;

/// What the page of a case says that runs have found.
fn told(suite: &Suite, results: Vec<Results>) -> String {
    let catalogue = Catalogue::new(suite, results);
    let text = plain(&text_page(&catalogue.case_page(&suite.cases[0]), &catalogue.results, LOOK));
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
        results
    };
    let text = told(&suite, vec![at(11_111, "a/results.json"), at(22_222, "b/results.json")]);
    let blocks: Vec<&str> = text.split("Linux 6.18.44, evidence trace, in ").collect();
    let of = |file: &str| *blocks.iter().rfind(|block| block.starts_with(file)).expect("a block for each run");
    assert!(of("a/results.json").contains("+11 111 ns") && !of("a/results.json").contains("+22 222 ns"), "{text}");
    assert!(of("b/results.json").contains("+22 222 ns") && !of("b/results.json").contains("+11 111 ns"), "{text}");
}
