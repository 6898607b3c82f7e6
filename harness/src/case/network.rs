//! The calls on sockets one by one, as a server makes them, and the settings that they depend on.
use std::net::{IpAddr, Ipv4Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Number, Over};

/// The first argument of `socket`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `AF_INET`.
    #[default]
    Inet,
    /// `AF_INET6`.
    Inet6,
}

/// The second argument of `socket`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SocketType {
    /// `SOCK_STREAM`: TCP.
    #[default]
    Stream,
    /// `SOCK_DGRAM`: UDP.
    Dgram,
}

/// `socket`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeSocket {
    /// Its name.
    #[serde(rename = "as")]
    pub name: String,
    /// Its address family.
    #[serde(default)]
    pub family: Family,
    /// Its type.
    #[serde(default, rename = "type")]
    pub kind: SocketType,
    /// How many, under one name.
    #[serde(default = "super::step::one")]
    pub times: Number,
    /// In another network namespace, which has a loopback of its own; all that say so share it.
    #[serde(default)]
    pub elsewhere: bool,
    /// With `veth` in the second network namespace, at the far end of the wire.
    #[serde(default)]
    pub over: Over,
}

/// One more address, of a device of the experiment's own network namespace.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddAddress {
    /// The device: `lo`, or `here` for this end of the wire.
    pub device: String,
    /// The address. It has no network behind it.
    pub address: Ipv4Addr,
}

/// `bind`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// The socket; each, if the name stands for several.
    pub on: String,
    /// The address.
    #[serde(default = "localhost")]
    pub address: IpAddr,
    /// The port of this socket, too; without it the kernel chooses one.
    #[serde(default)]
    pub port_of: Option<String>,
    /// Name of the result `{ret, errno}`.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

fn localhost() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

/// `listen`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenOn {
    /// The socket.
    pub on: String,
    /// How many finished connections may wait for `accept`.
    #[serde(default = "super::socket::sixteen")]
    pub backlog: Number,
    /// Name of the result `{ret, errno}`.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// `connect`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectOn {
    /// The socket; each, if the name stands for several.
    pub on: String,
    /// The socket that has the address and the port.
    pub to: String,
    /// Another address, with that port.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// How long the address is said to be, in bytes, instead of its own length.
    #[serde(default)]
    pub length: Option<Number>,
    /// Name of the result `{ret, errno}`.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// `accept4`, until the accepted sockets are there; or once, with its result.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The listener; each, if the name stands for several.
    pub on: String,
    /// What the accepted socket is called from now on, one more with each step of this name; without it, it stays open
    /// until the end, and nothing can be said about it.
    #[serde(default)]
    pub into: Option<String>,
    /// Name of the result `{ret, errno}`: the accepted socket's number.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// An option of a socket, by the manual's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the manual's names: socket(7), tcp(7), ipv6(7)")]
pub enum SocketOption {
    IpBindAddressNoPort,
    SoAcceptconn,
    SoBindtodevice,
    SoCookie,
    SoDomain,
    SoError,
    SoProtocol,
    SoRcvlowat,
    SoReuseaddr,
    SoReuseport,
    SoType,
    TcpDeferAccept,
    TcpFastopen,
    TcpFastopenConnect,
    #[serde(rename = "IPV6_V6ONLY")]
    Ipv6V6only,
}

/// `setsockopt`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetOption {
    /// The socket; each, if the name stands for several.
    pub on: String,
    /// Which option.
    pub option: SocketOption,
    /// Its value.
    #[serde(default = "super::step::one")]
    pub value: Number,
    /// The name of a network device, for `SO_BINDTODEVICE`.
    #[serde(default)]
    pub device: Option<String>,
}

/// `getsockopt`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOption {
    /// The socket.
    pub on: String,
    /// Which option.
    pub option: SocketOption,
    /// Name of the result, whose `ret` is the value.
    #[serde(rename = "as")]
    pub name: String,
}

/// A setting of the experiment's own network namespace.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sysctl {
    /// Its name, such as `net.ipv4.tcp_syncookies`.
    pub name: String,
    /// Its value.
    pub value: Setting,
}

/// The value of a setting: a number, or several in a row, such as the ends of a range.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Setting {
    /// One.
    Number(Number),
    /// Several; those behind them stay as they are.
    Row(#[schemars(length(min = 1))] Vec<Number>),
}

/// As `/proc/sys` has it: a space between two numbers.
impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let row = match self {
            Self::Number(one) => std::slice::from_ref(one),
            Self::Row(row) => row,
        };
        f.write_str(&row.iter().map(|number| number.0.to_string()).collect::<Vec<_>>().join(" "))
    }
}

/// What `netstat` reads: `/proc/net/tcp`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcNetTcp {
    /// Name of the result, whose `rows` are the sockets.
    #[serde(rename = "as")]
    pub name: String,
    /// Read in another network namespace, made for that.
    #[serde(default)]
    pub elsewhere: bool,
}
