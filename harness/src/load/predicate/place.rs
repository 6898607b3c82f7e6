//! Where in a file a character of a predicate stands.
use crate::load::tree::{Node, Place};

/// The place of a predicate's characters from `offset` on. A scalar may be quoted, folded or spread over lines: its
/// characters are found again one by one, blanks aside; if that fails, the place is the whole scalar's.
pub(super) fn place(text: &str, node: &Node, source: &str, offset: usize, width: usize) -> Place {
    find(text, node, source, offset).map_or(node.place, |(line, column)| Place { line, column, width: width.max(1) })
}

fn find(text: &str, node: &Node, source: &str, offset: usize) -> Option<(usize, usize)> {
    let column = node.place.column;
    let mut behind = text.lines().skip(node.place.line.checked_sub(1)?).enumerate().flat_map(|(below, line)| {
        let first = if below == 0 { column } else { 1 };
        let line_number = node.place.line + below;
        line.chars().enumerate().skip(first - 1).map(move |(index, c)| (c, line_number, index + 1)).collect::<Vec<_>>()
    });
    let first = behind.next()?;
    let mut pending = match first.0 {
        // block scalars begin on the next line, quoted ones behind the quote
        '|' | '>' => behind.find(|found| found.1 > first.1),
        '"' | '\'' => behind.next(),
        _ => Some(first),
    };
    let wanted = source.chars().take(offset + 1).filter(|c| !c.is_whitespace()).count();
    let mut last = None;
    for c in source.chars().filter(|c| !c.is_whitespace()).take(wanted) {
        while pending?.0.is_whitespace() {
            pending = behind.next();
        }
        let found = pending?;
        if found.0 != c {
            return None;
        }
        last = Some((found.1, found.2));
        pending = behind.next();
    }
    last
}
