//! A predicate that came out in some way, in terms of what it compares: `wakes_later == arrivals is 4 == 5`.
//!
//! Works on the text, since that is what the reader knows: a part of it is evaluated as an expression of its own.
use cel::Value;

use super::value::json;

/// How long a shown value may be, in characters.
const LONGEST: usize = 60;

/// Why the predicate is what it is: the parts that decide, with the values of what they compare.
pub(super) fn explain(text: &str, value: &dyn Fn(&str) -> Option<Value>) -> String {
    let text = strip(text.trim());
    if let Some((condition, rest)) = split(text, &["?"]).map(|(left, _, right)| (left, right))
        && let Some((yes, _, no)) = split(rest, &[":"])
    {
        return explain(if value(condition) == Some(Value::Bool(true)) { yes } else { no }, value);
    }
    for (operator, decided_by) in [("||", true), ("&&", false)] {
        if let Some((left, _, right)) = split(text, &[operator]) {
            let deciding = |part: &&str| value(part) == Some(Value::Bool(decided_by));
            return match [left, right].into_iter().find(deciding) {
                Some(part) => explain(part, value),
                None => format!("{}, {}", explain(left, value), explain(right, value)),
            };
        }
    }
    let compared = split(text, &["==", "!=", "<=", ">=", "<", ">", " in "]);
    if let Some((left, operator, right)) = compared
        && let (Some(left), Some(right)) = (value(left), value(right))
    {
        return format!("{text} is {} {} {}", show(&left), operator.trim(), show(&right));
    }
    match value(text) {
        Some(value) => format!("{text} is {}", show(&value)),
        None => format!("{text} has no value here"),
    }
}

/// A value in few words.
pub(super) fn show(value: &Value) -> String {
    let text = json(value).to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Without parentheses around all of it.
fn strip(text: &str) -> &str {
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    inner.filter(|inner| outside(inner).is_some()).map_or(text, |inner| strip(inner.trim()))
}

/// The text left and right of the first of these operators that stands outside of brackets and quotes.
fn split<'a>(text: &'a str, operators: &[&'static str]) -> Option<(&'a str, &'static str, &'a str)> {
    outside(text)?.into_iter().find_map(|place| {
        let rest = &text[place..];
        let operator = operators.iter().copied().find(|operator| rest.starts_with(operator))?;
        Some((text[..place].trim(), operator, rest[operator.len()..].trim()))
    })
}

/// The places outside of brackets and quotes; none if the brackets do not match.
fn outside(text: &str) -> Option<Vec<usize>> {
    let (mut places, mut depth, mut quote) = (Vec::new(), 0u32, None);
    let mut characters = text.char_indices();
    while let Some((place, c)) = characters.next() {
        match (quote, c) {
            (Some(_), '\\') => _ = characters.next(),
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, _) if depth == 0 => places.push(place),
            _ => {}
        }
    }
    (depth == 0 && quote.is_none()).then_some(places)
}

#[cfg(test)]
mod tests {
    use cel::{Context, Program};

    use super::*;

    fn explained(text: &str) -> String {
        explain(text, &|part| {
            let mut context = Context::default();
            for (name, number) in [("later", 4), ("arrivals", 5), ("first", 1)] {
                context.add_variable_from_value(name, number);
            }
            context.add_variable_from_value("model", "poll");
            context.add_variable_from_value("sizes", vec![1, 2]);
            Program::compile(part).ok()?.execute(&context).ok()
        })
    }

    #[test]
    fn the_part_that_decides_is_shown_with_its_values() {
        assert_eq!(explained("first == 1 && later == arrivals"), "later == arrivals is 4 == 5");
        assert_eq!(explained("(first == 1 && (later >= arrivals))"), "later >= arrivals is 4 >= 5");
        assert_eq!(explained("first == 2 || later > 9"), "first == 2 is 1 == 2, later > 9 is 4 > 9");
        assert_eq!(explained("first == 1 || later > 9"), "first == 1 is 1 == 1");
        assert_eq!(explained("first == 1 && later == 4"), "first == 1 is 1 == 1, later == 4 is 4 == 4");
    }

    #[test]
    fn a_conditional_is_shown_by_the_branch_that_was_taken() {
        let text = "model in [\"select\", \"poll\"] ? later >= arrivals : true";
        assert_eq!(explained(text), "later >= arrivals is 4 >= 5");
    }

    #[test]
    fn operators_inside_of_brackets_and_quotes_are_left_alone() {
        assert_eq!(explained("size(sizes) == later"), "size(sizes) == later is 2 == 4");
        assert_eq!(explained("model == \"a && b\""), "model == \"a && b\" is \"poll\" == \"a && b\"");
        assert_eq!(explained("sizes.all(s, s > 1)"), "sizes.all(s, s > 1) is false");
        assert_eq!(explained("sizes[5] == 1"), "sizes[5] == 1 has no value here");
    }
}
