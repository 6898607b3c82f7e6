//! What a server's owner promises of it, in a file, and whether a run keeps it.
use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::hazards::Kind;
use super::measures::Measures;
use super::model::{Axis, Certainty, Gate, Unit};
use super::report::Report;
use crate::load::{Diagnostics, plain};

/// A file of promises. What is not said is not promised.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Promises {
    /// The protocol of the load.
    #[serde(default)]
    pub protocol: Option<String>,
    /// The bytes of one request, for any other protocol.
    #[serde(default)]
    pub request: Option<String>,
    /// The text that stands once in each reply to `request`.
    #[serde(default)]
    pub until: Option<String>,
    /// The port, if the server listens on several.
    #[serde(default)]
    pub port: Option<u16>,
    /// What gates accept.
    #[serde(default)]
    pub accept: Option<Gate>,
    /// What gates a connection.
    #[serde(default)]
    pub connection: Option<Gate>,
    /// What unit serves a connection.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// Waits that reported something, per request.
    #[serde(default)]
    pub waits_per_request: Option<Limits>,
    /// Waits that reported nothing, per request.
    #[serde(default)]
    pub empty_waits_per_request: Option<Limits>,
    /// Reads that brought bytes, per request.
    #[serde(default)]
    pub reads_per_request: Option<Limits>,
    /// Reads that found nothing, per request.
    #[serde(default)]
    pub eagain_per_request: Option<Limits>,
    /// System calls of any kind, per request.
    #[serde(default)]
    pub calls_per_request: Option<Limits>,
    /// The share of wake-ups after which nothing was done.
    #[serde(default)]
    pub wakeups_without_work: Option<Limits>,
    /// Processes created for each connection.
    #[serde(default)]
    pub processes_per_connection: Option<Limits>,
    /// Threads created for each connection.
    #[serde(default)]
    pub threads_per_connection: Option<Limits>,
    /// `none`, or those that are known and allowed.
    #[serde(default)]
    pub hazards: Option<Allowed>,
    /// Cases of the suite that the server must pass, by id: of those that say something of any server.
    #[serde(default)]
    pub cases: Vec<String>,
}

/// Bounds on a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// It is not more.
    #[serde(default)]
    pub at_most: Option<Amount>,
    /// It is not less.
    #[serde(default)]
    pub at_least: Option<Amount>,
}

/// A number: `1.5`, or `1%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Amount(pub f64);

/// Hazards that are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(pub Vec<Kind>);

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, or a percentage such as `1%`.",
            "anyOf": [{"type": "number"}, {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? ?%$"}],
        })
    }
}

impl JsonSchema for Allowed {
    fn schema_name() -> Cow<'static, str> {
        "Allowed".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`none`, or a list of the hazards that are allowed.",
            "anyOf": [{"const": "none"}, {"type": "array", "items": generator.subschema_for::<Kind>()}],
        })
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a percentage such as `1%`")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Amount, E> {
                Ok(Amount(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
                i32::try_from(value).map(|value| Amount(value.into())).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
                u32::try_from(value).map(|value| Amount(value.into())).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
                number
                    .filter(|number| number.is_finite())
                    .map(|number| Amount(number / 100.0))
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Allowed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, or a list of the hazards that are allowed")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Allowed, E> {
                if text == "none" {
                    Ok(Allowed::default())
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Allowed, A::Error> {
                let mut kinds = Vec::new();
                while let Some(kind) = items.next_element()? {
                    kinds.push(kind);
                }
                Ok(Allowed(kinds))
            }
        }
        deserializer.deserialize_any(List)
    }
}

/// Whether one promise is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Kept {
    /// The key in the file.
    pub promise: String,
    /// What is promised.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// Kept, broken, or not to be told.
    pub outcome: Outcome,
    /// What decided.
    pub because: Vec<String>,
}

/// What became of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is kept.
    Pass,
    /// It is not.
    Fail,
    /// What was seen does not say.
    Inconclusive,
}

