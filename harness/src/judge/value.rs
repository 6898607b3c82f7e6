//! Values between JSON, in which verdicts show them, and CEL, in which predicates ask for them.
use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use serde_json::Value as Json;

use crate::shortened;

/// What a measure has given. Of long lists the numbers alone are kept: most are counted, few are ever looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reading {
    /// As it is.
    Plain(Json),
    /// A list of `{steps, ns}`, which differ in `ns` only. The steps are those that the case names: a few.
    Chains { steps: Vec<String>, ns: Vec<u64> },
}

impl Reading {
    /// As predicates see it.
    pub(super) fn cel(&self) -> Value {
        match self {
            Self::Plain(json) => cel(json),
            Self::Chains { steps, ns } => {
                let steps = cel(&steps.as_slice().into());
                let chain = |ns: &u64| {
                    let ns = Value::Int(i64::try_from(*ns).unwrap_or(i64::MAX));
                    Value::from(HashMap::from([("steps".to_owned(), steps.clone()), ("ns".to_owned(), ns)]))
                };
                Value::List(Arc::new(ns.iter().map(chain).collect()))
            }
        }
    }

    /// As verdicts show it: without most of a long list. The few steps of a chain are shown all.
    pub(super) fn shown(&self) -> Json {
        match self {
            Self::Plain(json) => shortened::shorten(json),
            Self::Chains { steps, ns } => {
                let chain = |ns: &u64| serde_json::json!({"steps": steps, "ns": ns});
                shortened::list_of(ns.iter().take(shortened::ENTRIES).map(chain).collect(), ns.len())
            }
        }
    }

    /// A number, or how many entries a list has.
    pub(super) fn count(&self) -> Option<i64> {
        let list = |length: usize| i64::try_from(length).ok();
        match self {
            Self::Plain(json) => json.as_i64().or_else(|| list(json.as_array()?.len())),
            Self::Chains { ns, .. } => list(ns.len()),
        }
    }

    /// The entries, if it is a list.
    pub(super) fn entries(&self) -> Option<usize> {
        match self {
            Self::Plain(json) => json.as_array().map(Vec::len),
            Self::Chains { ns, .. } => Some(ns.len()),
        }
    }
}

impl<T: Into<Json>> From<T> for Reading {
    fn from(json: T) -> Self {
        Self::Plain(json.into())
    }
}

/// A value as predicates see it.
pub(super) fn cel(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
        }
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(list) => Value::List(Arc::new(list.iter().map(cel).collect())),
        Json::Object(map) => map.iter().map(|(key, value)| (key.clone(), cel(value))).collect::<HashMap<_, _>>().into(),
    }
}

/// A value as verdicts show it.
pub(super) fn json(value: &Value) -> Json {
    match value {
        Value::Bool(yes) => (*yes).into(),
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::String(text) => text.as_str().into(),
        Value::List(list) => list.iter().map(json).collect(),
        Value::Map(map) => {
            let mut entries: Vec<_> = map.map.iter().map(|(key, value)| (key.to_string(), json(value))).collect();
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Json::Object(entries.into_iter().collect())
        }
        _ => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_look_as_if_they_were_written_out() {
        let chains = Reading::Chains { steps: vec!["read".to_owned()], ns: vec![7, 9] };
        let written = serde_json::json!([{"steps": ["read"], "ns": 7}, {"steps": ["read"], "ns": 9}]);
        assert_eq!(json(&chains.cel()), written);
        assert_eq!(chains.cel(), Reading::from(written.clone()).cel());
        assert_eq!((chains.shown(), chains.count(), chains.entries()), (written, Some(2), Some(2)));
    }

    #[test]
    fn of_a_long_list_the_first_are_shown() {
        let numbers = |of: u64| Json::from((0..of).collect::<Vec<_>>());
        assert_eq!(Reading::from(numbers(16)).shown(), numbers(16));
        let long = Reading::from(numbers(20)).shown();
        assert_eq!((long.as_array().map(Vec::len), &long[16]), (Some(17), &"and 4 more".into()));
        let within = Reading::from(serde_json::json!({"tree": {"items": numbers(20)}})).shown();
        assert_eq!(within["tree"]["items"], long);
        let chains = Reading::Chains { steps: Vec::new(), ns: vec![1; 18] };
        assert_eq!(chains.shown()[16], "and 2 more");
    }
}
