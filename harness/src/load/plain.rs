//! A YAML file that is no case: its keys and values, with what is wrong shown where it stands.
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Diagnostic, Diagnostics, tree, typed};

/// Reads a file of this type. What its type calls a key, such as a promise, is named in the complaint about an unknown one.
pub fn plain<T: DeserializeOwned + JsonSchema>(file: &str, text: &str, key: &str) -> Result<T, Diagnostics> {
    let fail = |found| Err(Diagnostics::new(file, text, found));
    let (root, mut found) = match tree::parse(text) {
        Ok(read) => read,
        Err(wrong) => return fail(vec![wrong]),
    };
    let schema = schemars::schema_for!(T);
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    let known: Vec<&str> = properties.into_iter().flat_map(|all| all.keys()).map(String::as_str).collect();
    for (own, _) in root.entries().iter().filter(|(own, _)| !known.contains(&own.text.as_str())) {
        let wrong = Diagnostic::new(own.place, format!("there is no {key} `{}`", own.text));
        found.push(wrong.nearest(&own.text, known.iter().copied()));
    }
    if !found.is_empty() {
        return fail(found);
    }
    typed::read(&root).or_else(|wrong| fail(vec![wrong]))
}

/// A complaint about a name in such a file, which was read: what is known instead is offered.
pub fn unknown<'a>(
    file: &str,
    text: &str,
    path: &[&str],
    message: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Diagnostics {
    let place = tree::parse(text).map(|(root, _)| root.at(path.iter().copied()).place).unwrap_or_default();
    Diagnostics::new(file, text, vec![Diagnostic::new(place, message).nearest(name, known)])
}
