//! Parameters: their values at each point of the sweep, and putting them in for `${name}`.
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::tree::{Content, Key, Node};
use super::{Diagnostic, Point};
use crate::case::Value;
use crate::recording::Half;

/// The most runs of one half of a case.
const MOST: usize = 1000;
/// What holds parameters' uses; everything else is text or a predicate, in which parameters are variables.
const SUBSTITUTED: [&str; 3] = ["server", "steps", "measure"];

/// The parameters of one file, as far as they are right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    fixed: BTreeMap<String, Value>,
    swept: Vec<(String, Vec<Value>)>,
    control: BTreeMap<String, Value>,
}

impl Params {
    /// Reads `with`, `sweep` and the control's `with`.
    pub fn read(root: &Node, found: &mut Vec<Diagnostic>) -> Self {
        let fixed = scalars(root.get("with"));
        let mut swept = Vec::new();
        for (key, node) in root.get("sweep").map_or(&[][..], Node::entries) {
            let values: Vec<Value> = node.items().iter().filter_map(value).collect();
            if values.is_empty() {
                found.push(
                    Diagnostic::new(key.place, format!("`{}` takes no value", key.text))
                        .label("expected a list of values"),
                );
            } else if let Some(repeated) = repeated(&values) {
                found.push(Diagnostic::new(node.items()[repeated].place, "the sweep has this value twice"));
            } else if fixed.contains_key(&key.text) {
                found.push(Diagnostic::new(key.place, format!("`{}` stands in `with` and in `sweep`", key.text)));
            }
            swept.push((key.text.clone(), values));
        }
        let params = Self { fixed, swept, control: BTreeMap::new() };
        let overrides = root.get("control").and_then(|control| control.get("with"));
        for (key, node) in overrides.map_or(&[][..], Node::entries) {
            if !params.names().any(|name| name == key.text) {
                found.push(unknown(key, &params));
            } else if let (Some(now), Some(before)) = (value(node), params.example(&key.text))
                && std::mem::discriminant(&now) != std::mem::discriminant(before)
            {
                found.push(Diagnostic::new(node.place, format!("`{}` is of another type in the case", key.text)));
            }
        }
        for (key, _) in root.get("with").into_iter().chain(root.get("sweep")).flat_map(Node::entries) {
            if !is_name(&key.text) {
                found.push(
                    Diagnostic::new(key.place, format!("`{}` is no name for a parameter", key.text))
                        .label("expected small letters, digits and `_`, a letter first"),
                );
            }
        }
        if params.size() > MOST {
            let place = root.get("sweep").map_or(root.place, |node| node.place);
            found.push(
                Diagnostic::new(place, format!("the sweep has {} points", params.size()))
                    .label(format!("at most {MOST}")),
            );
        }
        Self { control: scalars(overrides), ..params }
    }

    /// Every parameter.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fixed.keys().map(String::as_str).chain(self.swept())
    }

    /// Swept parameters.
    pub fn swept(&self) -> impl Iterator<Item = &str> {
        self.swept.iter().map(|swept| swept.0.as_str())
    }

    /// Every value that a parameter takes in the case itself.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let swept = self.swept.iter().find(|swept| swept.0 == name).map(|swept| &swept.1);
        self.fixed.get(name).into_iter().chain(swept.into_iter().flatten())
    }

    fn example(&self, name: &str) -> Option<&Value> {
        self.fixed.get(name).or_else(|| self.swept.iter().find(|swept| swept.0 == name)?.1.first())
    }

    fn size(&self) -> usize {
        self.swept.iter().fold(1, |size: usize, swept| size.saturating_mul(swept.1.len()))
    }

    /// The points of the sweep: one if nothing is swept. The first parameter changes slowest.
    pub fn points(&self) -> Vec<Point> {
        let mut points = vec![self.fixed.clone()];
        for (name, values) in &self.swept {
            let with = |point: &Point, value: &Value| {
                let mut point = point.clone();
                point.insert(name.clone(), value.clone());
                point
            };
            points =
                points.iter().flat_map(|point| values.iter().map(move |value| with(point, value))).take(MOST).collect();
        }
        points
    }

    /// The values that hold in one half at one point.
    pub fn effective(&self, half: Half, point: &Point) -> Point {
        let mut all = point.clone();
        if half == Half::Control {
            all.extend(self.control.clone());
        }
        all
    }

    /// The whole file as it is in one half at one point.
    pub fn resolve(&self, root: &Node, half: Half, point: &Point, found: &mut Vec<Diagnostic>) -> Node {
        let control = root.get("control");
        let here = self.effective(half, point);
        let there = self.effective(Half::Control, point);
        let mut entries = Vec::new();
        for (key, node) in root.entries() {
            let substituted = SUBSTITUTED.contains(&key.text.as_str());
            let replaced =
                control.filter(|_| substituted && half == Half::Control).and_then(|control| control.get(&key.text));
            entries.push((
                key.clone(),
                match key.text.as_str() {
                    "control" => within(node, &there, found),
                    _ if substituted => substitute(replaced.unwrap_or(node), &here, found),
                    _ => node.clone(),
                },
            ));
        }
        // a control may add what the case itself has not
        for (key, node) in control.map_or(&[][..], Node::entries) {
            if half == Half::Control && SUBSTITUTED.contains(&key.text.as_str()) && root.get(&key.text).is_none() {
                entries.push((key.clone(), substitute(node, &here, found)));
            }
        }
        let content =
            if matches!(root.content, Content::Entries(_)) { Content::Entries(entries) } else { root.content.clone() };
        Node { place: root.place, content }
    }
}

