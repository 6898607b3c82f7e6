//! Compares a tree with the schema, so that every wrong key, word and type is found at once.
use serde_json::Value;

use super::diagnostic::list;
use super::tree::{Content, Node, Place};
use super::{Diagnostic, schema};

/// Compares a whole file.
pub(super) fn check(root: &Node, found: &mut Vec<Diagnostic>) {
    Shape { found }.node(root, schema::strict(), "a case");
}

struct Shape<'a> {
    found: &'a mut Vec<Diagnostic>,
}

impl Shape<'_> {
    fn node(&mut self, node: &Node, schema: &Value, what: &str) {
        if matches!(node.content, Content::Wrong) {
            return;
        }
        let schema = resolve(schema);
        if let Some(choices) = schema["anyOf"].as_array() {
            return self.any(node, choices, schema, what);
        }
        if let Some(variants) = schema["oneOf"].as_array() {
            return self.variant(node, variants, what);
        }
        if let Some(words) = schema["enum"].as_array() {
            return self.word(node, &words.iter().filter_map(Value::as_str).collect::<Vec<_>>(), what);
        }
        if !fits(node, schema) {
            let message = format!("{what} is {}", kind(node));
            let mut wrong = Diagnostic::new(node.place, message).label(format!("expected {}", expected(schema)));
            if expected(schema) == "a text"
                && matches!(node.content, Content::Scalar(Value::Number(_) | Value::Bool(_)))
            {
                wrong = wrong.help("put it in quotes if it is meant as a text");
            }
            self.found.push(wrong);
            return;
        }
        match &node.content {
            Content::Scalar(Value::Number(number)) => self.range(node.place, number.as_i64(), schema),
            Content::Items(items) => self.items(node, items, schema, what),
            Content::Entries(_) => self.entries(node, schema, what),
            _ => {}
        }
    }

    fn any(&mut self, node: &Node, choices: &[Value], schema: &Value, what: &str) {
        let null = matches!(node.content, Content::Scalar(Value::Null));
        let fitting = choices.iter().find(|choice| fits(node, resolve(choice)) && (null || !is_null(choice)));
        let only = || {
            let mut others = choices.iter().filter(|choice| !is_null(choice));
            others.next().filter(|_| others.next().is_none())
        };
        if let Some(choice) = fitting.or_else(only) {
            return self.node(node, choice, what);
        }
        let expected = schema["description"].as_str().map_or_else(
            || choices.iter().map(|choice| expected(resolve(choice))).collect::<Vec<_>>().join(" or "),
            |description| lower(description.trim_end_matches('.')),
        );
        self.found.push(
            Diagnostic::new(node.place, format!("{what} is {}", kind(node))).label(format!("expected {expected}")),
        );
    }

    /// A choice of words, some of which take a value behind a colon.
    fn variant(&mut self, node: &Node, variants: &[Value], what: &str) {
        let alone: Vec<&str> = variants
            .iter()
            .flat_map(|variant| {
                variant["const"]
                    .as_str()
                    .into_iter()
                    .chain(variant["enum"].as_array().into_iter().flatten().filter_map(Value::as_str))
            })
            .collect();
        let with: Vec<(&str, &Value)> = variants
            .iter()
            .filter_map(|variant| variant["properties"].as_object()?.iter().next())
            .map(|(tag, value)| (tag.as_str(), value))
            .collect();
        let all: Vec<&str> = alone.iter().copied().chain(with.iter().map(|tagged| tagged.0)).collect();
        match &node.content {
            Content::Scalar(Value::String(text)) if with.iter().any(|tagged| tagged.0 == text) => self.found.push(
                Diagnostic::new(node.place, format!("`{text}` needs a value")).label(format!("expected `{text}: …`")),
            ),
            Content::Scalar(Value::String(_)) if with.is_empty() || !alone.is_empty() => self.word(node, &all, what),
            Content::Entries(entries) if !with.is_empty() => {
                let [(key, value)] = entries.as_slice() else {
                    let place = entries.get(1).map_or(node.place, |entry| entry.0.place);
                    let wrong = Diagnostic::new(place, format!("{what} has {} keys", entries.len()));
                    self.found.push(wrong.label("expected exactly one"));
                    return;
                };
                match with.iter().find(|tagged| tagged.0 == key.text) {
                    Some((tag, schema)) => self.node(value, schema, &format!("`{tag}`")),
                    None if alone.contains(&key.text.as_str()) => {
                        self.found.push(Diagnostic::new(key.place, format!("`{}` takes no value", key.text)));
                    }
                    None => self.found.push(unknown(key.place, &key.text, what, &all)),
                }
            }
            _ => self.found.push(
                Diagnostic::new(node.place, format!("{what} is {}", kind(node)))
                    .label(format!("expected one of {}", list(&all))),
            ),
        }
    }

    fn word(&mut self, node: &Node, words: &[&str], what: &str) {
        match node.text() {
            Some(text) if words.contains(&text) => {}
            Some(text) => self.found.push(unknown(node.place, text, what, words)),
            None => self.found.push(
                Diagnostic::new(node.place, format!("{what} is {}", kind(node)))
                    .label(format!("expected one of {}", list(words))),
            ),
        }
    }

    fn items(&mut self, node: &Node, items: &[Node], schema: &Value, what: &str) {
        let least = schema["minItems"].as_u64().unwrap_or(0);
        let most = schema["maxItems"].as_u64();
        let number = items.len() as u64;
        if number < least || most.is_some_and(|most| number > most) {
            let wrong = Diagnostic::new(node.place, format!("{what} has {number} items"));
            self.found.push(wrong.label(match most {
                Some(most) if most == least => format!("expected {least}"),
                Some(most) => format!("expected {least} to {most}"),
                None => format!("expected {least} or more"),
            }));
        }
        let what = match what {
            "`steps`" => "a step".to_owned(),
            "`claims`" => "a claim".to_owned(),
            "`quotes`" => "a quote".to_owned(),
            other => format!("an item of {other}"),
        };
        for item in items {
            self.node(item, &schema["items"], &what);
        }
    }

    fn entries(&mut self, node: &Node, schema: &Value, what: &str) {
        let properties = schema["properties"].as_object();
        let known: Vec<&str> =
            properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str)).collect();
        for (key, value) in node.entries() {
            match properties.and_then(|properties| properties.get(&key.text)) {
                Some(schema) => self.node(value, schema, &format!("`{}`", key.text)),
                None if schema["additionalProperties"] == Value::Bool(false) => {
                    let wrong = Diagnostic::new(key.place, format!("unknown key `{}`", key.text))
                        .label(format!("{what} has no such key"));
                    self.found.push(wrong.nearest(&key.text, known.iter().copied()));
                }
                None => self.node(value, &schema["additionalProperties"], &format!("`{}`", key.text)),
            }
        }
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if node.get(required).is_none() {
                let place = node.entries().first().map_or(node.place, |entry| entry.0.place);
                let about = properties.and_then(|properties| properties[required]["description"].as_str());
                let wrong = Diagnostic::new(place, format!("{what} lacks `{required}`"));
                self.found.push(wrong.label(about.map(|about| lower(about.trim_end_matches('.'))).unwrap_or_default()));
            }
        }
    }

    fn range(&mut self, place: Place, number: Option<i64>, schema: &Value) {
        let least = schema["minimum"].as_i64();
        let most = schema["maximum"].as_i64();
        if number
            .is_none_or(|number| least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most))
        {
            let bound = match (least, most) {
                (Some(least), Some(most)) => format!("expected {least} to {most}"),
                (Some(least), None) => format!("expected {least} or more"),
                _ => "expected a number of 64 bits".to_owned(),
            };
            self.found.push(Diagnostic::new(place, "this number is out of range").label(bound));
        }
    }
}