/// A measure's name, its promise, and its value.
type Row = (&'static str, fn(&Promises) -> Option<Limits>, fn(&Measures) -> f64);

const MEASURES: &[Row] = &[
    ("waits_per_request", |file| file.waits_per_request, |seen| seen.waits_per_request),
    ("empty_waits_per_request", |file| file.empty_waits_per_request, |seen| seen.empty_waits_per_request),
    ("reads_per_request", |file| file.reads_per_request, |seen| seen.reads_per_request),
    ("eagain_per_request", |file| file.eagain_per_request, |seen| seen.eagain_per_request),
    ("calls_per_request", |file| file.calls_per_request, |seen| seen.calls_per_request),
    ("wakeups_without_work", |file| file.wakeups_without_work, |seen| seen.wakeups_without_work),
    ("processes_per_connection", |file| file.processes_per_connection, |seen| seen.processes_per_connection),
    ("threads_per_connection", |file| file.threads_per_connection, |seen| seen.threads_per_connection),
];

impl Promises {
    /// Reads a file, by the name that it has in complaints, and its text.
    pub fn read(file: &str, text: &str) -> Result<Self, Diagnostics> {
        plain(file, text, "promise")
    }

    /// Whether a run keeps each promise.
    pub fn judge(&self, report: &Report) -> Vec<Kept> {
        let model = &report.model;
        let mut kept: Vec<Kept> = [
            self.accept.as_ref().map(|wanted| axis("accept", wanted, &model.accept, report)),
            self.connection.as_ref().map(|wanted| axis("connection", wanted, &model.connection, report)),
            self.unit.as_ref().map(|wanted| axis("unit", wanted, &model.unit, report)),
        ]
        .into_iter()
        .flatten()
        .collect();
        for (name, promised, value) in MEASURES {
            if let Some(limits) = promised(self) {
                kept.push(limits.judge(name, value(&report.measures), report));
            }
        }
        if let Some(Allowed(allowed)) = &self.hazards {
            let found: Vec<_> = report.hazards.iter().filter(|hazard| !allowed.contains(&hazard.kind)).collect();
            let names: Vec<String> = found.iter().map(|hazard| word(hazard.kind)).collect();
            let show = |hazard: &&super::hazards::Hazard| {
                let events = hazard.events.iter().map(|event| event.text.clone());
                std::iter::once(hazard.what.clone()).chain(events).collect::<Vec<_>>()
            };
            let allowed: Vec<String> = allowed.iter().copied().map(word).collect();
            let because: Vec<String> = found.iter().flat_map(show).chain(loss(report)).collect();
            kept.push(Kept {
                promise: "hazards".into(),
                expected: if allowed.is_empty() { "none".into() } else { format!("none but {}", allowed.join(", ")) },
                seen: if names.is_empty() { "none".into() } else { names.join(", ") },
                outcome: match () {
                    () if report.lost > 0 => Outcome::Inconclusive,
                    () if names.is_empty() => Outcome::Pass,
                    () => Outcome::Fail,
                },
                because,
            });
        }
        kept
    }
}

fn axis<T: PartialEq + fmt::Display>(promise: &str, wanted: &T, seen: &Axis<T>, report: &Report) -> Kept {
    let outcome = match () {
        () if seen.certainty == Certainty::Unknown => Outcome::Inconclusive,
        () if seen.is == *wanted => Outcome::Pass,
        () if report.lost > 0 => Outcome::Inconclusive,
        () => Outcome::Fail,
    };
    Kept {
        promise: promise.into(),
        expected: wanted.to_string(),
        seen: format!("{} ({})", seen.is, seen.certainty),
        outcome,
        because: seen.because.iter().cloned().chain(loss(report)).collect(),
    }
}

impl Limits {
    fn judge(self, promise: &str, value: f64, report: &Report) -> Kept {
        let requests = report.measures.requests;
        let most = self.at_most.map(|Amount(most)| format!("at most {most}"));
        let least = self.at_least.map(|Amount(least)| format!("at least {least}"));
        let inside = self.at_most.is_none_or(|Amount(most)| value <= most)
            && self.at_least.is_none_or(|Amount(least)| value >= least);
        let outcome = match () {
            () if requests == 0 || report.lost > 0 => Outcome::Inconclusive,
            () if inside => Outcome::Pass,
            () => Outcome::Fail,
        };
        Kept {
            promise: promise.into(),
            expected: [most, least].into_iter().flatten().collect::<Vec<_>>().join(", "),
            seen: value.to_string(),
            outcome,
            because: [format!("{requests} requests were answered")].into_iter().chain(loss(report)).collect(),
        }
    }
}

/// Why what was seen may not be all.
fn loss(report: &Report) -> Option<String> {
    (report.lost > 0).then(|| format!("{} records were lost, so that this cannot be told", report.lost))
}

/// A file that these runs would have kept. What varied between them is left out.
pub fn learn(reports: &[Report]) -> String {
    let mut lines = Vec::new();
    let Some(first) = reports.first() else { return String::new() };
    lines.push(format!("# Learnt from {} runs of: {}", reports.len(), first.server));
    if let Some(protocol) = &first.protocol {
        lines.push(format!("protocol: {protocol}"));
    }
    lines.extend(same("accept", reports.iter().map(|report| (report.model.accept.is, report.model.accept.certainty))));
    lines.extend(same(
        "connection",
        reports.iter().map(|report| (report.model.connection.is, report.model.connection.certainty)),
    ));
    lines.extend(same("unit", reports.iter().map(|report| (report.model.unit.is, report.model.unit.certainty))));
    for (name, _, value) in MEASURES {
        let values: Vec<f64> = reports.iter().map(|report| value(&report.measures)).collect();
        let most = values.iter().copied().fold(0.0, f64::max);
        let least = values.iter().copied().fold(f64::MAX, f64::min);
        if *name == "wakeups_without_work" {
            // One in a hundred more than ever seen: a wake-up can always be overtaken.
            lines.push(format!("{name}: {{at_most: {}%}}", (most * 100.0).ceil() + 1.0));
        } else if most - least <= 0.1 * most.max(0.5) {
            // A tenth more than ever seen.
            lines.push(format!("{name}: {{at_most: {}}}", (most * 11.0).ceil() / 10.0));
        } else {
            lines.push(format!("# {name} varied between {least} and {most}"));
        }
    }
    let mut kinds: Vec<Kind> =
        reports.iter().flat_map(|report| report.hazards.iter().map(|hazard| hazard.kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        lines.push("hazards: none".into());
    } else {
        lines.push("# Seen in these runs. Mend them, and write `hazards: none`.".into());
        lines.push(format!("hazards: [{}]", kinds.iter().copied().map(word).collect::<Vec<_>>().join(", ")));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// An axis that was the same in all runs.
fn same<T: PartialEq + Copy + fmt::Display>(name: &str, seen: impl Iterator<Item = (T, Certainty)>) -> Option<String> {
    let seen: Vec<(T, Certainty)> = seen.collect();
    let (first, _) = *seen.first()?;
    let agree = seen.iter().all(|(is, certainty)| *is == first && *certainty != Certainty::Unknown);
    let line = if agree {
        format!("{name}: {first}")
    } else {
        format!("# {name} was not the same, or not known, in all runs")
    };
    Some(line)
}

fn word(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default()
}
