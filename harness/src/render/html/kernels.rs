//! The kernels of a page: what ran on each, in a line.
use maud::{Markup, html};

use super::super::matrix::{Column, Matrix};
use super::super::text::{counted, duration, grouped};
use crate::case::ClaimVerdict;

/// The verdicts on claims that are counted.
const VERDICTS: [ClaimVerdict; 4] =
    [ClaimVerdict::Confirmed, ClaimVerdict::Refined, ClaimVerdict::Refuted, ClaimVerdict::Undecidable];

/// A line for each kernel, in the order of the columns.
pub(super) fn table(matrix: &Matrix) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Kernels" {
            table.kernels {
                thead {
                    tr {
                        @for word in ["kernel", "Linux", "evidence", "cases"] { th scope="col" { (word) } }
                        @for verdict in VERDICTS { th scope="col" { (verdict) } }
                        @for word in ["events", "lost", "time"] { th scope="col" { (word) } }
                    }
                }
                tbody { @for (place, kernel) in matrix.kernels.iter().enumerate() { (line(matrix, place, kernel)) } }
            }
        }
    }
}

fn line(matrix: &Matrix, place: usize, kernel: &Column) -> Markup {
    let cells = || matrix.rows.iter().filter_map(|row| row.cells.get(place)?.as_ref());
    let found = |verdict| cells().filter(|cell| cell.found == Some(verdict)).count();
    html! {
        tr {
            th scope="row" { (kernel.name) }
            td title=[kernel.package.as_deref()] { @if let Some(release) = &kernel.release { (release) } @else { span.soft { "never came to run" } } }
            td { @if let Some(grade) = kernel.grade { (grade) } }
            td {
                @for (place, (class, text)) in ended(kernel).iter().enumerate() {
                    @if place > 0 { " · " }
                    span class=(class) { (text) }
                }
            }
            @for verdict in VERDICTS { td.number { (found(verdict)) } }
            td.number { (grouped(kernel.recorded)) }
            td.number { (grouped(kernel.lost)) }
            td.number { (duration(kernel.millis)) }
        }
    }
}

/// How its cases ended, each with its class.
fn ended(kernel: &Column) -> Vec<(String, String)> {
    let counts = kernel.counts().map(|(outcome, count, words)| (outcome.to_string(), format!("{count} {words}")));
    let absent = Some(kernel.absent()).filter(|absent| *absent > 0);
    let absent = absent.map(|absent| ("fail".to_owned(), format!("{} did not run", counted(absent, "case"))));
    let broken = kernel.broken.as_ref().map(|_| ("broken".to_owned(), "broken".to_owned()));
    counts.chain(absent).chain(broken).collect()
}
