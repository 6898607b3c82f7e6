//! What was skipped on a page, or passed in part: a line for each reason, which unfolds to the cases.
use maud::{Markup, html};

use super::super::matrix::gaps::{Told, told};
use super::super::matrix::{Matrix, SKIPPED};

/// More reasons than these are folded.
const OPEN: usize = 8;

/// The reasons.
pub(super) fn gaps(matrix: &Matrix) -> Markup {
    let names = matrix.names();
    let all = told(matrix);
    html! {
        @if !all.is_empty() {
            details.gaps open[all.len() <= OPEN] {
                summary { b { (SKIPPED) } }
                ul { @for told in &all { li { (line(told, &names)) } } }
            }
        }
    }
}

fn line(told: &Told, names: &[&str]) -> Markup {
    html! {
        details {
            summary { b { (told.kernels(names)) } " " span.soft { (told.cases()) ":" } " " (told.why()) }
            @for (word, cases) in [("skipped", &told.skipped), ("in part", &told.in_part)] {
                @if !cases.is_empty() {
                    p { span.soft { (word) } @for case in cases { " " a.mono href={ "#" (case) } { (case) } } }
                }
            }
        }
    }
}
