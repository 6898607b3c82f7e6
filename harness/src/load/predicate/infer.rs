//! Finds the type of an expression, and what in it cannot be right.
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators};

use super::types::Type;
use crate::load::diagnostic::list;
use crate::load::nearest;

/// Something wrong in an expression.
pub(super) struct Mistake {
    /// The node of the expression.
    pub node: u64,
    /// The word it is about, if there is one: a caret belongs under it.
    pub word: Option<String>,
    pub message: String,
    pub label: String,
    pub help: Option<String>,
}

/// Variables with their types, the innermost last.
pub(super) struct Infer {
    pub variables: Vec<(String, Type)>,
    pub mistakes: Vec<Mistake>,
}

/// Functions on one text that say yes or no.
const TESTS: [&str; 3] = ["startsWith", "endsWith", "contains"];
/// Functions that can be called at all.
const FUNCTIONS: [&str; 15] = [
    "size",
    "startsWith",
    "endsWith",
    "contains",
    "int",
    "double",
    "string",
    "version",
    "has_function",
    "has_member",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
];

impl Infer {
    pub fn of(&mut self, node: &IdedExpr) -> Type {
        match &node.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Int,
                LiteralValue::Double(_) => Type::Double,
                LiteralValue::String(_) => Type::Text,
                LiteralValue::Bytes(_) | LiteralValue::Null => Type::Any,
            },
            Expr::Ident(name) => self.variable(node.id, name),
            Expr::Select(select) => self.select(node.id, select),
            Expr::List(list) => {
                let items = list.elements.iter().map(|item| self.of(item)).collect::<Vec<_>>();
                Type::list(items.into_iter().reduce(Type::join).unwrap_or(Type::Any))
            }
            Expr::Call(call) => self.call(node.id, call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Type::Any,
        }
    }

    /// Says that a node must be of a type.
    pub fn must_be(&mut self, node: &IdedExpr, wanted: &Type) {
        let is = self.of(node);
        if !is.meets(wanted) {
            self.wrong(node.id, format!("this is {is}"), format!("expected {wanted}"));
        }
    }

    /// Says that a node must be one value that people can read.
    pub fn must_fit_a_cell(&mut self, node: &IdedExpr) {
        let is = self.of(node);
        if matches!(is, Type::List(_) | Type::Record(_) | Type::Version) {
            self.wrong(node.id, format!("this is {is}"), "expected a number, a text, or true or false");
        }
    }

    fn wrong(&mut self, node: u64, message: impl Into<String>, label: impl Into<String>) {
        self.mistakes.push(Mistake { node, word: None, message: message.into(), label: label.into(), help: None });
    }

    fn unknown(&mut self, node: u64, what: &str, word: &str, known: &[&str]) {
        let help = nearest(word, known)
            .map_or_else(|| format!("known here: {}", list(known)), |near| format!("did you mean `{near}`?"));
        self.mistakes.push(Mistake {
            node,
            word: Some(word.to_owned()),
            message: format!("unknown {what} `{word}`"),
            label: String::new(),
            help: Some(help),
        });
    }

    fn variable(&mut self, node: u64, name: &str) -> Type {
        if let Some(known) = self.variables.iter().rev().find(|known| known.0 == name) {
            return known.1.clone();
        }
        let known: Vec<String> =
            self.variables.iter().map(|known| known.0.clone()).filter(|name| !name.starts_with('@')).collect();
        self.unknown(node, "name", name, &known.iter().map(String::as_str).collect::<Vec<_>>());
        Type::Any
    }

    fn select(&mut self, node: u64, select: &SelectExpr) -> Type {
        let of = self.of(&select.operand);
        let field = self.field(node, &of, &select.field);
        if select.test { Type::Bool } else { field }
    }

    fn field(&mut self, node: u64, of: &Type, name: &str) -> Type {
        match of {
            Type::Any => Type::Any,
            Type::Record(fields) => {
                let known = fields.iter().find(|field| field.0 == name);
                if known.is_none() {
                    self.unknown(node, "field", name, &fields.iter().map(|field| field.0).collect::<Vec<_>>());
                }
                known.map_or(Type::Any, |field| field.1.into())
            }
            Type::List(_) => {
                self.mistakes.push(Mistake {
                    node,
                    word: Some(name.to_owned()),
                    message: format!("a list has no field `{name}`"),
                    label: String::new(),
                    help: Some(format!("its items may have: `[0].{name}`, or `.all(x, x.{name} …)`")),
                });
                Type::Any
            }
            other => {
                self.wrong(node, format!("{other} has no field `{name}`"), "");
                Type::Any
            }
        }
    }

    fn call(&mut self, node: u64, call: &CallExpr) -> Type {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, args) => {
                for arg in args {
                    self.must_be(arg, &Type::Bool);
                }
                Type::Bool
            }
            (operators::CONDITIONAL, [condition, one, other]) => {
                self.must_be(condition, &Type::Bool);
                let one = self.of(one);
                one.join(self.of(other))
            }
            (operators::EQUALS | operators::NOT_EQUALS, [one, other]) => self.equal(node, one, other),
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [one, other],
            ) => self.ordered(node, one, other),
            (operators::IN, [one, other]) => self.contained(node, one, other),
            (operators::INDEX, [of, index]) => self.index(node, of, index),
            (
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
                [one, other],
            ) => self.arithmetic(node, &call.func_name, one, other),
            (operators::NEGATE, [of]) => self.of(of),
            (operators::NOT_STRICTLY_FALSE, [of]) => {
                self.of(of);
                Type::Bool
            }
            (name, args) => self.function(node, name, call.target.as_deref(), args),
        }
    }

    fn function(&mut self, node: u64, name: &str, target: Option<&IdedExpr>, args: &[IdedExpr]) -> Type {
        let all: Vec<&IdedExpr> = target.into_iter().chain(args).collect();
        match (name, all.as_slice()) {
            ("size", [of]) => {
                let is = self.of(of);
                if !matches!(is, Type::List(_) | Type::Text | Type::Words(_) | Type::Any) {
                    self.wrong(of.id, format!("{is} has no size"), "expected a list or a text");
                }
                Type::Int
            }
            (test, [of, what]) if TESTS.contains(&test) && target.is_some() => {
                self.must_be(of, &Type::Text);
                self.must_be(what, &Type::Text);
                Type::Bool
            }
            ("int", [of]) => {
                self.of(of);
                Type::Int
            }
            ("double", [of]) => {
                self.of(of);
                Type::Double
            }
            ("string", [of]) => {
                self.of(of);
                Type::Text
            }
            ("version", [of]) if target.is_none() => {
                self.must_be(of, &Type::Text);
                Type::Version
            }
            ("has_function" | "has_member", [of]) if target.is_none() => {
                self.must_be(of, &Type::Text);
                Type::Bool
            }
            (known, _) if FUNCTIONS.contains(&known) => {
                self.wrong(node, format!("`{known}` is not called like this"), "");
                Type::Any
            }
            _ => {
                self.unknown(node, "function", name, &FUNCTIONS);
                Type::Any
            }
        }
    }

    fn equal(&mut self, node: u64, one: &IdedExpr, other: &IdedExpr) -> Type {
        let (left, right) = (self.of(one), self.of(other));
        if !left.meets(&right) {
            self.wrong(node, format!("{left} is never equal to {right}"), "");
        }
        for (kind, value) in [(&left, other), (&right, one)] {
            if let (Type::Words(words), Expr::Literal(LiteralValue::String(word))) = (kind, &value.expr) {
                self.word(value.id, words, word.inner());
            }
        }
        Type::Bool
    }

    fn word(&mut self, node: u64, words: &'static [&'static str], word: &str) {
        if !words.contains(&word) {
            self.unknown(node, "word", word, words);
        }
    }

    fn ordered(&mut self, node: u64, one: &IdedExpr, other: &IdedExpr) -> Type {
        let (left, right) = (self.of(one), self.of(other));
        let has_order = |kind: &Type| matches!(kind, Type::Int | Type::Double | Type::Text | Type::Version | Type::Any);
        if !left.meets(&right) || !has_order(&left) || !has_order(&right) {
            self.wrong(node, format!("there is no order between {left} and {right}"), "");
        }
        Type::Bool
    }

    fn contained(&mut self, node: u64, one: &IdedExpr, other: &IdedExpr) -> Type {
        let (item, list) = (self.of(one), self.of(other));
        match &list {
            Type::List(of) if item.meets(of) => {}
            Type::List(of) => self.wrong(node, format!("{item} is never in a list of {of}"), ""),
            Type::Any => {}
            other => self.wrong(node, format!("nothing is in {other}"), "expected a list"),
        }
        if let (Type::Words(words), Expr::List(list)) = (&item, &other.expr) {
            for value in &list.elements {
                if let Expr::Literal(LiteralValue::String(word)) = &value.expr {
                    self.word(value.id, words, word.inner());
                }
            }
        }
        Type::Bool
    }

    fn index(&mut self, node: u64, of: &IdedExpr, index: &IdedExpr) -> Type {
        let list = self.of(of);
        match (list, &index.expr) {
            (Type::List(item), _) => {
                self.must_be(index, &Type::Int);
                *item
            }
            (record @ Type::Record(_), Expr::Literal(LiteralValue::String(name))) => {
                self.field(node, &record, name.inner())
            }
            (Type::Any, _) => Type::Any,
            (other, _) => {
                self.wrong(node, format!("{other} has no items"), "expected a list");
                Type::Any
            }
        }
    }

    fn arithmetic(&mut self, node: u64, operator: &str, one: &IdedExpr, other: &IdedExpr) -> Type {
        let (left, right) = (self.of(one), self.of(other));
        match (&left, &right) {
            (Type::Any, _) | (_, Type::Any) => Type::Any,
            (Type::Int, Type::Int) => Type::Int,
            (Type::Double, Type::Double) => Type::Double,
            (Type::Int, Type::Double) | (Type::Double, Type::Int) => {
                self.wrong(
                    node,
                    "a whole number and a fraction do not mix",
                    "expected `double(…)` around the whole number",
                );
                Type::Double
            }
            (Type::Text | Type::Words(_), Type::Text | Type::Words(_)) if operator == operators::ADD => Type::Text,
            (Type::List(_), Type::List(_)) if operator == operators::ADD => left.join(right),
            _ => {
                let sign = operator.trim_matches('_');
                self.wrong(node, format!("`{sign}` does not go between {left} and {right}"), "");
                Type::Any
            }
        }
    }

    /// `all`, `exists`, `exists_one`, `map` and `filter` are macros: they stand here written out.
    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Type {
        let over = self.of(&comprehension.iter_range);
        let item = match over {
            Type::List(item) => *item,
            Type::Any => Type::Any,
            other => {
                self.wrong(comprehension.iter_range.id, format!("this is {other}"), "expected a list");
                Type::Any
            }
        };
        let start = self.of(&comprehension.accu_init);
        let outside = self.variables.len();
        self.variables.push((comprehension.iter_var.clone(), item));
        self.variables.push((comprehension.accu_var.clone(), start.clone()));
        self.of(&comprehension.loop_cond);
        let step = self.of(&comprehension.loop_step);
        self.variables.truncate(outside);
        self.variables.push((comprehension.accu_var.clone(), start.join(step)));
        let result = self.of(&comprehension.result);
        self.variables.truncate(outside);
        result
    }
}
