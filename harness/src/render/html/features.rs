//! The kernels themselves on a page: how the probes are attached, and which functions and members there are.
use maud::{Markup, html};

use super::super::matrix::features::{Section, sections};
use super::super::matrix::{Matrix, Shown};

/// A folded section for each kind.
pub(super) fn features(matrix: &Matrix) -> Markup {
    let sections = sections(matrix, Shown::All);
    // One kernel is not compared with any.
    let alone = matrix.kernels.len() == 1;
    html! {
        @if !sections.is_empty() {
            h2 #kernels { "Kernels" }
            @for section in &sections { (folded(section, alone)) }
        }
    }
}

fn folded(section: &Section, alone: bool) -> Markup {
    html! {
        details {
            summary { h3 { (section.title) } " " span.soft { (if alone { section.all.to_string() } else { size(section) }) } }
            @if !section.lines.is_empty() || !section.big.is_empty() {
                div.scroll tabindex="0" role="region" aria-label=(section.title) {
                    table.features { tbody {
                        @for (name, text) in &section.lines { (line(name, text)) }
                        @for (name, text) in &section.big { (line(name, &format!("{text}: `wakeproof merge --output` writes them"))) }
                    } }
                }
            }
            @if !section.alike.is_empty() { p { b { (if alone { "There: " } else { "Alike: " }) } span.mono { (section.alike.join(", ")) } } }
        }
    }
}

fn line(name: &str, text: &str) -> Markup {
    html! { tr { th.mono scope="row" { (name) } td { (text) } } }
}

/// What is seen before it is unfolded.
fn size(section: &Section) -> String {
    match section.differ {
        0 => format!("{}, all alike", section.all),
        some => format!("{some} of {} not alike in all", section.all),
    }
}
