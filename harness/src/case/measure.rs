//! What is read off a recording. Every predicate is about these.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventName, Grade};

/// A named measure: one word says what kind of thing it is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// How many events there were: a number.
    Count(Count),
    /// One field of each event, in order: a list.
    List(List),
    /// The ways along one connection, each the given events in this order: a list of `{steps, ns}`.
    Chain(Chain),
    /// How often a kernel function or tracepoint was called: a number that cannot lose anything.
    Calls(Calls),
    /// The kernel's faults inside one user buffer: a list of `{offset, write, by}`.
    Faults(Faults),
    /// Writes to a watched word: a list of `{by, stack, target, empty}`.
    Writes(Writes),
    /// Where the packets to a socket were seen, with their `sk_buff` and where their data lay in it: a list of
    /// `{at, skb, head, headroom, bytes}`.
    Packets(Packets),
    /// How a number grows with a swept parameter: `constant`, `logarithmic`, `linear`, `quadratic` or `exponential`.
    Fit(Fit),
}

impl Measure {
    /// The events that it reads, each once.
    pub fn events(&self) -> Vec<EventName> {
        let mut events = match self {
            Self::Count(count) => vec![count.of],
            Self::List(list) => vec![list.of],
            Self::Chain(chain) => chain.of.iter().map(Link::of).collect(),
            Self::Packets(packets) => packets.at.clone(),
            Self::Faults(_) => vec![EventName::PageFaultKernel],
            Self::Writes(_) => vec![EventName::Watch],
            Self::Calls(_) | Self::Fit(_) => Vec::new(),
        };
        events.sort_unstable();
        events.dedup();
        events
    }
}

/// Which events. What is not named does not matter.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// About the server's end of this connection, or this object of the script.
    #[serde(default)]
    pub on: Option<String>,
    /// Wait calls that report this connection or object.
    #[serde(default)]
    pub reports: Option<String>,
    /// By `server`, `client`, or this actor.
    #[serde(default)]
    pub by: Option<String>,
    /// Wake-ups of this actor.
    #[serde(default)]
    pub wakes: Option<String>,
    /// Kernel functions on its stack, innermost first, not necessarily neighbours.
    #[serde(default)]
    pub through: Vec<String>,
    /// A predicate (CEL) over the event's own fields.
    #[serde(default, rename = "where")]
    pub condition: Option<String>,
    /// After this mark.
    #[serde(default)]
    pub from: Option<String>,
    /// Before this mark.
    #[serde(default)]
    pub until: Option<String>,
}

/// Counted events.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Which event.
    pub of: EventName,
    /// Which of them.
    #[serde(default)]
    pub only: Filter,
    /// The weakest evidence that this measure can be taken with.
    #[serde(default)]
    pub grade: Option<Grade>,
}

/// Listed events.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Which event.
    pub of: EventName,
    /// Which field of it, such as `ret`, `len`, `mask`, `call`.
    pub take: String,
    /// Which of them.
    #[serde(default)]
    pub only: Filter,
    /// The weakest evidence that this measure can be taken with.
    #[serde(default)]
    pub grade: Option<Grade>,
}

/// The way of a segment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// The events, in the order in which they must happen.
    pub of: Vec<Link>,
    /// The connection that every one of them is about.
    pub on: String,
    /// After this mark.
    #[serde(default)]
    pub from: Option<String>,
    /// Before this mark.
    #[serde(default)]
    pub until: Option<String>,
}

/// One event of a chain: its name, or its name and which of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Link {
    /// Not every one.
    Some(SomeLink),
    /// Any of this name.
    Any(EventName),
}

impl Link {
    /// The event's name.
    pub fn of(&self) -> EventName {
        match self {
            Self::Any(of) => *of,
            Self::Some(link) => link.of,
        }
    }

    /// Which of them, as a filter.
    pub fn only(&self) -> Filter {
        match self {
            Self::Any(_) => Filter::default(),
            Self::Some(link) => {
                Filter { through: link.through.clone(), condition: link.condition.clone(), ..Filter::default() }
            }
        }
    }
}

/// An event of a chain, and which of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SomeLink {
    /// The event's name.
    pub of: EventName,
    /// Kernel functions on its stack, innermost first, not necessarily neighbours.
    #[serde(default)]
    pub through: Vec<String>,
    /// A predicate (CEL) over the event's own fields.
    #[serde(default, rename = "where")]
    pub condition: Option<String>,
}

/// Counted calls of a kernel function.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// The kernel function; with alternatives, the first one that this kernel lets us attach to.
    pub of: OneOrMore,
    /// Calls on behalf of `server` or `client` (the running task), or `inside` the experiment's network namespace
    /// (the socket, file or segment that the function is given); without it, of either task, and with `on` of any.
    #[serde(default)]
    pub by: Option<String>,
    /// About the server's end of this connection, this socket of the script, or this epoll descriptor's eventpoll.
    #[serde(default)]
    pub on: Option<String>,
    /// After this mark.
    #[serde(default)]
    pub from: Option<String>,
    /// Before this mark.
    #[serde(default)]
    pub until: Option<String>,
}

/// A name, or alternatives in order.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// The first that works.
    More(Vec<String>),
}

/// Page faults of the kernel inside a user buffer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// A buffer of the script.
    pub inside: String,
    /// After this mark.
    #[serde(default)]
    pub from: Option<String>,
    /// Before this mark.
    #[serde(default)]
    pub until: Option<String>,
}

/// Writes seen by a watchpoint.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Writes {
    /// The name that a `watch` step gave it.
    pub to: String,
    /// Kernel functions on the writer's stack, innermost first.
    #[serde(default)]
    pub through: Vec<String>,
    /// After this mark.
    #[serde(default)]
    pub from: Option<String>,
    /// Before this mark.
    #[serde(default)]
    pub until: Option<String>,
}

/// A relation between a measure and a swept parameter.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// The measure, of which a list counts by its length; or a field of an inspected state, as in `tree.depth`.
    pub of: String,
    /// The swept parameter.
    pub over: String,
}

/// How a count grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the meaning")]
pub enum Growth {
    Constant,
    Logarithmic,
    Linear,
    Quadratic,
    Exponential,
    Irregular,
}

/// Packets on their way to a socket.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Packets {
    /// The places at which they are looked for: events about packets.
    pub at: Vec<EventName>,
    /// The TCP socket that they are sent to: one of the script, or the server's end of a connection.
    pub to: String,
    /// After this mark.
    #[serde(default)]
    pub from: Option<String>,
    /// Before this mark.
    #[serde(default)]
    pub until: Option<String>,
}
