//! Why a step did not come to its end.
use nix::errno::Errno;

use crate::recording::End;

/// Why a step did not come to its end, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Time ran out.
    Timeout(String),
    /// It could not be done.
    Broken(String),
    /// It is not worth doing on this machine.
    LeftOut(String),
}

impl Failure {
    /// A failed system call: what was being done, and the error by name and number.
    pub fn call(what: impl std::fmt::Display, errno: Errno) -> Self {
        Self::Broken(format!("failed to {what}: {}", name(errno)))
    }

    /// The same with more to say.
    #[must_use]
    pub fn add(self, more: &str) -> Self {
        if more.is_empty() {
            return self;
        }
        match self {
            Self::Timeout(why) => Self::Timeout(format!("{why}; {more}")),
            Self::Broken(why) => Self::Broken(format!("{why}; {more}")),
            Self::LeftOut(why) => Self::LeftOut(why),
        }
    }

    /// The end of a run that it is, at this step.
    pub fn at(self, step: String) -> End {
        match self {
            Self::Timeout(why) => End::Timeout { step, why },
            Self::Broken(why) => End::Broken { step, why },
            Self::LeftOut(why) => End::LeftOut { why },
        }
    }
}

/// An error by name and number, and in words: `EBADF (9), Bad file number`.
pub fn name(errno: Errno) -> String {
    format!("{errno:?} ({}), {}", errno as i32, errno.desc())
}
