//! Protocols as data: how to speak to a server so that it answers.
use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};

use super::driver::Until;
use crate::plan::Exchange;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/observe/adapters");

/// One protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Adapter {
    /// Its name.
    pub name: String,
    /// One request. Empty: the server speaks first, and a connection is the request.
    #[serde(default)]
    pub request: Request,
    /// The text that stands once in each reply; none: the reply is the request itself.
    #[serde(default)]
    pub reply: Option<String>,
    /// A connection takes one request only.
    #[serde(default)]
    pub once: bool,
    /// What a server of this protocol answers to a request in HTTP, by which it is known.
    #[serde(default)]
    pub known_by: Vec<String>,
    /// Programs that speak it, by the start of their names.
    #[serde(default)]
    pub programs: Vec<String>,
}

/// The bytes of a request: as text, or as numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Text; escapes are YAML's.
    #[serde(default)]
    pub text: String,
    /// Bytes, instead of text.
    #[serde(default)]
    pub bytes: Vec<u8>,
}

impl Request {
    /// What goes over the wire.
    pub fn bytes(&self) -> &[u8] {
        if self.bytes.is_empty() { self.text.as_bytes() } else { &self.bytes }
    }
}

impl Adapter {
    /// Those that this program carries.
    pub fn built_in() -> Vec<Self> {
        let files = BUILT_IN.files().filter_map(|file| file.contents_utf8());
        files.filter_map(|text| serde_yaml::from_str(text).ok()).collect()
    }

    /// One that is described by its bytes alone.
    pub fn of_bytes(request: &str, reply: Option<&str>) -> Self {
        Self {
            name: "bytes".into(),
            request: Request { text: unescape(request), bytes: Vec::new() },
            reply: reply.map(unescape),
            once: false,
            known_by: Vec::new(),
            programs: Vec::new(),
        }
    }

    /// Whether the server speaks first.
    pub fn greets(&self) -> bool {
        self.request.bytes().is_empty()
    }

    /// Whether everything comes back as it was sent.
    pub fn echoes(&self) -> bool {
        self.reply.is_none()
    }

    /// The same for the cases of the suite.
    pub fn exchange(&self) -> Exchange {
        let mark = self.reply.as_ref().map(|reply| reply.as_bytes().to_vec());
        Exchange { request: self.request.bytes().to_vec(), mark, once: self.once }
    }

    /// When so many replies are complete.
    pub fn until(&self, requests: u32) -> Until {
        match &self.reply {
            Some(reply) => Until::Marks(reply.as_bytes().to_vec(), requests),
            None => Until::Bytes(self.request.bytes().len() as u64 * u64::from(requests)),
        }
    }
}

/// Reads `\r`, `\n`, `\t`, `\0`, `\\` and `\xNN`.
pub fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('r') => out.push('\r'),
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('0') => out.push('\0'),
            Some('x') => {
                let digits: String = letters.by_ref().take(2).collect();
                out.push(char::from(u8::from_str_radix(&digits, 16).unwrap_or(b'?')));
            }
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_adapter_that_is_carried_is_read() {
        let names: Vec<_> = Adapter::built_in().into_iter().map(|adapter| adapter.name).collect();
        assert_eq!(names.len(), BUILT_IN.files().count(), "{names:?}");
        assert!(names.iter().any(|name| name == "http"));
    }

    #[test]
    fn escapes_are_those_of_the_shell_users_know() {
        assert_eq!(unescape(r"PING\r\n\x41\\"), "PING\r\nA\\");
    }
}
