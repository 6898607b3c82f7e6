//! The words of a case file, as types. Reading one is `load`'s work; nothing here touches a kernel.

mod calls;
mod claim;
mod compute;
mod crowd;
mod erratum;
mod event;
pub mod fields;
mod limits;
mod measure;
mod network;
mod number;
mod script;
mod socket;
mod states;
mod step;
mod table;
mod task;

pub use calls::{Call, Side, call_name};
pub use claim::{Claim, ClaimVerdict, Quote, Source};
pub use compute::{Compute, CpuTime};
pub use crowd::{Crowd, Limited, Resources, Room, ServerLimit};
pub use erratum::{Errata, Erratum};
pub use event::{EventName, Probe};
pub use fields::{Field, FieldType, event_fields};
pub use limits::{Capability, Dup2, DupUntilRefused, Limit, WhoseLimits};
pub use measure::{
    Calls, Chain, Count, Faults, Filter, Fit, Growth, Link, List, Measure, OneOrMore, Packets, SomeLink, Writes,
};
pub use network::{
    Accept, AddAddress, Bind, ConnectOn, Family, GetOption, ListenOn, MakeSocket, ProcNetTcp, SetOption, Setting,
    SocketOption, SocketType, Sysctl,
};
pub use number::Number;
pub use script::{
    Access, Buffer, Descriptor, EpollControl, EpollCreate, EpollFlag, EpollWait, Fill, IoRing, Kcmp, Made, NetworkPair,
    Over, PollCall, PollEntry, Reopen, SelectCall, Shared, Timer, Transfer, TwoEnds,
};
pub use socket::{Asked, AttachFilter, Checksum, Inject, Listen, Peek, Snmp};
pub use states::tcp_state;
pub use step::{
    Asleep, Await, AwaitEvent, Connect, Inspect, Inspected, MapEpoll, Receive, Repeat, Reply, Request, Send, Start,
    Step, WatchStep, WatchTarget, Whom, Whose,
};
pub use table::TableSpec;
pub use task::{Kinship, Maps, Pagemap, Pages, PingPong, Touch};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wakeproof_servers::{Model, Options};

/// A parameter of a case: what `${name}` stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A word.
    Text(String),
}

/// How strong the evidence for a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Results of system calls; needs no privilege.
    Surface,
    /// Tracepoints, kernel stacks, watchpoints.
    Trace,
    /// Kernel functions probed.
    Function,
}

impl std::fmt::Display for Grade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Surface => "surface",
            Self::Trace => "trace",
            Self::Function => "function",
        })
    }
}

/// One experiment, and the claims that it decides.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The finding, as a sentence.
    pub title: String,
    /// What the documents say, and what this case finds.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// The kernel source it rests on: `file: function, function (first to last version read)`.
    #[serde(default)]
    pub kernel: Vec<String>,
    /// Who is connected to whom, as a drawing.
    pub wiring: String,
    /// Parameters with their values; `${name}` stands for one anywhere below.
    #[serde(default)]
    pub with: IndexMap<String, Value>,
    /// Parameters that take several values: the case runs once for each combination.
    #[serde(default)]
    pub sweep: IndexMap<String, Vec<Value>>,
    /// The weakest evidence that can decide anything here.
    #[serde(default = "surface")]
    pub grade: Grade,
    /// The server under test; without one the case is a script.
    #[serde(default)]
    pub server: Option<Server>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What is read off the recording, by name.
    #[serde(default)]
    pub measure: IndexMap<String, Measure>,
    /// Predicates (CEL) over parameters and measures, by name: each must hold.
    #[serde(default)]
    pub expect: IndexMap<String, String>,
    /// Those of them to which any server can be held, whatever its I/O model and its protocol: `wakeproof guard` runs the
    /// case with a server of the user's.
    #[serde(default)]
    pub any_server: Vec<String>,
    /// Tables of what the runs gave, by title.
    #[serde(default)]
    pub tables: IndexMap<String, TableSpec>,
    /// The same expectations under a set-up in which some must fail.
    pub control: Control,
    /// Where this case is known to differ, and why.
    #[serde(default)]
    pub differs: Vec<Difference>,
}

fn surface() -> Grade {
    Grade::Surface
}

/// The server under test.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Which reference server.
    pub model: Model,
    /// How it is set up.
    #[serde(default)]
    pub options: Options,
    /// A limit that its processes have.
    #[serde(default)]
    pub limit: Option<ServerLimit>,
}

/// The half of a case that must not succeed. What it does not name is taken over from the case.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// What is different, as a sentence.
    pub title: String,
    /// Parameters that change.
    #[serde(default)]
    pub with: IndexMap<String, Value>,
    /// Another server.
    #[serde(default)]
    pub server: Option<Server>,
    /// Other steps.
    #[serde(default)]
    pub steps: Option<Vec<Step>>,
    /// The expectations and claims that must not come out as in the case itself: every one of them.
    pub must_fail: Vec<String>,
}

/// A known difference between kernels: under the condition, the named expectations fail or a claim gets another verdict.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// A predicate over what this kernel is: `has_function("ep_send_events")`, `has_member("eventpoll.ovflist")`, `grade`,
    /// and where nothing else tells its version, as `kernel >= version("7.0")`.
    pub when: String,
    /// Why, with the commit or file that explains it.
    pub because: String,
    /// Expectations that must fail there.
    #[serde(default)]
    pub fails: Vec<String>,
    /// Claims with another verdict there.
    #[serde(default)]
    pub verdicts: IndexMap<String, ClaimVerdict>,
}
