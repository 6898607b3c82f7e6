//! The tables of a case, as text: numbers on the right, and bars on a logarithmic scale where there is room.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::super::paint::{BOLD, DIM, NAME, paint};
use super::super::text::{columns, grouped, hang, left, right, wrap};
use super::Look;
use super::table::bare;
use crate::case::Value;
use crate::verdict::{Cell, Table};

const INDENT: usize = 4;
/// Columns between columns.
const GAP: usize = 2;
/// A bar needs so much room.
const BAR: usize = 10;
/// No bar is longer.
const WIDEST: u8 = 30;
/// A heading is broken into lines of about this length.
const HEADING: usize = 9;

/// A table below the line of its case.
pub(super) fn table(table: &Table, look: Look) -> String {
    let mut out = format!("\n{}", hang(&" ".repeat(INDENT), &paint(BOLD, &table.title), look.columns()));
    let facts: Vec<_> = table.facts.iter().map(|fact| format!("{} {}", fact.name, text(&fact.cell))).collect();
    if !facts.is_empty() {
        let dot = format!(" {} ", look.signs().dot());
        out.push_str(&hang(&" ".repeat(INDENT), &paint(DIM, facts.join(&dot)), look.columns()));
    }
    let shown: Vec<usize> = (0..table.columns.len())
        .filter(|&column| table.rows.iter().any(|row| row.cells[column].value.is_some()))
        .collect();
    if shown.is_empty() {
        return out + &missing(table, &shown, look);
    }
    let heads: Vec<Vec<String>> = shown.iter().map(|&column| heading(table, column)).collect();
    let widths: Vec<usize> = shown.iter().zip(&heads).map(|(&column, head)| width(table, column, head)).collect();
    let names: Vec<String> = table.rows.iter().map(|row| word(&row.is)).collect();
    let corner = table.across.as_ref().map_or(table.rows_by.clone(), |across| format!("{} \\ {across}", table.rows_by));
    let first = names.iter().chain([&corner]).map(|name| columns(name)).max().unwrap_or_default();
    let lines = heads.iter().map(Vec::len).max().unwrap_or_default();
    for line in 0..lines {
        // Headings stand at the bottom, above their numbers.
        let corner = if line + 1 == lines { corner.as_str() } else { "" };
        let cells = heads.iter().zip(&widths).map(|(head, &width)| {
            let text = (line + head.len()).checked_sub(lines).map_or("", |at| head[at].as_str());
            right(&if text.is_empty() { String::new() } else { paint(DIM, text) }, width)
        });
        out.push_str(&row(&left(&paint(DIM, corner), first), cells));
    }
    let used = INDENT + first + widths.iter().map(|width| width + GAP).sum::<usize>() + GAP;
    let bars = bars(table, look.columns().saturating_sub(used), look);
    for (index, (is, name)) in table.rows.iter().zip(&names).enumerate() {
        let cells = shown.iter().zip(&widths).map(|(&column, &width)| right(&text(&is.cells[column]), width));
        let bar = bars.get(index).cloned().unwrap_or_default();
        out.push_str(&row(&paint(NAME, left(name, first)), cells.chain([bar])));
    }
    out + &missing(table, &shown, look)
}

fn row(name: &str, cells: impl Iterator<Item = String>) -> String {
    let line = cells.fold(format!("{}{name}", " ".repeat(INDENT)), |line, cell| line + &" ".repeat(GAP) + &cell);
    format!("{}\n", line.trim_end())
}

/// A column's name, broken into short lines; of columns side by side only the first has it, above their places.
fn heading(table: &Table, column: usize) -> Vec<String> {
    let this = &table.columns[column];
    let before = column.checked_sub(1).map(|before| table.columns[before].name.as_str());
    let mut lines = if before == Some(this.name.as_str()) { Vec::new() } else { wrap(&this.name, HEADING) };
    if let Some(at) = &this.at {
        lines.push(word(at));
    }
    lines
}

fn width(table: &Table, column: usize, head: &[String]) -> usize {
    let cells = table.rows.iter().map(|row| columns(&text(&row.cells[column])));
    cells.chain(head.iter().map(|line| columns(line))).max().unwrap_or_default()
}

