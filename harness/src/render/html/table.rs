//! The table: each claim, and what became of it on each kernel; below it what is wrong, and what changes from kernel to
//! kernel.
use std::collections::BTreeSet;

use maud::{Markup, html};

use super::super::matrix::changing::{Changing, changing};
use super::super::matrix::wrong::wrong;
use super::super::matrix::{CHANGES, Cell, Change, Column, Mark, Matrix, Row, WRONG};
use super::super::paint::Signs;
use crate::verdict::Outcome;

/// Beside more kernels than this, words would not fit: cells have signs, and above them stands what those mean.
const WORDS: usize = 4;

/// A page shows every sign.
const SIGNS: Signs = Signs::new(true);

/// The table with its filter.
pub(super) fn matrix(matrix: &Matrix) -> Markup {
    let mut subject = None;
    let signs = matrix.kernels.len() > WORDS;
    html! {
        @if signs { (legend(matrix)) }
        div.filter {
            label for="filter" { "Show only" }
            input #filter type="search" placeholder="a word, a verdict, an id" autocomplete="off";
            span #told.soft role="status" {}
        }
        div.scroll tabindex="0" role="region" aria-label="Claims and kernels" {
            table.matrix.signs[signs] {
                thead { tr { th scope="col" { "What is said" } @for kernel in &matrix.kernels { (heading(kernel)) } } }
                tbody {
                    @for row in &matrix.rows {
                        @let own = row.case.rsplit_once('/').map_or("", |(subject, _)| subject);
                        @if subject.replace(own) != Some(own) {
                            tr.subject { th scope="rowgroup" colspan=(matrix.kernels.len() + 1) { (own) } }
                        }
                        (line(&matrix.kernels, row, signs))
                    }
                }
            }
        }
        (bad(matrix))
        (changes(matrix))
    }
}

fn heading(kernel: &Column) -> Markup {
    html! {
        th scope="col" title=[kernel.release.as_deref()] {
            (kernel.name)
            @if let Some(broken) = &kernel.broken { br; span.broken title=(broken.what) { "broken" } }
            @else if let Some(grade) = kernel.grade { br; span.soft { (grade) } }
        }
    }
}

fn line(kernels: &[Column], row: &Row, signs: bool) -> Markup {
    let words: Vec<String> = row.cells.iter().flatten().map(|cell| word(cell.mark)).collect();
    let searched = [&row.case, &row.id, &row.says, &words.join(" ")].map(|part| part.to_lowercase()).join(" ");
    html! {
        tr data-case=(row.case) data-words=(searched) {
            th scope="row" { a href={ "#" (row.case) } { (row.says) } }
            @for (kernel, place) in kernels.iter().zip(&row.cells) {
                td { @match place { Some(shown) => (cell(shown, signs)), None => (empty(kernel, signs)) } }
            }
        }
    }
}

fn word(mark: Mark) -> String {
    match mark {
        Mark::Claim(verdict) => verdict.to_string(),
        Mark::Case(outcome) => outcome.to_string(),
    }
}

/// A verdict or an outcome; as a sign, its word is for readers who do not see it.
fn cell(cell: &Cell, signs: bool) -> Markup {
    let word = word(cell.mark);
    let because = cell.because.as_deref().or(cell.reason.as_deref());
    html! {
        @if signs {
            @let title = because.map_or_else(|| word.clone(), |because| format!("{word}: {because}"));
            span class=(word) title=(title) { span aria-hidden="true" { (cell.mark.sign(SIGNS)) } span.unseen { (word) } }
        } @else {
            span class=(word) title=[because] { @if let Mark::Case(outcome) = cell.mark { (sign(outcome)) " " } (word) }
        }
    }
}

/// Why there is nothing: a sign, its class, and what it means.
fn absence(kernel: &Column) -> (&'static str, &'static str, &'static str) {
    let (sign, class) = if kernel.broken.is_some() { ("B", "broken") } else { ("–", "soft") };
    (sign, class, kernel.emptiness())
}

fn empty(kernel: &Column, signs: bool) -> Markup {
    let (sign, class, means) = absence(kernel);
    html! {
        @if signs { span class=(class) title=(means) { span aria-hidden="true" { (sign) } span.unseen { (means) } } }
        @else { span class=(class) { (means) } }
    }
}

/// What the signs of this table mean. A claim that was not decided has the sign of its case.
fn legend(matrix: &Matrix) -> Markup {
    let cells = matrix.rows.iter().flat_map(|row| matrix.kernels.iter().zip(&row.cells));
    let absent: BTreeSet<_> = cells.filter(|(_, cell)| cell.is_none()).map(|(kernel, _)| absence(kernel)).collect();
    html! {
        ul.legend aria-label="Signs of the table" {
            @for found in Mark::all(&matrix.rows) {
                li { span class=(word(found)) { (found.sign(SIGNS)) } " " (found.meaning()) }
            }
            @for (sign, class, means) in absent { li { span class=(class) { (sign) } " " (means) } }
        }
    }
}

/// What did not come out as it must, on which kernels, and why.
fn bad(matrix: &Matrix) -> Markup {
    let all = wrong(matrix);
    html! {
        @if !all.is_empty() {
            h3 { (WRONG) }
            ul.changes {
                @for one in &all {
                    li { b class=(one.outcome) { (one.outcome) } " " a.mono href={ "#" (one.case) } { (one.case) }
                        p { b { (one.kernels) } " " (one.reason) } }
                }
            }
        }
    }
}

/// Where rows change from one kernel to the next, and what explains it.
fn changes(matrix: &Matrix) -> Markup {
    let all = changing(matrix);
    html! {
        @if !all.is_empty() {
            h3 { (CHANGES) }
            ul.changes {
                @for Changing { rows, changes } in &all {
                    li {
                        @for row in rows { a href={ "#" (row.case) } { (row.says) } br; }
                        @for change in changes { (one_change(change)) }
                    }
                }
            }
        }
        @for conflict in &matrix.conflicts { p.fail { (conflict) } }
        @for kernel in &matrix.kernels {
            @if let Some(broken) = &kernel.broken {
                p.broken { (kernel.name) ": " (broken.what) @if let Some(next) = &broken.next { " – " (next) } }
                @if !broken.console.is_empty() { pre tabindex="0" { (broken.console.join("\n")) } }
            }
        }
    }
}

fn one_change(change: &Change) -> Markup {
    html! {
        p {
            (change.words)
            @if change.undecided { ": " b.fail { "undecided" } }
            @else if change.unexplained() { ": " b.fail { "nothing explains it" } }
            @else { ": " (change.reasons.join("; ")) }
            @if !change.differs.is_empty() { span.soft { " (" (change.differs.join("; ")) ")" } }
        }
    }
}

/// The sign of an outcome, beside its word.
pub(super) fn sign(outcome: Outcome) -> &'static str {
    SIGNS.outcome(outcome)
}
