//! `JUnit` XML: a suite for each subject, a case for each case. Bad outcomes are failures; what says nothing of the kernel
//! (a broken set-up, lost events, a deadline) is an error.
use std::time::Duration;

use indexmap::IndexMap;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::super::Results;
use super::complaint;
use crate::verdict::{Outcome, Verdict};

pub(super) fn junit(results: &Results) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("wakeproof");
    report.set_time(Duration::from_millis(results.millis));
    let mut suites: IndexMap<&str, TestSuite> = IndexMap::new();
    for verdict in &results.verdicts {
        let (subject, name) = verdict.case.rsplit_once('/').unwrap_or(("", &verdict.case));
        let suite = suites.entry(subject).or_insert_with(|| {
            let mut suite = TestSuite::new(subject);
            suite.add_property(Property::new("kernel", &results.kernel.release));
            suite.add_property(Property::new("grade", results.grade.to_string()));
            suite
        });
        suite.add_test_case(case(subject, name, verdict));
    }
    report.add_test_suites(suites.into_values());
    report.to_string()
}

fn case(subject: &str, name: &str, verdict: &Verdict) -> TestCase {
    let mut status = match verdict.outcome {
        Outcome::Pass | Outcome::Xfail => TestCaseStatus::success(),
        Outcome::Skip => TestCaseStatus::skipped(),
        Outcome::Fail | Outcome::Xpass => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Broken | Outcome::Timeout | Outcome::Inconclusive => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    if let Some(reason) = &verdict.reason {
        status.set_message(reason);
    }
    if !matches!(verdict.outcome, Outcome::Pass | Outcome::Xfail) {
        status.set_type(verdict.outcome.to_string()).set_description(complaint(verdict).join("\n"));
    }
    let mut case = TestCase::new(name, status);
    case.set_classname(subject).set_time(Duration::from_millis(verdict.millis));
    case.add_property(Property::new("title", &verdict.title));
    for claim in &verdict.claims {
        let found = claim.found.map_or_else(|| "undecided".to_owned(), |found| found.to_string());
        case.add_property(Property::new(format!("claim {}", claim.id), found));
    }
    case
}
