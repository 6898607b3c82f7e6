//! Predicates: expressions of the Common Expression Language over parameters and measures, checked when a case is loaded.
mod infer;
mod place;
mod types;

use std::collections::BTreeSet;

use cel::{IdedExpr, Program};

pub(super) use types::Type;

use super::Diagnostic;
use super::tree::Node;
use infer::{Infer, Mistake};

/// The longest predicate.
const LONGEST: usize = 4000;

/// What can be asked of a predicate without a recording.
#[derive(Clone, Copy, Debug)]
pub struct Predicate;

impl Predicate {
    /// The variables that a predicate names: none if it cannot be parsed.
    pub fn variables(source: &str) -> BTreeSet<String> {
        Program::compile(source)
            .map(|program| program.references().variables().into_iter().map(str::to_owned).collect())
            .unwrap_or_default()
    }
}

/// Checks the predicate that a node holds; `text` is the file's.
pub(super) fn check(text: &str, node: &Node, variables: &[(String, Type)], found: &mut Vec<Diagnostic>) {
    expression(text, node, variables, found, |infer, root| infer.must_be(root, &Type::Bool));
}

/// Checks the expression that a node holds for one cell of a table.
pub(super) fn check_cell(text: &str, node: &Node, variables: &[(String, Type)], found: &mut Vec<Diagnostic>) {
    expression(text, node, variables, found, Infer::must_fit_a_cell);
}

fn expression(
    text: &str,
    node: &Node,
    variables: &[(String, Type)],
    found: &mut Vec<Diagnostic>,
    wanted: impl FnOnce(&mut Infer, &IdedExpr),
) {
    let Some(source) = node.text() else { return };
    if source.len() > LONGEST {
        found.push(
            Diagnostic::new(node.place, format!("a predicate of {} bytes", source.len()))
                .label(format!("at most {LONGEST}")),
        );
        return;
    }
    let at = |offset, width| place::place(text, node, source, offset, width);
    let program = match Program::compile(source) {
        Ok(program) => program,
        Err(errors) => {
            let Some(first) = errors.errors.first() else { return };
            let wrong =
                Diagnostic::new(at(offset(source, first.pos), 1), "this is not a predicate").label(said(&first.msg));
            found.push(if source.contains("${") {
                wrong.help("in a predicate a parameter is a variable: write `name`, not `${name}`")
            } else {
                wrong
            });
            return;
        }
    };
    let mut infer = Infer { variables: variables.to_vec(), mistakes: Vec::new() };
    wanted(&mut infer, program.expression());
    for Mistake { node: id, word, message, label, help } in infer.mistakes {
        if id == program.expression().id && word.is_none() {
            found.push(Diagnostic::new(at(0, source.chars().count()), message).label(label));
            continue;
        }
        let (start, stop) = program
            .source_info()
            .offset_for(id)
            .map_or((0, source.len()), |(start, stop)| (start as usize, stop as usize + 1));
        let place = match word.as_deref().and_then(|word| Some((find(source, start, word)?, word.chars().count()))) {
            Some((start, width)) => at(start, width),
            None => at(start, stop.saturating_sub(start)),
        };
        let wrong = Diagnostic::new(place, message).label(label);
        found.push(match help {
            Some(help) => wrong.help(help),
            None => wrong,
        });
    }
}

/// Where a word stands that a node is about: the node of a call is at its parenthesis, the word before it.
fn find(source: &str, start: usize, word: &str) -> Option<usize> {
    let before = source.get(..start)?;
    before.ends_with(word).then(|| start - word.len()).or_else(|| Some(source.get(start..)?.find(word)? + start))
}

/// The parser's message without the list of everything that would have been right.
fn said(message: &str) -> String {
    let message = message.trim_start_matches("Syntax error: ").replace('\n', " ");
    message.split_once(" expecting {").map_or_else(|| message.clone(), |(before, _)| before.to_owned())
}

/// Line and column, both counted from 1, as characters from the start.
fn offset(source: &str, (line, column): (isize, isize)) -> usize {
    let above = usize::try_from(line - 1).unwrap_or(0);
    let before: usize = source.split_inclusive('\n').take(above).map(|line| line.chars().count()).sum();
    (before + usize::try_from(column - 1).unwrap_or(0)).min(source.chars().count().saturating_sub(1))
}
