//! One case: what is said, what was found, and the timelines that show it.
use maud::{Markup, PreEscaped, html};

use super::super::picture::{Counted, Picture};
use super::super::screen::bare;
use super::super::text::duration;
use super::super::{Exhibit, Results};
use super::data::Shared;
use super::plot;
use super::table::sign;
use crate::case::{Source, Value};
use crate::recording::{End, Half};
use crate::verdict::{ClaimResult, Evidence, Finding, Verdict};

/// How long a measure's value may be.
const VALUE: usize = 160;

/// The section of one case.
pub(super) fn article(results: &Results, verdict: &Verdict, shared: &mut Shared) -> Markup {
    let empty = Exhibit::default();
    let exhibit = results.exhibits.get(&verdict.case).unwrap_or(&empty);
    let pictures: Vec<_> =
        exhibit.pictures.iter().map(|picture| figure(&verdict.case, picture, verdict, exhibit, shared)).collect();
    html! {
        article id=(verdict.case) {
            div.head {
                h3 { (verdict.title) }
                span { span class=(verdict.outcome) { (sign(verdict.outcome)) " " (verdict.outcome) }
                    span.soft { " · evidence " (verdict.grade) " · " (duration(verdict.millis)) } }
            }
            p.soft.mono { a href={ "#" (verdict.case) } { (verdict.case) } " on Linux " (results.kernel.release) }
            @if let Some(reason) = &verdict.reason { p class=(verdict.outcome) { (reason) } }
            @for claim in &verdict.claims { (one_claim(claim, exhibit)) }
            @for finding in &verdict.expectations { (expectation(finding)) }
            @for table in &verdict.tables { (plot::table(table)) }
            (ends(exhibit))
            @if !exhibit.wiring.is_empty() {
                h4 { "Who is connected to whom" }
                pre tabindex="0" { (exhibit.wiring.trim_end()) }
            }
            @if !pictures.is_empty() {
                div class=(if pictures.len() > 1 { "pictures pair" } else { "pictures" }) { @for picture in &pictures { (picture) } }
            }
        }
    }
}

fn one_claim(claim: &ClaimResult, exhibit: &Exhibit) -> Markup {
    let text = exhibit.claim(&claim.id);
    html! {
        div.claim {
            p { (found(claim)) " " span.soft.mono { (claim.id) } }
            @for quote in text.iter().flat_map(|text| &text.quotes) {
                blockquote lang="zh" { "“" (quote.text) "”" span.soft lang="en" { " document " (match quote.source { Source::A => "A", Source::B => "B" }) } }
            }
            p { "It says: " (claim.says) }
            @if let Some(truth) = text.and_then(|text| text.truth.as_ref()) { p { b { "True is: " } (truth) } }
            @if let Some(limits) = text.and_then(|text| text.limits.as_ref()) { p.soft { (limits) } }
            @if let Some(why) = &claim.undecided { p.undecided { (why) } }
            (seen(&claim.evidence))
        }
    }
}

fn found(claim: &ClaimResult) -> Markup {
    let word = match claim.found {
        Some(found) => found.to_string(),
        None if claim.failed() => "failed".to_owned(),
        None => "undecided".to_owned(),
    };
    let unexpected = claim.found != Some(claim.expected);
    html! { b class=(word) { (word) } @if unexpected { " " span.fail { "(expected: " (claim.expected) ")" } } }
}

fn expectation(finding: &Finding) -> Markup {
    let (word, class) = match finding.held {
        Some(true) => ("holds", "pass"),
        Some(false) => ("does not hold", "fail"),
        None => ("undecided", "undecided"),
    };
    html! {
        div.claim {
            p { b class=(class) { (word) } " " (finding.name) @if !finding.point.is_empty() { span.soft { " with " (point(&finding.point)) } } }
            p.mono.soft { (finding.predicate) }
            @if let Some(why) = &finding.undecided { p.undecided { (why) } }
            (seen(&finding.evidence))
        }
    }
}

