//! A server under test, in words.
use clap::ValueEnum;
use serde_json::Value as Json;
use std::fmt::Write as _;
use wakeproof_servers::Options;

use super::code;
use crate::case::{Limited, Server};

/// The server, what it is, and what is special about it.
pub(in super::super) fn server(server: &Server) -> String {
    let mut out = format!("{} ({})", code(server.model), lower(&help(&server.model)));
    let mut options: Vec<_> = special(&server.options);
    if let Some(defect) = server.options.defect {
        let help = help(&defect);
        options.push(format!(
            "with the mistake {}: {}",
            code(defect),
            help.split_once(": ").map_or(help.as_str(), |(_, what)| what)
        ));
    }
    if let Some(limit) = &server.limit {
        options.push(match limit.of {
            Limited::Nofile => format!("each process may have {} descriptors", limit.to.0),
            Limited::Nproc => format!("its user may have {} processes and threads", limit.to.0),
            Limited::AsMb => format!("each process may have {} MB of address space", limit.to.0),
        });
    }
    for option in options {
        _ = write!(out, "; {option}");
    }
    out
}

/// The options that are not as they are by themselves.
fn special(options: &Options) -> Vec<String> {
    let usual = serde_json::to_value(Options::default()).unwrap_or_default();
    let Ok(Json::Object(given)) = serde_json::to_value(options) else { return Vec::new() };
    let special = given
        .into_iter()
        .filter(|(name, value)| name != "defect" && usual.get(name) != Some(value) && !value.is_null());
    special
        .map(|(name, value)| format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

fn help(value: &impl ValueEnum) -> String {
    value.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
