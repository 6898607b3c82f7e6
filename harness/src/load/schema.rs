//! The JSON Schema of a case file: what loading compares a file with, and what editors get.
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::case::Case;

static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(Case).to_value();
    // a number is one by then
    schema["$defs"]["Number"] = json!({"description": "A whole number.", "type": "integer", "minimum": 0});
    schema
});

/// The schema of a file whose parameters have been put in.
pub(super) fn strict() -> &'static Value {
    &STRICT
}

/// Words and numbers that a file may give as a parameter, by the name of their type.
const WORDS: [&str; 9] = ["Number", "Limited", "Model", "Read", "Reply", "Defect", "EventName", "EpollFlag", "Access"];

/// The schema of a file as it is written: where `${name}` may stand for a word or number, it is allowed.
pub fn schema() -> Value {
    let mut schema = strict().clone();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        for word in WORDS {
            if let Some(definition) = definitions.get_mut(word).and_then(Value::as_object_mut) {
                allow_parameter(definition);
            }
        }
        let options = definitions.get_mut("Options").and_then(|options| options.get_mut("properties"));
        for (_, option) in options.and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(option) = option.as_object_mut()
                && option.get("minimum").is_some()
            {
                allow_parameter(option);
            }
        }
    }
    schema
}

/// Turns a schema into the choice between itself and `${name}`.
fn allow_parameter(schema: &mut Map<String, Value>) {
    let kept: Map<String, Value> =
        ["description", "default"].into_iter().filter_map(|key| Some((key.to_owned(), schema.remove(key)?))).collect();
    let itself = std::mem::replace(schema, kept);
    schema.insert("anyOf".to_owned(), json!([itself, {"type": "string", "pattern": r"^\$\{[a-z][a-z0-9_]*\}$"}]));
}

/// The schema as the file `cases/schema.json` has it.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../cases/schema.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == super::schema_text(),
            "cases/schema.json is not what the types say: run `wakeproof schema > cases/schema.json`"
        );
    }
}
