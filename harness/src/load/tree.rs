//! A YAML file as a tree in which every node knows its place in the text.
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Number, Value};

use super::Diagnostic;

/// A place in a file; line and column count from 1, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// How many characters.
    pub width: usize,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub place: Place,
    pub content: Content,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Null, a truth value, a number or a text.
    Scalar(Value),
    /// A list.
    Items(Vec<Node>),
    /// Keys and values.
    Entries(Vec<(Key, Node)>),
    /// Something already found to be wrong, which need not be complained of again.
    Wrong,
}

/// A key and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub place: Place,
    pub text: String,
}

impl Node {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.0.text == key).map(|entry| &entry.1)
    }

    /// Keys and values, if it has any.
    pub fn entries(&self) -> &[(Key, Self)] {
        if let Content::Entries(entries) = &self.content { entries } else { &[] }
    }

    /// Items, if it has any.
    pub fn items(&self) -> &[Self] {
        if let Content::Items(items) = &self.content { items } else { &[] }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Content::Scalar(Value::String(text)) = &self.content { Some(text) } else { None }
    }

    /// The node that a path of keys and positions leads to, or the last one on the way.
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> &Self {
        let mut node = self;
        for step in path {
            let next = match &node.content {
                Content::Items(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => node.get(step),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// The same without places.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::Items(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Entries(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect())
            }
            Content::Wrong => Value::Null,
        }
    }
}

/// How deep lists and mappings may lie inside each other.
const DEEPEST: usize = 64;
/// How many nodes a file may have, its aliases written out.
const MOST: usize = 100_000;

/// Reads one YAML document.
pub(crate) fn parse(text: &str) -> Result<(Node, Vec<Diagnostic>), Diagnostic> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), text, nodes: 0, anchors: Vec::new(), found: Vec::new() };
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => {
                return Err(Diagnostic::new(Place::start(), "the file is empty").label("a case begins with `title`"));
            }
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
            event => {
                let root = reader.node(event, span, 0)?;
                return reader.finish().map(|found| (root, found));
            }
        }
    }
}

impl Place {
    fn start() -> Self {
        Self { line: 1, column: 1, width: 1 }
    }

    fn of(span: Span) -> Self {
        let width =
            if span.start.line() == span.end.line() { span.end.col().saturating_sub(span.start.col()) } else { 1 };
        Self { line: span.start.line(), column: span.start.col() + 1, width: width.max(1) }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    text: &'a str,
    nodes: usize,
    anchors: Vec<(usize, Node, usize)>,
    found: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Diagnostic> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let marker = error.marker();
                let place = Place { line: marker.line(), column: marker.col() + 1, width: 1 };
                let wrong = Diagnostic::new(place, "this is not YAML").label(error.info());
                let before: Vec<&str> = self.text.lines().take(place.line).collect();
                let tabs = before.iter().any(|line| line.trim_start_matches(' ').starts_with('\t'));
                Err(if tabs {
                    wrong.help("YAML is indented with spaces, never with tabs")
                } else if before.last().is_some_and(|line| line.contains("${")) {
                    wrong.help("inside braces or brackets a parameter needs quotes: \"${name}\"")
                } else {
                    wrong
                })
            }
            None => Err(Diagnostic::new(Place::start(), "the file ends too early")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Diagnostic> {
        let place = Place::of(span);
        self.nodes += 1;
        if depth > DEEPEST || self.nodes > MOST {
            return Err(Diagnostic::new(place, "this is nested too deep or too large for a case"));
        }
        let first = self.nodes;
        let (anchor, content) = match event {
            Event::Scalar(text, style, anchor, _) => (
                anchor,
                Content::Scalar(if style == ScalarStyle::Plain { plain(&text) } else { Value::from(text.as_ref()) }),
            ),
            Event::SequenceStart(anchor, _) => (anchor, Content::Items(self.items(depth)?)),
            Event::MappingStart(anchor, _) => (anchor, Content::Entries(self.entries(depth)?)),
            Event::Alias(of) => {
                let Some((_, node, size)) = self.anchors.iter().find(|anchor| anchor.0 == of) else {
                    return Err(Diagnostic::new(place, "this alias stands inside what it stands for"));
                };
                self.nodes += size;
                return Ok(node.clone());
            }
            other => return Err(Diagnostic::new(place, format!("unexpected {other:?}"))),
        };
        let node = Node { place, content };
        if anchor > 0 {
            self.anchors.push((anchor, node.clone(), self.nodes - first + 1));
        }
        Ok(node)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Diagnostic> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Diagnostic> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, ..), span) => Key { place: Place::of(span), text: text.into_owned() },
                (_, span) => return Err(Diagnostic::new(Place::of(span), "a key must be a word")),
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if let Some((first, _)) = entries.iter().find(|entry| entry.0.text == key.text) {
                self.found.push(
                    Diagnostic::new(key.place, format!("`{}` is given twice", key.text))
                        .label(format!("first given in line {}", first.place.line)),
                );
            } else {
                entries.push((key, value));
            }
        }
    }

    fn finish(mut self) -> Result<Vec<Diagnostic>, Diagnostic> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(self.found),
                (Event::DocumentStart(_), span) => {
                    return Err(Diagnostic::new(Place::of(span), "a second document").label("a file holds one case"));
                }
                _ => {}
            }
        }
    }
}

/// The value of a plain scalar, by the core schema of YAML 1.2: `on` and `no` are words.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Value::from(text);
    }
    let whole = match digits.split_at_checked(2) {
        Some(("0x", hex)) => i64::from_str_radix(hex, 16).ok(),
        Some(("0o", octal)) => i64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    };
    whole
        .map(Value::from)
        .or_else(|| text.parse().ok().and_then(Number::from_f64).map(Value::Number))
        .unwrap_or_else(|| Value::from(text))
}
