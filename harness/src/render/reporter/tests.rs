//! What is written is stable, and others can read it.
use std::process::{Command, Stdio};

use super::super::{doctor, matrix, testing};
use super::*;

fn write(reporter: Reporter, results: &Results) -> String {
    reporter.write(results).expect("a report")
}

#[test]
fn each_report_is_stable() {
    for (name, results) in [("failing", testing::failing()), ("troubled", testing::troubled())] {
        for reporter in [Reporter::Junit, Reporter::Ktap, Reporter::Github, Reporter::Summary, Reporter::Csv] {
            insta::assert_snapshot!(format!("{name}_{}", reporter.file()), write(reporter, &results));
        }
    }
}

#[test]
fn junit_is_understood_by_another_reader() {
    for (results, failures, errors, skipped) in [(testing::failing(), 1, 0, 0), (testing::troubled(), 1, 3, 2)] {
        let report = junit_parser::from_reader(write(Reporter::Junit, &results).as_bytes()).expect("JUnit");
        assert_eq!(report.tests, results.verdicts.len() as u64);
        assert_eq!((report.failures, report.errors), (failures, errors));
        assert_eq!(report.suites.iter().map(|suite| suite.skipped).sum::<u64>(), skipped);
    }
}

/// TAP's own reader, which is a part of Perl.
#[test]
fn ktap_is_understood_by_the_reader_of_tap() {
    use std::io::Write as _;
    let program = "use TAP::Parser; local $/; my $p = TAP::Parser->new({tap => <STDIN>}); $p->run; \
                   print join ' ', $p->tests_planned, $p->tests_run, scalar($p->failed), scalar($p->skipped), scalar($p->parse_errors);";
    let child = Command::new("perl").args(["-e", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else { panic!("perl, which has the reader, is needed: install the package `perl`") };
    let results = testing::troubled();
    let text = write(Reporter::Ktap, &results);
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
    let said = child.wait_with_output().expect("it ends");
    // Seven cases, of which four are not good and two are skipped; `failed` counts results, not exit codes.
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said, "7 7 4 2 0", "{text}");
}

#[test]
fn results_are_as_their_schema_says() {
    for results in [testing::healthy(), testing::failing(), testing::troubled(), testing::blunt_control()] {
        check(&schemars::schema_for!(Results), &write(Reporter::Results, &results));
        let part = matrix::Part { results: Some(results), machine: None };
        let matrix = matrix::matrix(vec![part]);
        check(&schemars::schema_for!(matrix::Matrix), &serde_json::to_string(&matrix).expect("JSON"));
    }
    let doctor = doctor::example();
    check(&schemars::schema_for!(doctor::Doctor), &serde_json::to_string(&doctor).expect("JSON"));
}

fn check(schema: &schemars::Schema, text: &str) {
    let validator = jsonschema::validator_for(schema.as_value()).expect("a schema");
    let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let wrong: Vec<_> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_trace_has_a_lane_for_each_lane_and_a_flow_for_each_way() {
    let text = write(Reporter::Trace, &testing::failing());
    let trace: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    let count = |phase: &str| events.iter().filter(|event| event["ph"] == phase).count();
    assert!(count("X") > 0);
    assert_eq!(count("s"), count("f"), "each flow that begins ends");
    for event in events.iter().filter(|event| event["ph"] != "M") {
        assert!(event["ts"].is_number() && event["pid"].is_number(), "{event}");
    }
}

#[test]
fn an_annotation_points_at_the_line() {
    let text = write(Reporter::Github, &testing::failing());
    let line = text.lines().next().expect("an annotation");
    let number: usize =
        line.split("line=").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok()).expect("a line");
    let results = testing::failing();
    let case = &results.verdicts[0].case;
    let source = include_str!("../../testing/edge-triggered.yaml");
    let shown = source.lines().nth(number - 1).expect("the line is there");
    assert!(line.contains(&format!("cases/{case}.yaml")), "{line}");
    assert!(shown.contains("epoll.et.only-first-time"), "line {number} is {shown}");
}
