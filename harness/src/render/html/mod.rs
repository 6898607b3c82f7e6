//! One page that needs nothing else: the claims on each kernel, and for each case its verdict, its evidence and the
//! timelines of the run and of its control.
//!
//! The page is text, styles and a small script in one file. It asks no network, and everything in it comes from
//! [`Results`].
#[cfg(test)]
mod browser;
mod case;
mod data;
mod features;
mod gaps;
mod kernels;
mod plot;
mod table;
#[cfg(test)]
mod tests;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Results;
use super::matrix::{self, Column, Matrix, Part};
use super::text::{counted, duration, grouped};
use crate::verdict::{Outcome, Verdict};
use data::Shared;

const STYLE: &str = include_str!("page.css");
const TIMELINE: &str = include_str!("timeline.js");
const FILTER: &str = include_str!("page.js");

/// The shapes of the timeline, in the order in which a segment meets them.
const SHAPES: [(&str, &str); 8] = [
    ("write", "data is sent"),
    ("segment", "a segment reaches the socket"),
    ("callback", "the kernel calls epoll’s callback"),
    ("wake", "the sleeping task is woken"),
    ("report", "the wait call returns: something is ready"),
    ("read", "the data is read"),
    ("empty", "a call finds nothing"),
    ("other", "anything else"),
];

/// The page of one run.
pub fn of_one(results: &Results) -> String {
    let part = Part { results: Some(results.clone()), machine: None };
    html(&matrix::matrix(vec![part]), std::slice::from_ref(results))
}

/// The page of runs on any number of kernels: the table claims × kernels, and each case from the results that say most
/// about it.
pub fn html(matrix: &Matrix, all: &[Results]) -> String {
    let mut shared = Shared::default();
    let cases = cases(all);
    let articles: Vec<Markup> =
        cases.iter().map(|(results, verdict)| case::article(results, verdict, &mut shared)).collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Wakeproof: " (title(matrix)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skiplink href="#cases" { "to the cases" }
                (head(matrix, all))
                main {
                    h2 #claims { "Claims" }
                    (table::matrix(matrix))
                    (features::features(matrix))
                    h2 #cases { "Cases" }
                    (legend())
                    @for article in &articles { (article) }
                }
                footer { p.soft { "Made by wakeproof " (env!("CARGO_PKG_VERSION")) ". The page stands for itself: it loads nothing." } }
                script #frames type="application/json" { (PreEscaped(shared.frames())) }
                script #stacks type="application/json" { (PreEscaped(shared.stacks())) }
                script { (PreEscaped(TIMELINE)) (PreEscaped(FILTER)) }
            }
        }
    };
    page.into_string()
}

/// Each case once, from the results that say most about it: where it is not well, else with the strongest evidence.
fn cases(all: &[Results]) -> Vec<(&Results, &Verdict)> {
    let mut cases: Vec<(&Results, &Verdict)> = Vec::new();
    let weight = |results: &Results, verdict: &Verdict| {
        let pictures = results.exhibits.get(&verdict.case).is_some_and(|exhibit| !exhibit.pictures.is_empty());
        (!verdict.outcome.is_good(), verdict.outcome != Outcome::Skip, pictures, results.grade)
    };
    for results in all {
        for verdict in &results.verdicts {
            match cases.iter_mut().find(|(_, known)| known.case == verdict.case) {
                Some(known) if weight(results, verdict) > weight(known.0, known.1) => *known = (results, verdict),
                Some(_) => {}
                None => cases.push((results, verdict)),
            }
        }
    }
    cases
}

fn title(matrix: &Matrix) -> String {
    match matrix.kernels.as_slice() {
        [only] => format!("Linux {}", only.release.as_deref().unwrap_or(&only.name)),
        many => counted(many.len(), "kernel"),
    }
}

fn head(matrix: &Matrix, all: &[Results]) -> Markup {
    html! {
        header {
            h1 { "What documents say, and what " (title(matrix)) " did" }
            p.soft { "Claims about sockets, select, poll and epoll, each decided by an experiment on a running kernel. "
                "A refuted claim is a finding: the document is wrong, and the counter-example stands below." }
            @if let ([only], [column]) = (all, matrix.kernels.as_slice()) { (sums(only, column)) } @else { (kernels::table(matrix)) }
            (gaps::gaps(matrix))
        }
    }
}

fn sums(results: &Results, column: &Column) -> Markup {
    let claims = results.claims();
    let (recorded, lost) = results.events();
    let words = [
        ("confirmed", claims.confirmed),
        ("refined", claims.refined),
        ("refuted", claims.refuted),
        ("undecidable", claims.undecidable),
        ("failed", claims.failed),
        ("undecided here", claims.undecided),
    ];
    html! {
        ul.sums {
            li { b { "Linux " (results.kernel.release) } " " (results.kernel.machine) ", evidence " (results.grade) }
            @for (outcome, number, words) in column.counts() { li class=(outcome) { b { (number) } " " (words) } }
            @for (word, number) in words.iter().filter(|(_, number)| *number > 0) {
                li { b { (number) } " " span class=(word.split(' ').next().unwrap_or_default()) { (word) } }
            }
            li.soft { (grouped(recorded)) " events, " @if lost == 0 { "none lost" } @else { (grouped(lost)) " lost" } ", " (duration(results.millis)) }
            @if !results.unfinished.is_empty() { li.fail { "interrupted: " (counted(results.unfinished.len(), "case")) " did not come to run" } }
        }
        @if let Some(blind) = &results.blind { p.soft { "Only results of system calls were seen: " (blind) } }
    }
}

/// How to read a timeline, for somebody who has never seen one.
fn legend() -> Markup {
    html! {
        p { "Each timeline is one measured run, from left to right; pauses are shortened. Its lanes are who takes part: "
            "the client, the sockets in the kernel, the eventpoll (what an epoll descriptor stands for) and the server’s tasks. "
            "The orange arrows are the way of one segment of data through the kernel to whoever reads it." }
        ul.legend aria-label="Signs of the timelines" {
            @for (shape, means) in SHAPES { li { span data-shape=(shape) {} " " (means) } }
            li { span.box style="background:var(--unread)" {} "data lies unread in the socket" }
            li { span.box style="background:var(--ready)" {} "epoll’s ready list holds something" }
            li { span.box style="background:var(--waiting)" {} "a task is inside of a call, most often asleep" }
            li { span.box style="border:2px solid var(--way);border-radius:9px;width:14px;height:14px" {} "counted by the measure that is chosen" }
        }
        p.soft { "Keys, with a timeline in focus: ← → from event to event, ↓ ↑ along the way of a segment, + − zoom, 0 everything, Esc nothing. "
            "With a mouse or a finger: drag to move, Ctrl and wheel or pinch to zoom." }
    }
}
