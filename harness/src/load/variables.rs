//! The variables of every predicate of a case, and the check of all of them.
use std::collections::BTreeSet;

use super::names::{Kind, Names, RESULTS};
use super::predicate::{Predicate, Type, check, check_cell};
use super::tree::Node;
use super::{Diagnostic, Params};
use crate::case::fields::{
    CHAIN, CROWD, EPOLL, ESTABLISHED, FAULT, FILE, FILES, LAYOUT, LIMITS, PACKET, QUEUES, RESOURCES, RESULT, ROOM,
    TASK, TCP, WAITER, WRITE,
};
use crate::case::{Await, Case, EventName, Field, FieldType, Filter, Measure, Step, Value, event_fields};

/// The words of [`Growth`](crate::case::Growth).
const GROWTH: &[&str] = &["constant", "logarithmic", "linear", "quadratic", "exponential", "irregular"];
/// The words of [`Grade`](crate::case::Grade).
const GRADES: &[&str] = &["surface", "trace", "function"];

/// Everything that a predicate about a whole recording may name.
pub(super) fn variables(case: &Case, params: &Params, names: &Names, many: &BTreeSet<String>) -> Vec<(String, Type)> {
    let mut variables: Vec<(String, Type)> =
        params.names().map(|name| (name.to_owned(), parameter(params, name))).collect();
    variables.extend(case.measure.iter().map(|(name, measure)| (name.clone(), measured(measure))));
    variables.extend(names.of(RESULTS).into_iter().map(|(name, _)| {
        let one = match names.result(name) {
            Some(Kind::EpollState) => Type::Record(EPOLL),
            Some(Kind::QueueState) => Type::list(Type::Record(WAITER)),
            Some(Kind::TcpState) => Type::Record(TCP),
            Some(Kind::Established) => Type::list(Type::Record(ESTABLISHED)),
            Some(Kind::FileState) => Type::Record(FILE),
            Some(Kind::FilesState) => Type::Record(FILES),
            Some(Kind::QueuesState) => Type::Record(QUEUES),
            Some(Kind::LimitsState) => Type::Record(LIMITS),
            Some(Kind::TasksState) => Type::list(Type::Record(TASK)),
            Some(Kind::Layout) => Type::Record(LAYOUT),
            Some(Kind::Room) => Type::Record(ROOM),
            Some(Kind::Crowd) => Type::Record(CROWD),
            Some(Kind::Resources) => Type::Record(RESOURCES),
            _ => Type::Record(RESULT),
        };
        (name.to_owned(), if many.contains(name) { Type::list(one) } else { one })
    }));
    variables
}

fn parameter(params: &Params, name: &str) -> Type {
    let kinds = params.values(name).map(|value| match value {
        Value::Int(_) => Type::Int,
        Value::Text(_) => Type::Text,
    });
    kinds.reduce(Type::join).unwrap_or(Type::Any)
}

fn measured(measure: &Measure) -> Type {
    match measure {
        Measure::Count(_) | Measure::Calls(_) => Type::Int,
        Measure::List(list) => Type::list(
            event_fields(list.of).find(|field| field.0 == list.take).map_or(Type::Any, |field| field.1.into()),
        ),
        Measure::Chain(_) => Type::list(Type::Record(CHAIN)),
        Measure::Packets(_) => Type::list(Type::Record(PACKET)),
        Measure::Faults(_) => Type::list(Type::Record(FAULT)),
        Measure::Writes(_) => Type::list(Type::Record(WRITE)),
        Measure::Fit(_) => Type::Words(GROWTH),
    }
}

