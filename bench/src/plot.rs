//! The bars as a picture: each measured value beside what it must reach, with the spread of the measurement.
use std::fmt::Write as _;

use crate::bar::{Bar, Limit};

/// Columns of a line on the terminal; the middle is what must be reached.
const COLUMNS: usize = 40;
/// In a file, in pixels: a row's height, the names' width, the plot's, and that of the numbers behind it.
const ROW: usize = 24;
const NAMES: usize = 290;
const PLOT: usize = 400;
const NUMBERS: usize = 190;

/// Where a value lies on a line from nothing (0) over what must be reached (0.5) to twice that or more (1).
fn place(value: f64, reach: f64) -> f64 {
    if reach == 0.0 { if value == 0.0 { 0.5 } else { 1.0 } } else { (value / reach / 2.0).clamp(0.0, 1.0) }
}

/// The measured value's place, and those of the ends of its spread.
fn places(bar: &Bar) -> [f64; 3] {
    let Bar { measured, spread, reach, .. } = *bar;
    [measured * (1.0 - spread), measured, measured * (1.0 + spread)].map(|value| place(value, reach))
}

fn sign(bar: &Bar) -> &'static str {
    if bar.limit == Limit::AtLeast { "≥" } else { "≤" }
}

/// A line for each bar: `●` is what was measured, `│` what must be reached.
pub fn text(bars: &[Bar]) -> String {
    let mut out = String::new();
    for bar in bars {
        let [from, at, to] = places(bar).map(|share| column(share, COLUMNS));
        let mut line = ['·'; COLUMNS + 1];
        line[from..=to].fill('─');
        line[COLUMNS / 2] = '│';
        line[at] = if bar.held { '●' } else { '✗' };
        _ = writeln!(out, "{:<44} {} {}", bar.name, line.iter().collect::<String>(), sign(bar));
    }
    out
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a column")]
fn column(share: f64, columns: usize) -> usize {
    (share * columns as f64).round() as usize
}

/// The same as an SVG.
pub fn svg(bars: &[Bar]) -> String {
    let (width, height) = (NAMES + PLOT + NUMBERS, ROW * (bars.len() + 1));
    let middle = NAMES + PLOT / 2;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>What was measured, beside what must be reached</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <line x1=\"{middle}\" x2=\"{middle}\" y1=\"0\" y2=\"{height}\" stroke=\"#888\" stroke-dasharray=\"3 3\"/>\n"
    );
    for (row, bar) in bars.iter().enumerate() {
        let y = ROW * row + ROW;
        let [from, at, to] = places(bar).map(|share| NAMES + column(share, PLOT));
        let colour = if bar.held { "#1a7f37" } else { "#cf222e" };
        _ = write!(
            out,
            "<text x=\"8\" y=\"{}\">{}</text>\n\
             <line x1=\"{from}\" x2=\"{to}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <circle cx=\"{at}\" cy=\"{y}\" r=\"5\" fill=\"{colour}\"/>\n\
             <text x=\"{}\" y=\"{}\">{:.2} {} {} {}</text>\n",
            y + 4,
            bar.name,
            NAMES + PLOT + 12,
            y + 4,
            bar.measured,
            sign(bar),
            bar.reach,
            bar.unit,
        );
    }
    out + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(measured: f64, reach: f64, spread: f64) -> Bar {
        Bar::new("a bar", measured, (Limit::AtMost, reach), spread, "ns")
    }

    #[test]
    fn what_must_be_reached_stands_in_the_middle() {
        let line = |bar: Bar| text(&[bar]).split_whitespace().nth(2).unwrap_or_default().to_owned();
        assert_eq!(line(bar(50.0, 100.0, 0.0)).chars().position(|c| c == '●'), Some(COLUMNS / 4));
        let missed = line(bar(500.0, 100.0, 0.1));
        assert_eq!((missed.chars().position(|c| c == '✗'), missed.chars().count()), (Some(COLUMNS), COLUMNS + 1));
        assert_eq!(line(bar(50.0, 100.0, 0.2)).matches('─').count(), 4, "the spread");
        assert_eq!(place(0.0, 0.0).to_bits(), 0.5_f64.to_bits(), "nothing is what must be reached");
    }

    #[test]
    fn a_picture_has_a_dot_for_each_bar() {
        let picture = svg(&[bar(1.0, 2.0, 0.1), bar(3.0, 2.0, 0.1)]);
        assert_eq!(picture.matches("<circle").count(), 2);
        assert!(picture.contains("#cf222e") && picture.ends_with("</svg>\n"));
    }
}
