//! The names known so far.
use std::collections::BTreeSet;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connection,
    Descriptor,
    Epoll,
    Actor,
    Mark,
    Buffer,
    Ring,
    Watch,
    Result,
    /// The state of an eventpoll.
    EpollState,
    /// Who waits on a queue.
    QueueState,
    /// A TCP socket.
    TcpState,
    /// The table of connections.
    Established,
    /// What a descriptor leads to.
    FileState,
    /// A process's open files.
    FilesState,
    /// The queues of a socket.
    QueuesState,
    /// The limit of open files.
    LimitsState,
    /// Tasks of the experiment.
    TasksState,
    /// The members of a structure.
    Layout,
    /// What there is room for.
    Room,
    /// What became of a crowd.
    Crowd,
    /// What is held.
    Resources,
}

/// What predicates can name beside parameters and measures.
pub(crate) const RESULTS: &[Kind] = &[
    Kind::Result,
    Kind::EpollState,
    Kind::QueueState,
    Kind::TcpState,
    Kind::Established,
    Kind::FileState,
    Kind::FilesState,
    Kind::QueuesState,
    Kind::LimitsState,
    Kind::TasksState,
    Kind::Layout,
    Kind::Room,
    Kind::Crowd,
    Kind::Resources,
];

/// Memory that the kernel may write to.
pub(super) const MEMORY: &[Kind] = &[Kind::Buffer, Kind::Ring];
/// What can be asked of a socket, pipe or other file of the script, or of a client's connection.
pub(super) const FILES: &[Kind] = &[Kind::Descriptor, Kind::Connection, Kind::Epoll];

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Descriptor => "connection or object",
            Self::Epoll => "epoll descriptor",
            Self::Actor => "actor",
            Self::Mark => "mark",
            Self::Buffer => "buffer",
            Self::Ring => "ring",
            Self::Watch => "watch",
            Self::Result | Self::Crowd => "result",
            Self::Room => "room",
            Self::EpollState
            | Self::QueueState
            | Self::TcpState
            | Self::Established
            | Self::FileState
            | Self::FilesState
            | Self::QueuesState
            | Self::LimitsState
            | Self::TasksState
            | Self::Layout
            | Self::Resources => "state",
        }
    }

    /// The word with its article.
    pub fn article(self) -> String {
        match self {
            Self::Descriptor => "an object of the script".to_owned(),
            Self::Epoll | Self::Actor => format!("an {}", self.word()),
            _ => format!("a {}", self.word()),
        }
    }

    /// Names that the harness gives itself.
    pub fn reserved(self) -> &'static [&'static str] {
        match self {
            Self::Mark => &["idle", "start", "end"],
            Self::Actor => &["server", "client"],
            Self::Epoll | Self::Connection | Self::Descriptor => &["server"],
            _ => &[],
        }
    }

    /// Kinds that share their names: files are one another's rivals, and so is memory.
    fn rivals(self, other: Self) -> bool {
        let both = |kinds: &[Self]| kinds.contains(&self) && kinds.contains(&other);
        self == other || both(FILES) || both(MEMORY) || both(RESULTS)
    }
}

/// Names in the order in which they are given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    given: Vec<(String, Kind, u64)>,
    many: BTreeSet<String>,
}

impl Names {
    /// Gives a name. Steps inside `repeat`, actors and rings may give theirs again.
    pub fn give(&mut self, name: &str, kind: Kind, times: u64, repeated: bool) -> Result<(), Kind> {
        if RESULTS.contains(&kind) && (repeated || times > 1) {
            self.many.insert(name.to_owned());
        }
        let before = self.given.iter_mut().find(|given| given.0 == name && given.1.rivals(kind));
        match before {
            Some(before) if before.1 == kind && matches!(kind, Kind::Actor | Kind::Ring) => {
                before.2 = before.2.max(times);
                Ok(())
            }
            Some(before) => Err(before.1),
            None => {
                // what a repeated step makes is there as often as it is repeated: places are not counted
                let times = if repeated && !RESULTS.contains(&kind) { u64::MAX } else { times };
                self.given.push((name.to_owned(), kind, times));
                Ok(())
            }
        }
    }

    /// Names of these kinds, with how many each stands for.
    pub fn of(&self, kinds: &[Kind]) -> Vec<(&str, u64)> {
        self.given.iter().filter(|given| kinds.contains(&given.1)).map(|given| (given.0.as_str(), given.2)).collect()
    }

    /// What a name stands for.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.given.iter().find(|given| given.0 == name).map(|given| given.1)
    }

    /// What a name stands for in predicates; a file may have the same name.
    pub fn result(&self, name: &str) -> Option<Kind> {
        self.given.iter().find(|given| given.0 == name && RESULTS.contains(&given.1)).map(|given| given.1)
    }

    /// How many files a name stands for.
    pub fn times(&self, name: &str) -> u64 {
        self.given.iter().find(|given| given.0 == name && FILES.contains(&given.1)).map_or(1, |given| given.2)
    }

    /// Results of which there can be several.
    pub fn many(&self) -> &BTreeSet<String> {
        &self.many
    }
}
