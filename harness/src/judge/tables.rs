//! The tables of a case, filled in from its runs. Nothing is decided here.
use super::finding::Findings;
use super::runs::Scored;
use super::value::json;
use crate::case::{Case, TableSpec, Value};
use crate::verdict::{Cell, Column, Fact, Row, Table};

/// All tables of a case; none if there is no run to fill them from.
pub(super) fn tables(case: &Case, findings: &Findings<'_>) -> Vec<Table> {
    if findings.runs.subject().next().is_none() {
        return Vec::new();
    }
    case.tables.iter().map(|(title, spec)| table(title, spec, case, findings)).collect()
}

fn table(title: &str, spec: &TableSpec, case: &Case, findings: &Findings<'_>) -> Table {
    let values = |name: &str| case.sweep.get(name).map_or(&[][..], Vec::as_slice);
    let spread: Vec<Option<&Value>> = match &spec.across {
        Some(across) => values(across).iter().map(Some).collect(),
        None => vec![None],
    };
    let runs = || {
        let here = |run: &&Scored| spec.at.iter().all(|(name, value)| run.point.get(name) == Some(value));
        findings.runs.subject().filter(here)
    };
    let cells = |expression: &str, is: &Value| -> Vec<Cell> {
        let at = |across: Option<&Value>| {
            let run = runs().find(|run| {
                run.point.get(&spec.rows) == Some(is)
                    && spec.across.as_ref().is_none_or(|name| run.point.get(name) == across)
            });
            let here = || {
                let across = spec.across.as_ref().zip(across);
                spec.at.iter().chain([(&spec.rows, is)]).chain(across).collect::<Vec<_>>()
            };
            match run {
                Some(run) => cell(expression, run, findings),
                None => empty(findings.runs.why_left_out(&here()).unwrap_or("there is no such run")),
            }
        };
        spread.iter().copied().map(at).collect()
    };
    let first = runs().next();
    let none = || empty("there is no such run");
    let fact = |(name, expression): (&String, &String)| Fact {
        name: name.clone(),
        cell: first.map_or_else(none, |run| cell(expression, run, findings)),
    };
    Table {
        title: title.to_owned(),
        rows_by: spec.rows.clone(),
        across: spec.across.clone(),
        facts: spec.facts.iter().map(fact).collect(),
        columns: spec
            .columns
            .keys()
            .flat_map(|name| spread.iter().map(|at| Column { name: name.clone(), at: at.cloned() }))
            .collect(),
        draw: spec.draw.clone(),
        rows: values(&spec.rows)
            .iter()
            .map(|is| Row {
                is: is.clone(),
                cells: spec.columns.values().flat_map(|expression| cells(expression, is)).collect(),
            })
            .collect(),
    }
}

fn empty(why: &str) -> Cell {
    Cell { why: Some(why.to_owned()), ..Cell::default() }
}

fn cell(expression: &str, run: &Scored, findings: &Findings<'_>) -> Cell {
    match findings.predicates.value(expression, run, findings.facts) {
        Ok(value) => Cell { value: Some(json(&value)), why: None, run: Some(run.place) },
        Err(gap) => Cell { value: None, why: Some(gap.why().to_owned()), run: Some(run.place) },
    }
}
