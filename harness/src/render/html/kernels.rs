//! The kernels of a page: what ran on each, in a line.
use maud::{Markup, html};

use super::super::Results;
use super::super::text::{counted, duration, grouped};

/// A line for each kernel.
pub(super) fn table(all: &[Results]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Kernels" {
            table.kernels {
                thead {
                    tr {
                        th scope="col" { "Linux" }
                        @for word in ["evidence", "cases", "confirmed", "refined", "refuted", "undecidable", "events", "lost", "time"] {
                            th scope="col" { (word) }
                        }
                    }
                }
                tbody { @for results in all { (line(results)) } }
            }
        }
    }
}

fn line(results: &Results) -> Markup {
    let claims = results.claims();
    let (recorded, lost) = results.events();
    let outcomes = results.outcomes();
    html! {
        tr {
            th scope="row" { (results.kernel.release) }
            td title=[results.blind.as_deref()] { (results.grade) }
            td {
                @for (outcome, number) in &outcomes { span class=(outcome) { (number) " " (outcome) } " " }
                @if !results.unfinished.is_empty() {
                    span.fail { "interrupted: " (counted(results.unfinished.len(), "case")) " did not come to run" }
                }
            }
            @for number in [claims.confirmed, claims.refined, claims.refuted, claims.undecidable] { td.number { (number) } }
            td.number { (grouped(recorded)) }
            td.number { (grouped(lost)) }
            td.number { (duration(results.millis)) }
        }
    }
}