fn seen(evidence: &[Evidence]) -> Markup {
    html! {
        @if !evidence.is_empty() {
            ul.evidence aria-label="Measured" { @for one in evidence { li.chip.mono { (one.measure) " = " (short(&bare(&one.value))) } } }
        }
    }
}

/// Runs that did not come to their end, and what their servers said.
fn ends(exhibit: &Exhibit) -> Markup {
    html! {
        @for run in &exhibit.runs {
            @if let End::Timeout { step, why } | End::Broken { step, why } = &run.end {
                p.fail { (half(run.half)) " stopped at " span.mono { (step) } ": " (why) }
                @if let Some(server) = &run.server { pre { (server) } }
            }
        }
    }
}

fn half(half: Half) -> &'static str {
    match half {
        Half::Subject => "The run",
        Half::Control => "The control",
    }
}

fn figure(case: &str, picture: &Picture, verdict: &Verdict, exhibit: &Exhibit, shared: &mut Shared) -> Markup {
    let id = format!("{}-{}", if picture.half == Half::Subject { "run" } else { "control" }, case.replace('/', "-"));
    let control = if exhibit.control.is_empty() { &verdict.control.title } else { &exhibit.control };
    html! {
        figure {
            figcaption {
                @match picture.half {
                    Half::Subject => { b { "The run" } ": " (verdict.title) },
                    Half::Control => { b { "The control, where it must come out otherwise" } ": " (control) },
                }
                @if !picture.point.is_empty() { span.soft { " (" (point(&picture.point)) ")" } }
            }
            @for sentence in &picture.story { p { (sentence) } }
            (counts(&picture.counts))
            div.timeline id=(id) {
                (bar())
                svg tabindex="0" role="application" aria-roledescription="timeline" aria-label={ "Timeline of " (half(picture.half).to_lowercase()) ": " (picture.dots.len()) " events on " (picture.lanes.len()) " lanes. Arrow keys move." } {}
                div.says aria-live="polite" { span.soft { "Choose an event to see its fields and its kernel stack, or follow a segment on its way." } }
                script type="application/json" { (PreEscaped(shared.picture(picture))) }
            }
            details.events {
                summary { "As a list: " (picture.dots.len()) " events" @if picture.left_out > 0 { ", " (picture.left_out) " more left out" } }
                div.list tabindex="0" { table { thead { tr { th { "time" } th { "lane" } th { "event" } th { "fields" } } } tbody {} } }
            }
        }
    }
}

fn bar() -> Markup {
    let tools = [
        ("back", "◂ back", "back along the way of the segment"),
        ("follow", "follow the segment ▸", "to the next event on the way of the segment"),
        ("out", "−", "zoom out"),
        ("in", "+", "zoom in"),
        ("fit", "all", "show everything"),
    ];
    html! {
        div.bar {
            @for (does, text, means) in tools { button.tool type="button" data-does=(does) title=(means) aria-label=(means) { (text) } }
            button.tool type="button" data-does="time" aria-pressed="false" title="pauses at their true length" { "true time" }
        }
    }
}

/// The measures of a picture; those that count events that are drawn can be chosen.
fn counts(counts: &[Counted]) -> Markup {
    html! {
        @if !counts.is_empty() {
            ul.evidence aria-label="Measured in this run" {
                @for (place, count) in counts.iter().enumerate() {
                    li {
                        @if count.dots.is_empty() { span.chip.mono { (count.text) } }
                        @else { button.chip.mono type="button" data-count=(place) aria-pressed="false" title="ring the events that it counts" { (count.text) } }
                    }
                }
            }
        }
    }
}

fn point(point: &std::collections::BTreeMap<String, Value>) -> String {
    let one = |(name, value): (&String, &Value)| match value {
        Value::Int(number) => format!("{name} = {number}"),
        Value::Text(text) => format!("{name} = {text}"),
    };
    point.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn short(text: &str) -> String {
    if text.chars().count() > VALUE { text.chars().take(VALUE).chain(['…']).collect() } else { text.to_owned() }
}
