//! Predicates: expressions over parameters, measures, results, the kernel and the grade.
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, Program, Value};
use serde_json::Value as Json;

use super::value::cel;
use super::{Facts, Gap, Scored, Taken};
use crate::case::Value as Parameter;
use crate::recording::Presence;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Compiled predicates, each once.
#[derive(Debug, Default)]
pub(super) struct Predicates {
    programs: RefCell<HashMap<String, Result<Arc<Compiled>, String>>>,
}

#[derive(Debug)]
struct Compiled {
    program: Program,
    variables: BTreeSet<String>,
}

impl Predicates {
    fn compile(&self, source: &str) -> Result<Arc<Compiled>, Gap> {
        let mut programs = self.programs.borrow_mut();
        let compiled = programs.entry(source.to_owned()).or_insert_with(|| {
            let program = Program::compile(source).map_err(|error| error.to_string())?;
            let variables = program.references().variables().into_iter().map(str::to_owned).collect();
            Ok(Arc::new(Compiled { program, variables }))
        });
        compiled.clone().map_err(|why| Gap::Wrong(format!("`{source}` cannot be understood: {why}")))
    }

    /// The measures of a run that a predicate asks for, in the case's order.
    pub(super) fn measures<'a>(&self, source: &str, run: &'a Scored) -> Vec<(&'a str, &'a Taken)> {
        let Ok(compiled) = self.compile(source) else { return Vec::new() };
        let used = run.taken.iter().filter(|(name, _)| compiled.variables.contains(*name));
        used.map(|(name, taken)| (name.as_str(), taken)).collect()
    }

    /// The results of calls that a predicate asks for, in the order of their names.
    pub(super) fn results<'a>(&self, source: &str, run: &'a Scored) -> Vec<(&'a str, &'a Json)> {
        let Ok(compiled) = self.compile(source) else { return Vec::new() };
        let used = run.results.iter().filter(|(name, _)| compiled.variables.contains(*name));
        used.map(|(name, result)| (name.as_str(), result)).collect()
    }

    /// Whether a predicate asks for a variable.
    pub(super) fn names(&self, source: &str, variable: &str) -> bool {
        self.compile(source).is_ok_and(|compiled| compiled.variables.contains(variable))
    }

    /// Whether a predicate holds in a run.
    pub(super) fn holds(&self, source: &str, run: &Scored, facts: &Facts) -> Result<bool, Gap> {
        match self.value(source, run, facts)? {
            Value::Bool(held) => Ok(held),
            other => Err(Gap::Wrong(format!("`{source}` is no yes or no, but {}", super::value::json(&other)))),
        }
    }

    /// The value of an expression in a run.
    pub(super) fn value(&self, source: &str, run: &Scored, facts: &Facts) -> Result<Value, Gap> {
        let compiled = self.compile(source)?;
        let mut context = context(facts);
        for name in &compiled.variables {
            if let Some(taken) = run.taken.get(name) {
                context.add_variable_from_value(name.as_str(), taken.value.as_ref().map_err(Clone::clone)?.cel());
            } else if let Some(result) = run.results.get(name) {
                context.add_variable_from_value(name.as_str(), cel(result));
            } else if let Some(value) = run.values.get(name) {
                context.add_variable_from_value(name.as_str(), parameter(value));
            }
        }
        execute(source, &compiled, &context)
    }

    /// Whether a condition on the kernel and the grade alone holds.
    pub(super) fn applies(&self, source: &str, facts: &Facts) -> Result<bool, Gap> {
        let compiled = self.compile(source)?;
        Ok(execute(source, &compiled, &context(facts))? == Value::Bool(true))
    }
}

fn execute(source: &str, compiled: &Compiled, context: &Context<'_, '_>) -> Result<Value, Gap> {
    compiled.program.execute(context).map_err(|error| Gap::Wrong(format!("`{source}` has no value here: {error}")))
}

fn context(facts: &Facts) -> Context<'static, 'static> {
    let mut context = Context::with_env(Arc::clone(&ENV));
    // Fails only for a name that the standard library has.
    let _ = context.add_function("version", |text: Arc<String>| version(&text));
    let landmarks = Arc::new(facts.landmarks.clone());
    let (functions, members) = (Arc::clone(&landmarks), landmarks);
    let _ = context.add_function("has_function", move |name: Arc<String>| {
        let found = functions.functions.get(name.as_str());
        found.map(|found| *found != Presence::Absent).ok_or_else(|| unknown("function", &name))
    });
    let _ = context.add_function("has_member", move |name: Arc<String>| {
        members.members.get(name.as_str()).map(Option::is_some).ok_or_else(|| unknown("member", &name))
    });
    context.add_variable_from_value("kernel", facts.kernel);
    context.add_variable_from_value("grade", facts.grade.to_string());
    context
}

fn unknown(what: &str, name: &str) -> ExecutionError {
    ExecutionError::function_error("has", format!("whether there is a {what} {name} was not recorded"))
}

fn parameter(value: &Parameter) -> Value {
    match value {
        Parameter::Int(number) => Value::Int(*number),
        Parameter::Text(text) => Value::String(Arc::new(text.clone())),
    }
}

/// A kernel version as a number that compares as versions do: 6018 for `6.18.44-1-amd64`.
pub(super) fn version(release: &str) -> i64 {
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<i64>().unwrap_or(0));
    parts.next().unwrap_or(0) * 1000 + parts.next().unwrap_or(0).min(999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(
            version("6.18.44-1-amd64") > version("6.9")
                && version("7.0") > version("6.19.2")
                && version("5.10") == 5010
        );
    }
}
