//! The suite with a runner that touches no kernel.
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;

use super::runner::{self, Ran, Runner, Setting};
use super::{Selection, live};
use crate::load::{LoadedCase, load_as};
use crate::plan::Capabilities;
use crate::record::Cancel;
use crate::render::{Results, screen::Look, testing};
use crate::verdict::Outcome;

const TEXT: &str = include_str!("../../testing/descriptor-1500.yaml");
const LOOK: Look = Look { width: 100, utf8: true, skips: true };

/// Does with each case what its id says.
struct Fake {
    setting: Setting,
    cancel: Cancel,
}

impl Runner for Fake {
    fn setting(&self) -> &Setting {
        &self.setting
    }

    fn lacks(&self, case: &LoadedCase) -> Option<String> {
        case.id.contains("skip").then(|| "it is called so".to_owned())
    }

    fn run(&self, case: &LoadedCase) -> Ran {
        match case.id.rsplit_once('/').map(|(_, name)| name) {
            Some("panic") => panic!("as it is called"),
            Some("cancel") => self.cancel.cancel(),
            Some("hang") => {
                self.cancel.cancel();
                std::thread::sleep(Duration::from_secs(50));
            }
            _ => {}
        }
        let outcome = if case.id.contains("fail") { Outcome::Fail } else { Outcome::Pass };
        Ran {
            verdict: runner::verdict(case, &self.setting, outcome, "it is called so".to_owned()),
            recording: None,
            took: super::Took::default(),
        }
    }
}

fn cases(ids: &[&str]) -> Arc<[LoadedCase]> {
    ids.iter().map(|id| load_as(id, id, TEXT).unwrap_or_else(|wrong| panic!("{wrong}"))).collect()
}

fn run(ids: &[&str]) -> (Results, String) {
    let cancel = Cancel::default();
    let setting = Setting { kernel: testing::kernel(), have: Capabilities::surface("a test"), defect: None };
    let fake: Arc<dyn Runner> = Arc::new(Fake { setting, cancel: cancel.clone() });
    let mut out = Vec::new();
    let results = live::run(
        &fake,
        &cases(ids),
        1,
        &cancel,
        live::Seen { look: LOOK, progress: false },
        &mut out,
        &mut |_| Ok(()),
    )
    .unwrap_or_else(|error| panic!("{error}"));
    (results, strip_str(&String::from_utf8_lossy(&out)).to_string())
}

fn outcomes(results: &Results) -> Vec<(&str, Outcome)> {
    results.verdicts.iter().map(|verdict| (verdict.case.as_str(), verdict.outcome)).collect()
}

#[test]
fn each_case_gets_its_verdict_in_order() {
    let (results, screen) = run(&["a/pass", "a/fail", "b/skip", "b/pass"]);
    assert_eq!(
        outcomes(&results),
        [("a/pass", Outcome::Pass), ("a/fail", Outcome::Fail), ("b/skip", Outcome::Skip), ("b/pass", Outcome::Pass)]
    );
    assert_eq!(screen.matches("Descriptor 1500").count(), 4, "{screen}");
    assert_eq!(results.unfinished, Vec::<String>::new());
}

#[test]
fn a_panic_is_a_broken_case_and_the_next_one_runs() {
    let (results, _) = run(&["a/panic", "a/pass"]);
    assert_eq!(outcomes(&results), [("a/panic", Outcome::Broken), ("a/pass", Outcome::Pass)]);
    assert_eq!(results.verdicts[0].reason.as_deref(), Some("the harness panicked: as it is called"));
}

#[test]
fn cancelling_keeps_what_was_done_and_names_the_rest() {
    let (results, _) = run(&["a/pass", "b/cancel", "c/pass"]);
    assert_eq!(outcomes(&results).first(), Some(&("a/pass", Outcome::Pass)));
    assert!(results.unfinished.contains(&"c/pass".to_owned()), "{:?}", results.unfinished);
}

#[test]
fn a_case_that_does_not_stop_is_left_behind_in_time() {
    let begin = Instant::now();
    let (results, _) = run(&["a/hang", "b/pass"]);
    assert!(begin.elapsed() < Duration::from_secs(30));
    assert_eq!(results.unfinished, ["a/hang", "b/pass"]);
}

#[test]
fn filters_select_by_part_and_exactly_by_whole() {
    let cases = cases(&["epoll/one", "epoll/one-more", "poll/one"]);
    let taken = |filters: &[&str], exact, skip: &[&str]| {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let selection = Selection { filters: own(filters), exact, skip: own(skip), shard: None };
        cases.iter().filter(|case| selection.takes(&case.id)).map(|case| case.id.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(taken(&[], false, &["more"]), ["epoll/one", "poll/one"]);
    assert_eq!(taken(&["epoll/one"], true, &[]), ["epoll/one"]);
    assert_eq!(taken(&["more", "poll/one"], true, &[]), ["poll/one"]);
    assert_eq!(taken(&["more"], false, &[]), ["epoll/one-more"]);
}