fn word(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

/// A cell as people read it: numbers grouped, fractions with three digits that count.
fn text(cell: &Cell) -> String {
    match &cell.value {
        None => "–".to_owned(),
        Some(Json::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) if whole < 0 => format!("-{}", grouped(whole.unsigned_abs())),
            (Some(whole), _) => grouped(whole.unsigned_abs()),
            (None, Some(fraction)) => significant(fraction),
            (None, None) => number.to_string(),
        },
        Some(Json::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(other) => bare(other),
    }
}

/// Three digits that count, but all digits of a whole part.
fn significant(number: f64) -> String {
    let size = number.abs();
    let places = if size >= 100.0 || size == 0.0 {
        0
    } else if size >= 10.0 {
        1
    } else {
        2
    };
    // What rounds to nothing has no sign.
    let number = if size < 0.005 { 0.0 } else { number };
    format!("{number:.places$}")
}

/// One bar for each row: the last of the columns to draw, on a logarithmic scale from 1 to the greatest.
fn bars(table: &Table, room: usize, look: Look) -> Vec<String> {
    let Some(name) = &table.draw else { return Vec::new() };
    let Some(column) = table.columns.iter().rposition(|column| column.name == *name) else { return Vec::new() };
    if room < BAR {
        return Vec::new();
    }
    let room = u8::try_from(room).unwrap_or(WIDEST).min(WIDEST);
    let number = |cell: &Cell| cell.value.as_ref().and_then(Json::as_f64);
    let numbers: Vec<Option<f64>> = table.rows.iter().map(|row| number(&row.cells[column])).collect();
    let greatest = numbers.iter().flatten().copied().fold(1.0, f64::max);
    let bar = |number: &Option<f64>| {
        let share = number.map_or(0.0, |number| (number.max(0.0) + 1.0).ln() / (greatest + 1.0).ln());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a few columns")]
        let length = (share * f64::from(room)).round() as usize;
        if length == 0 { String::new() } else { paint(NAME, look.signs().bar(length)) }
    };
    numbers.iter().map(bar).collect()
}

/// Why cells are empty: each reason once, with the columns that it concerns where they are empty altogether.
fn missing(table: &Table, shown: &[usize], look: Look) -> String {
    let mut whole: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (column, named) in table.columns.iter().enumerate().filter(|(column, _)| !shown.contains(column)) {
        for why in table.rows.iter().filter_map(|row| row.cells[column].why.as_deref()).take(1) {
            let names = whole.entry(why).or_default();
            if !names.contains(&named.name.as_str()) {
                names.push(&named.name);
            }
        }
    }
    let mut out = String::new();
    for (why, names) in whole {
        let first = format!("{}{}  ", " ".repeat(INDENT), paint(DIM, format!("without {}", names.join(", "))));
        out.push_str(&hang(&first, &paint(DIM, why), look.columns()));
    }
    let mut rows: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in &table.rows {
        for why in shown.iter().filter_map(|&column| row.cells[column].why.as_deref()) {
            let names = rows.entry(why).or_default();
            if !names.contains(&word(&row.is)) {
                names.push(word(&row.is));
            }
        }
    }
    for (why, names) in rows {
        _ = write!(out, "{}", hang(&format!("{}– {}  ", " ".repeat(INDENT), names.join(", ")), why, look.columns()));
    }
    out
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use serde_json::json;

    use super::*;
    use crate::verdict::{Column, Fact, Row};

    fn cell(value: Json) -> Cell {
        Cell { value: Some(value), why: None, run: Some(0) }
    }

    fn costs() -> Table {
        let none = Cell { value: None, why: Some("1024 is too large for an fd_set".to_owned()), run: Some(3) };
        let column = |name: &str, at| Column { name: name.to_owned(), at: Some(Value::Int(at)) };
        let row = |model: &str, cells| Row { is: Value::Text(model.to_owned()), cells };
        Table {
            title: "What one event costs".to_owned(),
            rows_by: "model".to_owned(),
            across: Some("idle".to_owned()),
            facts: vec![Fact { name: "memory MB".to_owned(), cell: cell(json!(24_105)) }],
            columns: vec![column("questions", 10), column("questions", 10_000), column("kB", 10), column("kB", 10_000)],
            draw: Some("questions".to_owned()),
            rows: vec![
                row("select", vec![cell(json!(24)), none, cell(json!(0.25)), cell(json!(12.34))]),
                row("epoll-lt", vec![cell(json!(2)), cell(json!(2)), cell(json!(true)), cell(json!("no"))]),
                row("poll", vec![cell(json!(24)), cell(json!(20_004)), cell(json!(-7)), cell(json!(123.9))]),
            ],
        }
    }

    fn plain(shown: &Table, width: usize, utf8: bool) -> String {
        strip_str(&table(shown, Look { width, utf8, skips: false })).to_string()
    }

    #[test]
    fn numbers_stand_below_each_other_and_bars_beside_them() {
        insta::assert_snapshot!(plain(&costs(), 100, true));
    }

    #[test]
    fn a_column_without_a_value_is_left_out_with_its_reason() {
        let mut shown = costs();
        for row in &mut shown.rows {
            row.cells.truncate(2);
            row.cells[1] = Cell { value: None, why: Some("nothing can be counted here".to_owned()), run: None };
        }
        shown.columns.truncate(2);
        shown.columns[1].name = "copies".to_owned();
        let text = plain(&shown, 60, false);
        assert!(text.contains("without copies  nothing can be counted here"), "{text}");
        assert!(!text.contains("10000"), "{text}");
    }
}