fn unknown(place: Place, text: &str, what: &str, known: &[&str]) -> Diagnostic {
    Diagnostic::new(place, format!("unknown word `{text}`"))
        .label(format!("{what} cannot be this"))
        .nearest(text, known.iter().copied())
}

fn resolve(schema: &Value) -> &Value {
    let name = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
    name.map_or(schema, |name| &schema::strict()["$defs"][name])
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

/// Whether a node is of a type that the schema allows, on its surface.
fn fits(node: &Node, schema: &Value) -> bool {
    let is = |name: &str| match &node.content {
        Content::Scalar(Value::Null) => name == "null",
        Content::Scalar(Value::Bool(_)) => name == "boolean",
        Content::Scalar(Value::Number(number)) => name == "number" || (name == "integer" && !number.is_f64()),
        Content::Scalar(_) => name == "string",
        Content::Items(_) => name == "array",
        Content::Entries(_) => name == "object",
        Content::Wrong => true,
    };
    match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        // a choice of words: of what type is found out there
        _ => !matches!(node.content, Content::Scalar(Value::Null)),
    }
}

fn expected(schema: &Value) -> &'static str {
    let name = match &schema["type"] {
        Value::Array(names) => names.first().and_then(Value::as_str),
        name => name.as_str(),
    };
    match name {
        Some("integer" | "number") => "a whole number",
        Some("boolean") => "`true` or `false`",
        Some("array") => "a list",
        Some("object") => "keys and values",
        Some("string") => "a text",
        _ => "something else",
    }
}

fn kind(node: &Node) -> String {
    match &node.content {
        Content::Scalar(Value::Null) => "empty".to_owned(),
        Content::Scalar(Value::String(text)) => format!("the text `{text}`"),
        Content::Scalar(other) => format!("`{other}`"),
        Content::Items(_) => "a list".to_owned(),
        Content::Entries(_) => "keys and values".to_owned(),
        Content::Wrong => "wrong".to_owned(),
    }
}

/// A description as it reads behind "expected".
fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
