//! Sockets that a script makes, and what it asks them.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

/// A listening TCP socket on loopback.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Its name.
    #[serde(rename = "as")]
    pub name: String,
    /// The argument of `listen`: how many finished connections may wait for `accept`.
    #[serde(default = "sixteen")]
    pub backlog: Number,
}

pub(super) fn sixteen() -> Number {
    Number(16)
}

/// A call on one descriptor with a result and nothing else: `ioctl(FIONREAD)`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The descriptor; each, if the name stands for several.
    pub on: String,
    /// Name of the result `{ret, errno}`: the bytes to be read.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// A datagram or segment from nowhere, through a raw socket: what a network that corrupts data would deliver.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// The connected UDP or TCP socket that gets it, as from its peer.
    pub to: String,
    /// How many bytes of payload.
    pub bytes: Number,
    /// Whether its checksum is that of its content.
    pub checksum: Checksum,
}

/// A checksum in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    /// The right one.
    Good,
    /// Another one.
    Bad,
}

/// A filter that drops segments.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachFilter {
    /// The TCP socket to which they come.
    pub on: String,
    /// Segments with data are dropped if they have at most so many bytes of it; without it, all of them.
    #[serde(default)]
    pub up_to: Option<Number>,
}

/// A counter of the experiment's network namespace.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snmp {
    /// Protocol and name, as in `/proc/net/snmp` and `/proc/net/netstat`: `Udp.InCsumErrors`, `TcpExt.ListenOverflows`.
    pub counter: String,
    /// Name of the result, whose `ret` is the count so far.
    #[serde(rename = "as")]
    pub name: String,
}

/// Bytes of a buffer, read by the script.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Peek {
    /// The buffer.
    pub of: String,
    /// Where to begin.
    #[serde(default = "zero")]
    pub from: Number,
    /// How many.
    pub bytes: Number,
    /// Name of the result, whose `data` is the bytes as numbers.
    #[serde(rename = "as")]
    pub name: String,
}

fn zero() -> Number {
    Number(0)
}
