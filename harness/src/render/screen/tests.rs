use anstream::adapter::strip_str;
use unicode_width::UnicodeWidthStr;

use super::super::{Results, testing};
use super::{Lines, Look, head, screen, tail};

const WIDE: Look = Look { width: 100, utf8: true, skips: false };

fn plain(results: &Results, look: Look) -> String {
    strip_str(&screen(results, look)).to_string()
}

#[test]
fn a_healthy_suite_lists_its_refuted_claims() {
    insta::assert_snapshot!(plain(&testing::healthy(), WIDE));
}

#[test]
fn a_failure_shows_expectation_values_and_events() {
    insta::assert_snapshot!(plain(&testing::failing(), WIDE));
}

#[test]
fn whatever_is_not_a_pass_says_why() {
    insta::assert_snapshot!(plain(&testing::troubled(), Look { skips: true, ..WIDE }));
}

#[test]
fn a_control_that_does_not_fail_is_shown() {
    insta::assert_snapshot!(plain(&testing::blunt_control(), WIDE));
}

#[test]
fn a_narrow_ascii_terminal_loses_nothing() {
    insta::assert_snapshot!(plain(&testing::failing(), Look { width: 60, utf8: false, skips: false }));
}

#[test]
fn colours_tell_findings_from_failures() {
    insta::assert_snapshot!(screen(&testing::healthy(), WIDE).escape_debug().to_string().replace("\\n", "\n"));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [60, 80, 100, 300] {
        for results in [testing::healthy(), testing::failing(), testing::troubled(), testing::blunt_control()] {
            let text = plain(&results, Look { width, utf8: true, skips: true });
            for line in text.lines() {
                assert!(line.width() <= width, "{} of {width} columns: {line}", line.width());
            }
        }
    }
}

#[test]
fn part_by_part_the_screen_is_the_same() {
    let results = testing::troubled();
    let mut lines = Lines::new(WIDE);
    let parts: String = results.verdicts.iter().map(|verdict| lines.case(verdict)).collect();
    assert_eq!(head(&results, WIDE) + &parts + &tail(&results, WIDE), screen(&results, WIDE));
}