/// Checks every predicate over the whole recording.
pub(super) fn predicates(text: &str, tree: &Node, variables: &[(String, Type)], found: &mut Vec<Diagnostic>) {
    for claim in tree.get("claims").map_or(&[][..], Node::items) {
        for key in ["literal", "repaired"] {
            if let Some(node) = claim.get(key) {
                check(text, node, variables, found);
            }
        }
    }
    for (_, node) in tree.get("expect").map_or(&[][..], Node::entries) {
        check(text, node, variables, found);
    }
    for (_, table) in tree.get("tables").map_or(&[][..], Node::entries) {
        for (_, node) in ["facts", "columns"].into_iter().filter_map(|key| table.get(key)).flat_map(Node::entries) {
            check_cell(text, node, variables, found);
        }
    }
    let kernel = [("kernel".to_owned(), Type::Version), ("grade".to_owned(), Type::Words(GRADES))];
    for difference in tree.get("differs").map_or(&[][..], Node::items) {
        if let Some(node) = difference.get("when") {
            check(text, node, &kernel, found);
        }
    }
}

/// Checks the predicates over single events: those of measures and of awaited events.
pub(super) fn conditions(text: &str, case: &Case, tree: &Node, found: &mut Vec<Diagnostic>) {
    for (name, measure) in &case.measure {
        let (word, of, only) = match measure {
            Measure::Count(count) => ("count", count.of, &count.only),
            Measure::List(list) => ("list", list.of, &list.only),
            Measure::Chain(chain) => {
                let links = tree.at(["measure", name, "chain", "of"]);
                for (link, node) in chain.of.iter().zip(links.items()) {
                    condition(text, node, link.of(), &link.only(), found);
                }
                continue;
            }
            _ => continue,
        };
        condition(text, tree.at(["measure", name, word, "only"]), of, only, found);
    }
    if let Some(steps) = tree.get("steps") {
        awaited(text, &case.steps, steps, found);
    }
}

fn awaited(text: &str, steps: &[Step], tree: &Node, found: &mut Vec<Diagnostic>) {
    for (step, node) in steps.iter().zip(tree.items()) {
        match step {
            Step::Await(Await::Event(event)) => {
                condition(text, node.at(["await", "event", "only"]), event.of, &event.only, found);
            }
            Step::Repeat(repeat) => awaited(text, &repeat.steps, node.at(["repeat", "steps"]), found),
            _ => {}
        }
    }
}

fn condition(text: &str, node: &Node, of: EventName, only: &Filter, found: &mut Vec<Diagnostic>) {
    if let (Some(_), Some(node)) = (&only.condition, node.get("where")) {
        let fields: Vec<(String, Type)> =
            event_fields(of).map(|(name, kind): Field| (name.to_owned(), FieldType::into(kind))).collect();
        check(text, node, &fields, found);
    }
}

/// What must fail in the control must be there to fail: its steps may give other results than the case's.
pub(super) fn control(case: &Case, tree: &Node, subject: &Names, control: &Names, found: &mut Vec<Diagnostic>) {
    for (index, name) in case.control.must_fail.iter().enumerate() {
        let claim = case.claims.iter().find(|claim| claim.id == *name);
        let predicates = [
            case.expect.get(name),
            claim.and_then(|claim| claim.literal.as_ref()),
            claim.and_then(|claim| claim.repaired.as_ref()),
        ];
        let used: BTreeSet<String> =
            predicates.into_iter().flatten().flat_map(|source| Predicate::variables(source)).collect();
        for missing in
            used.iter().filter(|name| subject.result(name).is_some() && control.result(name) != subject.result(name))
        {
            let place = tree.at(["control", "must_fail", &index.to_string()]).place;
            found.push(
                Diagnostic::new(place, format!("the control gives no result `{missing}`"))
                    .label(format!("`{name}` is about it"))
                    .help("name a result of the control's steps so, too"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Grade, Growth};

    #[test]
    fn the_words_are_those_of_the_types() {
        use Growth::{Constant, Exponential, Irregular, Linear, Logarithmic, Quadratic};
        let growth = [Constant, Logarithmic, Linear, Quadratic, Exponential, Irregular];
        let words: Vec<_> = growth.iter().map(|growth| serde_json::to_value(growth).unwrap()).collect();
        assert_eq!(words, GROWTH);
        let grades = [Grade::Surface, Grade::Trace, Grade::Function];
        assert_eq!(grades.map(|grade| grade.to_string()), GRADES);
    }
}
