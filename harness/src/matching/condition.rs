//! `where`: a predicate over one event's own fields.
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{Expr, LiteralValue, operators};
use cel::{Context, Env, Program, Value};

use super::field::Number;
use super::{Scene, field};
use crate::case::EventName;
use crate::recording::Event;

/// A `where` that cannot be understood. Loading checks every case, so this is only seen with cases that were not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the condition `{condition}` cannot be understood: {why}")]
pub struct BadCondition {
    /// The text.
    pub condition: String,
    /// What is wrong with it.
    pub why: String,
}

/// A compiled condition. Most compare numbers, and are then asked for every event: those do without an interpreter.
#[derive(Debug)]
pub(super) enum Condition {
    /// A field compared with a number.
    Compare(Number, Relation, i64),
    All(Box<[Condition; 2]>),
    Any(Box<[Condition; 2]>),
    /// Everything else.
    Cel(Box<Interpreted>),
}

pub(super) struct Interpreted {
    program: Program,
    /// The fields it asks for.
    fields: Vec<String>,
}

impl fmt::Debug for Interpreted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interpreted").field(&self.program.source_info().source).finish()
    }
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

#[derive(Clone, Copy, Debug)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// For events of this name.
    pub(super) fn compile(source: &str, of: EventName) -> Result<Self, BadCondition> {
        let program = Program::compile(source)
            .map_err(|error| BadCondition { condition: source.to_owned(), why: error.to_string() })?;
        Ok(simple(&program.expression().expr, of).unwrap_or_else(|| {
            let fields = program.references().variables().into_iter().map(str::to_owned).collect();
            Self::Cel(Box::new(Interpreted { program, fields }))
        }))
    }

    /// Whether it holds for this event. A field that the event does not have makes it not hold.
    pub(super) fn holds(&self, event: &Event, scene: Scene<'_>) -> bool {
        match self {
            Self::Compare(value, relation, number) => relation.holds(value(event, scene), *number),
            Self::All(both) => both.iter().all(|condition| condition.holds(event, scene)),
            Self::Any(both) => both.iter().any(|condition| condition.holds(event, scene)),
            Self::Cel(interpreted) => interpreted.holds(event, scene),
        }
    }
}

impl Interpreted {
    fn holds(&self, event: &Event, scene: Scene<'_>) -> bool {
        let mut context = Context::with_env(Arc::clone(&ENV));
        for name in &self.fields {
            if let Some(value) = field::field(event, name, scene) {
                context.add_variable_from_value(name.as_str(), value);
            }
        }
        self.program.execute(&context) == Ok(Value::Bool(true))
    }
}

impl Relation {
    fn of(operator: &str) -> Option<Self> {
        Some(match operator {
            operators::EQUALS => Self::Equal,
            operators::NOT_EQUALS => Self::NotEqual,
            operators::LESS => Self::Less,
            operators::LESS_EQUALS => Self::LessOrEqual,
            operators::GREATER => Self::Greater,
            operators::GREATER_EQUALS => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// The condition, if it is nothing but fields that are numbers in such events, compared with numbers.
fn simple(expression: &Expr, of: EventName) -> Option<Condition> {
    let Expr::Call(call) = expression else { return None };
    let [left, right] = call.args.as_slice() else { return None };
    match call.func_name.as_str() {
        operators::LOGICAL_AND => Some(Condition::All(Box::new([simple(&left.expr, of)?, simple(&right.expr, of)?]))),
        operators::LOGICAL_OR => Some(Condition::Any(Box::new([simple(&left.expr, of)?, simple(&right.expr, of)?]))),
        operator => {
            let relation = Relation::of(operator)?;
            let (Expr::Ident(name), Expr::Literal(LiteralValue::Int(number))) = (&left.expr, &right.expr) else {
                return None;
            };
            Some(Condition::Compare(field::number(of, name)?, relation, *number.inner()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::event;

    fn holds(condition: &str, event: &Event) -> bool {
        Condition::compile(condition, event.name).expect("a condition").holds(event, Scene::default())
    }

    #[test]
    fn comparisons_of_numbers_need_no_interpreter_and_agree_with_it() {
        for ret in [-11, 0, 1, 7] {
            let mut event = event(0, EventName::Read);
            event.value = ret;
            for condition in ["ret > 0", "ret == -11", "ret >= 1 && ret != 7", "ret < 0 || ret <= 1"] {
                let quick = Condition::compile(condition, EventName::Read).expect("a condition");
                assert!(!matches!(quick, Condition::Cel(_)), "{condition}");
                let slow = holds(&format!("({condition}) == true"), &event);
                assert_eq!(quick.holds(&event, Scene::default()), slow, "{condition} with {ret}");
            }
        }
    }

    #[test]
    fn words_and_lists_are_left_to_the_interpreter() {
        let mut event = event(0, EventName::EpPollCallback);
        event.detail = 0x41;
        assert!(holds("\"IN\" in bits && by == \"\"", &event));
        assert!(!holds("bits == [\"HUP\"]", &event));
    }

    #[test]
    fn an_unknown_field_matches_nothing_and_nonsense_is_an_error() {
        assert!(!holds("nonsense > 0", &event(0, EventName::Read)));
        assert!(Condition::compile("ret >", EventName::Read).is_err());
    }
}
