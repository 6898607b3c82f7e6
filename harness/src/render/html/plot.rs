//! A table of a case as numbers, and as a plot: counts against size, both axes logarithmic, one line for each row.
use maud::{Markup, PreEscaped, html};

use super::super::screen::bare;
use crate::case::Value;
use crate::verdict::{Cell, Table};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 40.0;
/// Colours of lines; each also has a dash of its own, for whoever cannot tell the colours apart.
const LINES: [(&str, &str); 8] = [
    ("--segment", ""),
    ("--way", "7 3"),
    ("--report", "2 3"),
    ("--callback", "9 3 2 3"),
    ("--read", "5 2"),
    ("--write", "1 2"),
    ("--wake", "12 4"),
    ("--doubt", "4 4"),
];

/// One line of a plot.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// The table, with its plot where it says what to draw.
pub(super) fn table(table: &Table) -> Markup {
    let lines = lines(table);
    html! {
        h4 { (table.title) }
        @if lines.iter().any(|line| line.points.len() > 1) { (plot(table, &lines)) }
        div.list tabindex="0" role="region" aria-label=(table.title) {
            table {
                thead { tr {
                    th scope="col" { (table.rows_by) }
                    @for column in &table.columns { th scope="col" { (column.name) @if let Some(at) = &column.at { " " (value(at)) } } }
                } }
                tbody { @for row in &table.rows { tr { th scope="row" { (value(&row.is)) } @for cell in &row.cells { td title=[cell.why.as_deref()] { (shown(cell)) } } } } }
            }
        }
        @for fact in &table.facts { p.soft { (fact.name) ": " (shown(&fact.cell)) } }
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

fn shown(cell: &Cell) -> String {
    cell.value.as_ref().map_or_else(|| "–".to_owned(), bare)
}

/// With columns that are spread over sizes, a line for each row; else one line over the rows, if these are sizes.
fn lines(table: &Table) -> Vec<Line> {
    let Some(draw) = &table.draw else { return Vec::new() };
    let ordinate = |cell: &Cell| cell.value.as_ref().and_then(serde_json::Value::as_f64);
    let size =
        |value: &Value| if let Value::Int(number) = value { u32::try_from(*number).ok().map(f64::from) } else { None };
    let drawn = |place: &usize| table.columns.get(*place).is_some_and(|column| column.name == *draw);
    let places: Vec<usize> = (0..table.columns.len()).filter(drawn).collect();
    let positive = |(x, y): &(f64, f64)| *x > 0.0 && *y > 0.0;
    if table.across.is_some() {
        let line = |row: &crate::verdict::Row| {
            let point =
                |place: &usize| Some((size(table.columns[*place].at.as_ref()?)?, ordinate(row.cells.get(*place)?)?));
            Line { name: value(&row.is), points: places.iter().filter_map(point).filter(positive).collect() }
        };
        return table.rows.iter().map(line).collect();
    }
    let point = |row: &crate::verdict::Row| Some((size(&row.is)?, ordinate(row.cells.get(*places.first()?)?)?));
    vec![Line { name: draw.clone(), points: table.rows.iter().filter_map(point).filter(positive).collect() }]
}

fn plot(table: &Table, lines: &[Line]) -> Markup {
    let all = || lines.iter().flat_map(|line| &line.points);
    let decades = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let low = all().map(of).fold(f64::INFINITY, f64::min).log10().floor();
        let high = all().map(of).fold(0.0, f64::max).log10().ceil();
        (low, high.max(low + 1.0))
    };
    let (left, right) = decades(&|point| point.0);
    let (low, high) = decades(&|point| point.1);
    let x = |size: f64| LEFT + (size.log10() - left) / (right - left) * (WIDTH - LEFT - RIGHT);
    let y = |count: f64| HEIGHT - BOTTOM - (count.log10() - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut svg = String::new();
    let mut put = |text: String| svg.push_str(&text);
    for decade in steps(left, right) {
        let at = x(10f64.powf(decade));
        put(format!(
            r#"<line x1="{at:.1}" x2="{at:.1}" y1="{TOP}" y2="{:.1}" stroke="var(--line)"/>"#,
            HEIGHT - BOTTOM
        ));
        put(format!(
            r#"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            HEIGHT - BOTTOM + 16.0,
            power(decade)
        ));
    }
    for decade in steps(low, high) {
        let at = y(10f64.powf(decade));
        put(format!(r#"<line x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}" stroke="var(--line)"/>"#, WIDTH - RIGHT));
        put(format!(r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#, LEFT - 6.0, at + 4.0, power(decade)));
    }
    let mut taken: Vec<f64> = Vec::new();
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| !line.points.is_empty()) {
        let (colour, dash) = LINES[place % LINES.len()];
        let points: Vec<_> =
            line.points.iter().map(|(size, count)| format!("{:.1},{:.1}", x(*size), y(*count))).collect();
        put(format!(
            r#"<polyline points="{}" fill="none" stroke="var({colour})" stroke-width="2" stroke-dasharray="{dash}"/>"#,
            points.join(" ")
        ));
        for (size, count) in &line.points {
            put(format!(
                r#"<circle cx="{:.1}" cy="{:.1}" r="3" fill="var({colour})"><title>{}: {count} at {size}</title></circle>"#,
                x(*size),
                y(*count),
                escaped(&line.name)
            ));
        }
        // Names stand at the ends of their lines, moved apart where they would meet.
        let Some(&(size, count)) = line.points.last() else { continue };
        let mut at = y(count) + 4.0;
        while taken.iter().any(|other| (other - at).abs() < 13.0) {
            at += 2.0;
        }
        taken.push(at);
        put(format!(
            r#"<text x="{:.1}" y="{at:.1}" style="fill:var({colour})">{}</text>"#,
            x(size) + 8.0,
            escaped(&line.name)
        ));
    }
    let across = table.across.as_deref().unwrap_or(&table.rows_by);
    put(format!(
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 6.0,
        escaped(across)
    ));
    let draw = table.draw.as_deref().unwrap_or_default();
    html! {
        svg.plot viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width="100%" role="img"
            aria-label={ (draw) " against " (across) ", both logarithmic: the numbers stand in the table below" } { (PreEscaped(svg)) }
        p.soft { (draw) " against " (across) ", both logarithmic" }
    }
}

fn steps(from: f64, to: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(from), |decade| Some(decade + 1.0)).take_while(move |decade| *decade <= to + 0.5)
}

fn power(decade: f64) -> String {
    if (0.0..5.0).contains(&decade) { format!("{:.0}", 10f64.powf(decade)) } else { format!("1e{decade:.0}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