/// Substitutes where that has a meaning.
fn within(root: &Node, point: &Point, found: &mut Vec<Diagnostic>) -> Node {
    let Content::Entries(entries) = &root.content else { return root.clone() };
    let entries = entries.iter().map(|(key, node)| {
        let put_in = SUBSTITUTED.contains(&key.text.as_str());
        (key.clone(), if put_in { substitute(node, point, found) } else { node.clone() })
    });
    Node { place: root.place, content: Content::Entries(entries.collect()) }
}

/// Puts parameters in everywhere below a node, but not into predicates.
fn substitute(node: &Node, point: &Point, found: &mut Vec<Diagnostic>) -> Node {
    let content = match &node.content {
        Content::Scalar(Json::String(text)) => put_in(text, node, point, found),
        Content::Scalar(_) | Content::Wrong => node.content.clone(),
        Content::Items(items) => Content::Items(items.iter().map(|item| substitute(item, point, found)).collect()),
        Content::Entries(entries) => Content::Entries(
            entries
                .iter()
                .map(|(key, value)| {
                    let value = if key.text == "where" { value.clone() } else { substitute(value, point, found) };
                    (key.clone(), value)
                })
                .collect(),
        ),
    };
    Node { place: node.place, content }
}

fn put_in(text: &str, node: &Node, point: &Point, found: &mut Vec<Diagnostic>) -> Content {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else {
            found.push(Diagnostic::new(node.place, "`${` without its `}`"));
            return Content::Wrong;
        };
        let Some(value) = point.get(name) else {
            let wrong = Diagnostic::new(node.place, format!("unknown parameter `{name}`"))
                .label("stands neither in `with` nor in `sweep`");
            found.push(wrong.nearest(name, point.keys().map(String::as_str)));
            return Content::Wrong;
        };
        if before.is_empty() && behind.is_empty() && result.is_empty() {
            return Content::Scalar(match value {
                Value::Int(number) => Json::from(*number),
                Value::Text(word) => Json::from(word.as_str()),
            });
        }
        result.push_str(before);
        match value {
            Value::Int(number) => result.push_str(&number.to_string()),
            Value::Text(word) => result.push_str(word),
        }
        rest = behind;
    }
    result.push_str(rest);
    Content::Scalar(Json::String(result))
}

fn unknown(key: &Key, params: &Params) -> Diagnostic {
    Diagnostic::new(key.place, format!("unknown parameter `{}`", key.text))
        .label("the control can only change a parameter of the case")
        .nearest(&key.text, params.names())
}

fn scalars(node: Option<&Node>) -> BTreeMap<String, Value> {
    node.map_or(&[][..], Node::entries)
        .iter()
        .filter_map(|(key, node)| Some((key.text.clone(), value(node)?)))
        .collect()
}

fn value(node: &Node) -> Option<Value> {
    match &node.content {
        Content::Scalar(Json::Number(number)) => number.as_i64().map(Value::Int),
        Content::Scalar(Json::String(text)) => Some(Value::Text(text.clone())),
        _ => None,
    }
}

fn repeated(values: &[Value]) -> Option<usize> {
    (1..values.len()).find(|&index| values[..index].contains(&values[index]))
}

/// Small letters, digits and `_`, a letter first: what CEL and `${…}` both take for a name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
