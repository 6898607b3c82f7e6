//! What can be asked of a server, on the command line and in YAML.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Defect, Error, Model};

/// How much a server reads each time that a connection is reported readable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Read {
    /// Reads until the kernel has no more (EAGAIN)
    #[default]
    Drain,
    /// Reads once; whatever is left is reported again only if the model is level-triggered
    Once,
    /// Never reads: a level-triggered model then spins, an edge-triggered one wakes once per arrival
    Never,
}

/// What a server does with the bytes that it has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Sends them back
    #[default]
    Echo,
    /// Drops them
    None,
}

/// How a server listens, reads and replies, and which mistake it makes.
#[derive(Clone, Debug, PartialEq, Eq, Args, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Options {
    /// IP address to listen on
    #[arg(long, value_name = "IP", default_value_t = Options::ADDRESS)]
    pub address: IpAddr,

    /// TCP port to listen on; with 0 the kernel chooses a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,

    /// Length of the accept queue, in connections; the kernel caps it at net.core.somaxconn
    #[arg(long, value_name = "CONNECTIONS", default_value_t = Options::BACKLOG)]
    pub backlog: u16,

    /// Size of the buffer of one read, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Options::BUFFER)]
    pub buffer: NonZeroUsize,

    /// What to do with the bytes that were read
    #[arg(long, value_enum, default_value_t)]
    pub reply: Reply,

    /// How much to read per readiness [select, poll, spin and all with epoll; default: drain]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<Read>,

    /// Most events that one `epoll_wait` may return [all with epoll; default: 64]
    #[arg(long, value_name = "EVENTS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_events: Option<NonZeroUsize>,

    /// Number of threads or processes [all pools, prefork, reuseport, epoll-shared, -oneshot, -each; default: 4]
    #[arg(long, value_name = "THREADS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<NonZeroUsize>,

    /// Watch the listener with EPOLLEXCLUSIVE, so that a connection wakes one thread [epoll-each]
    #[arg(long)]
    pub exclusive: bool,

    /// The one mistake that the server makes on purpose
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defect: Option<Defect>,
}

impl Options {
    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const BACKLOG: u16 = 4096;
    const BUFFER: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
    const MAX_EVENTS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
    const WORKERS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

    /// Says whether every given option means something to the model. Touches nothing outside.
    pub fn check(&self, model: Model) -> Result<(), Error> {
        let refuse = |option, given: bool, applies: fn(Model) -> bool| {
            if !given || applies(model) {
                return Ok(());
            }
            let applies_to = Model::all().iter().copied().filter(|model| applies(*model)).collect();
            Err(Error::OptionNotApplicable { option, model, applies_to })
        };
        refuse("read", self.read.is_some(), Model::reads_when_ready)?;
        refuse("max-events", self.max_events.is_some(), Model::has_epoll)?;
        refuse("workers", self.workers.is_some(), Model::has_workers)?;
        refuse("exclusive", self.exclusive, |model| model == Model::EpollEach)?;
        match self.defect {
            Some(defect) if defect.model() != model => Err(Error::DefectNotApplicable { defect, model }),
            Some(defect @ (Defect::NotDrained | Defect::NeverReads | Defect::ListsAnew)) if self.read.is_some() => {
                Err(Error::DecidedByDefect { option: "read", defect })
            }
            _ => Ok(()),
        }
    }

    /// The address and port to listen on.
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// How many times to read per readiness.
    pub(crate) fn reads(&self) -> usize {
        match self.read.unwrap_or_default() {
            Read::Drain => usize::MAX,
            Read::Once => 1,
            Read::Never => 0,
        }
    }

    /// A zeroed buffer for one read.
    pub(crate) fn read_buffer(&self) -> Vec<u8> {
        vec![0; self.buffer.get()]
    }

    pub(crate) fn max_events(&self) -> usize {
        self.max_events.unwrap_or(Self::MAX_EVENTS).get()
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers.unwrap_or(Self::WORKERS).get()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: Self::ADDRESS,
            port: 0,
            backlog: Self::BACKLOG,
            buffer: Self::BUFFER,
            reply: Reply::default(),
            read: None,
            max_events: None,
            workers: None,
            exclusive: false,
            defect: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_without_meaning_names_the_models_that_have_it() {
        let options = Options { exclusive: true, ..Options::default() };
        let error = options.check(Model::Fork).unwrap_err().to_string();
        assert_eq!(error, "`--exclusive` does not apply to the model `fork`, only to `epoll-each`");
        options.check(Model::EpollEach).unwrap();
    }

    #[test]
    fn a_defect_belongs_to_one_model() {
        for (defect, model) in
            Defect::all().iter().flat_map(|defect| Model::all().iter().map(move |model| (defect, model)))
        {
            let options = Options { defect: Some(*defect), ..Options::default() };
            assert_eq!(options.check(*model).is_ok(), *model == defect.model(), "{defect} of {model}");
        }
    }

    #[test]
    fn a_defect_decides_how_much_is_read() {
        let options = Options { read: Some(Read::Drain), defect: Some(Defect::NeverReads), ..Options::default() };
        let error = options.check(Model::EpollLt).unwrap_err().to_string();
        assert_eq!(error, "`--read` cannot be given with the defect `never-reads`, which decides it");
    }

    #[test]
    fn files_and_the_command_line_use_the_same_names() {
        let json = r#"{"max-events": 2, "read": "never", "defect": "not-drained"}"#;
        let options: Options = serde_json::from_str(json).unwrap();
        assert_eq!(options.defect, Some(Defect::NotDrained));
        assert_eq!(options.max_events(), 2);
        assert_eq!(options.buffer, Options::BUFFER);
        assert_eq!(serde_json::to_value(Model::EpollLt).unwrap(), Model::EpollLt.to_string());
        assert!(serde_json::from_str::<Options>(r#"{"max_events": 2}"#).is_err());
        assert!(serde_json::from_str::<Options>(r#"{"buffer": 0}"#).is_err());
    }
}
