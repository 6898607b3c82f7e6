//! The table: each claim, and what became of it on each kernel.
use maud::{Markup, html};

use super::super::Results;
use crate::verdict::{ClaimResult, Outcome, Verdict};

/// The table, with the cases in the order given.
pub(super) fn matrix(all: &[Results], cases: &[(&Results, &Verdict)]) -> Markup {
    let mut subject = None;
    html! {
        div.filter {
            label for="filter" { "Show only" }
            input #filter type="search" placeholder="a word, a verdict, an id" autocomplete="off";
            span #told.soft role="status" {}
        }
        div.scroll tabindex="0" role="region" aria-label="Claims and kernels" {
            table.matrix {
                thead { tr { th scope="col" { "What is said" } @for results in all { th scope="col" { (results.kernel.release) } } } }
                tbody {
                    @for (_, verdict) in cases {
                        @let own = verdict.case.rsplit_once('/').map_or("", |(subject, _)| subject);
                        @if subject.replace(own) != Some(own) {
                            tr.subject { th scope="rowgroup" colspan=(all.len() + 1) { (own) } }
                        }
                        @if verdict.claims.is_empty() { (case_row(all, verdict)) }
                        @for claim in &verdict.claims { (claim_row(all, verdict, claim)) }
                    }
                }
            }
        }
    }
}

fn of<'a>(results: &'a Results, case: &str) -> Option<&'a Verdict> {
    results.verdicts.iter().find(|verdict| verdict.case == case)
}

fn case_row(all: &[Results], verdict: &Verdict) -> Markup {
    let outcomes: Vec<_> = all.iter().map(|results| of(results, &verdict.case)).collect();
    let words: Vec<_> = outcomes.iter().flatten().map(|verdict| verdict.outcome.to_string()).collect();
    html! {
        tr data-case=(verdict.case) data-words=(searched(&[&verdict.case, &verdict.title, &words.join(" ")])) {
            th scope="row" { a href={ "#" (verdict.case) } { (verdict.title) } }
            @for outcome in &outcomes {
                td { @match outcome {
                    Some(verdict) => span class=(verdict.outcome) title=[verdict.reason.as_deref()] { (sign(verdict.outcome)) " " (verdict.outcome) },
                    None => span.soft { "not run" },
                } }
            }
        }
    }
}

fn claim_row(all: &[Results], verdict: &Verdict, claim: &ClaimResult) -> Markup {
    let cells: Vec<_> = all.iter().map(|results| cell(of(results, &verdict.case), &claim.id)).collect();
    let words: Vec<_> = cells.iter().map(|cell| cell.word.as_str()).collect();
    html! {
        tr data-case=(verdict.case) data-words=(searched(&[&verdict.case, &claim.id, &claim.says, &words.join(" ")])) {
            th scope="row" { a href={ "#" (verdict.case) } { (claim.says) } }
            @for cell in &cells {
                td { span class=(cell.class) title=[cell.why.as_deref()] { (cell.word) } @if cell.unexpected { " " b.fail { "!" } } }
            }
        }
    }
}

struct Cell {
    word: String,
    class: String,
    why: Option<String>,
    unexpected: bool,
}

/// What became of a claim on one kernel.
fn cell(verdict: Option<&Verdict>, id: &str) -> Cell {
    let plain = |word: &str, class: &str, why: Option<String>| Cell {
        word: word.to_owned(),
        class: class.to_owned(),
        why,
        unexpected: false,
    };
    let Some(verdict) = verdict else { return plain("not run", "soft", None) };
    let Some(claim) = verdict.claims.iter().find(|claim| claim.id == id) else {
        let outcome = verdict.outcome.to_string();
        return plain(&outcome, &outcome, verdict.reason.clone());
    };
    match claim.found {
        Some(found) => {
            Cell { unexpected: found != claim.expected, ..plain(&found.to_string(), &found.to_string(), None) }
        }
        None if claim.failed() => {
            Cell { unexpected: true, ..plain("failed", "failed", claim.undecided.clone().or(verdict.reason.clone())) }
        }
        None => plain("undecided", "undecided", claim.undecided.clone()),
    }
}

fn searched(parts: &[&str]) -> String {
    parts.join(" ").to_lowercase()
}

/// The sign of an outcome, beside its word.
pub(super) fn sign(outcome: Outcome) -> &'static str {
    super::super::paint::Signs::new(true).outcome(outcome)
}
