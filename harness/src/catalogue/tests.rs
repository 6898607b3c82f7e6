//! The catalogue of one case, with made-up results, and what holds for the catalogue of the whole suite.
mod runs;

use super::*;
use crate::load::load;
use crate::render::screen::Look;
use crate::render::{Results, testing};

const ID: &str = "epoll/edge-triggered-wakes-once-per-arrival";
const TEXT: &str = include_str!("../../../cases/epoll/edge-triggered-wakes-once-per-arrival.yaml");
const LOOK: Look = Look { width: 90, utf8: true, skips: false };

fn one() -> Suite {
    Suite { cases: vec![load(ID, TEXT).unwrap_or_else(|wrong| panic!("{wrong}"))], ..Suite::default() }
}

fn whole() -> Suite {
    Suite::embedded().unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn page(text: &str, results: Vec<Results>, show: impl Fn(&Page<'_>, &[Part]) -> String) -> String {
    let suite = one();
    let catalogue = Catalogue::new(&suite, results.into_iter().map(Part::from).collect());
    let entry = catalogue.claim(text).unwrap_or_else(|| panic!("there is no {text}"));
    show(&catalogue.page(entry), &catalogue.parts)
}

#[test]
fn a_refuted_claim_is_explained_with_its_counter_example() {
    let show = |page: &Page<'_>, parts: &[Part]| plain(&text_page(page, parts, LOOK));
    insta::assert_snapshot!(page("epoll.et.only-first-time", vec![testing::healthy()], show));
}

#[test]
fn a_claim_is_a_markdown_page() {
    insta::assert_snapshot!(page("epoll.et.only-first-time", vec![testing::healthy()], |page, _| markdown_page(
        page, 1
    )));
}

#[test]
fn the_list_shows_what_was_seen() {
    let suite = one();
    insta::assert_snapshot!(plain(&text_list(&Catalogue::new(&suite, vec![testing::healthy().into()]), LOOK)));
}

#[test]
fn a_finding_that_was_not_expected_says_so() {
    let show = |page: &Page<'_>, parts: &[Part]| plain(&text_page(page, parts, LOOK));
    let text = page("epoll.et.only-first-time", vec![testing::failing()], show);
    assert!(text.contains("confirmed, which was not expected"), "{text}");
}

#[test]
fn a_sentence_pasted_from_the_document_is_found() {
    let suite = one();
    let catalogue = Catalogue::new(&suite, Vec::new());
    // with the radicals that a PDF reader copies, a line end, and more words than are quoted
    for pasted in ["即使进程没有调⽤ read 函数", "会⼀直 苏醒⼀次，即使进程没有调⽤ read\n函数从内核读取数据"]
    {
        assert!(
            matches!(catalogue.find(&suite.cases, pasted), Found::Claim(entry) if entry.claim.id == "epoll.et.wakes-once"),
            "{pasted}"
        );
    }
}

#[test]
fn names_may_be_cut_short_and_misspelt_ones_bring_suggestions() {
    let suite = one();
    let catalogue = Catalogue::new(&suite, Vec::new());
    let find = |name: &str| catalogue.find(&suite.cases, name);
    assert!(matches!(find("epoll.et.only"), Found::Claim(_)));
    assert!(matches!(find("cases/epoll/edge-triggered-wakes-once-per-arrival.yaml"), Found::Case(_)));
    assert!(matches!(find("epoll.et"), Found::Near(near) if near.len() == 2));
    assert!(
        matches!(find("epol.et.only-frist-time"), Found::Near(near) if near.first() == Some(&"epoll.et.only-first-time"))
    );
    assert!(matches!(find("qqqq"), Found::Near(near) if near.is_empty()));
}

#[test]
fn words_of_verdict_sentence_and_id_are_searched() {
    let suite = one();
    let catalogue = Catalogue::new(&suite, Vec::new());
    let found = |text: &str| {
        let wanted = Wanted::new(&[text.to_owned()]);
        catalogue.entries.iter().filter(|entry| wanted.matches(entry)).count()
    };
    assert_eq!(["refuted", "EPOLL.ET", "first time refuted", "nothing of the kind"].map(found), [1, 2, 1, 0]);
}

#[test]
fn every_claim_of_the_suite_is_one_of_the_documents() {
    let suite = whole();
    for entry in Catalogue::new(&suite, Vec::new()).entries {
        assert!(known().iter().any(|known| known.id == entry.claim.id), "{} is not in ids.txt", entry.claim.id);
    }
}

#[test]
fn errata_stand_beside_the_claims() {
    let suite = whole();
    let catalogue = Catalogue::new(&suite, Vec::new());
    assert!(!catalogue.slips.is_empty());
    for slip in &catalogue.slips {
        let id = slip.erratum.id.as_str();
        assert!(known().iter().any(|known| known.id == id), "{id} is not in ids.txt");
        assert!(catalogue.claim(id).is_none(), "{id} is also a claim");
        assert!(matches!(catalogue.find(&suite.cases, id), Found::Erratum(found) if found.erratum.id == id));
        assert!(rows(&catalogue).iter().any(|row| row.id == id && row.verdict == "erratum" && row.line > 0));
    }
    let found = catalogue.only(&Wanted::new(&["黑红树".to_owned()]));
    assert_eq!((found.entries.len(), found.slips.len()), (0, 1));
    let text = plain(&text_list(&found, LOOK));
    assert!(text.contains("* erratum  doc.color-order-tree") && text.contains("errata 1"), "{text}");
}

#[test]
fn every_step_and_measure_of_the_suite_has_words() {
    let suite = whole();
    let catalogue = Catalogue::new(&suite, Vec::new());
    for case in &suite.cases {
        let text = plain(&text_page(&catalogue.case_page(case), &[], LOOK));
        assert!(!text.contains("7368787"), "{}: a stand-in was left\n{text}", case.id);
        assert!(text.lines().all(|line| line.chars().count() <= 90 || line.starts_with("    ")), "{}", case.id);
    }
}
