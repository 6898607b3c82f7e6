//! What can end a server or keep it from starting.

use std::fmt::Write as _;
use std::io;

use nix::errno::Errno;

use crate::{Defect, Model};

/// Why a server did not start or could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A system call failed in a way that no server can go on from.
    #[error("failed to {action} {object}: {errno:?} ({}): {}", *.errno as i32, .errno.desc())]
    Call {
        /// What was being done, in the words of the system call: `bind`, `accept a connection on`
        action: &'static str,
        /// To which object
        object: String,
        /// Why not
        errno: Errno,
    },
    /// An option was given to a model that has no use for it.
    #[error("`--{option}` does not apply to the model `{model}`, only to {}", list(.applies_to))]
    OptionNotApplicable {
        /// The option, without its dashes
        option: &'static str,
        /// The model it was given to
        model: Model,
        /// The models it applies to
        applies_to: Vec<Model>,
    },
    /// A defect was asked of a model that cannot have it.
    #[error("the defect `{defect}` is one of the model `{}`, not of `{model}`", .defect.model())]
    DefectNotApplicable {
        /// The defect
        defect: Defect,
        /// The model it was asked of
        model: Model,
    },
    /// An option was given together with a defect that decides it.
    #[error("`--{option}` cannot be given with the defect `{defect}`, which decides it")]
    DecidedByDefect {
        /// The option, without its dashes
        option: &'static str,
        /// The defect
        defect: Defect,
    },
    /// The address could not be announced on standard output.
    #[error("failed to announce the address on standard output: {0}")]
    Announce(#[source] io::Error),
}

impl Error {
    /// Makes the error of a failed system call, for use with `map_err`.
    pub(crate) fn call(action: &'static str, object: impl ToString) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::Call { action, object: object.to_string(), errno }
    }

    /// The same for a system call that a library made.
    pub(crate) fn io(action: &'static str, object: impl ToString) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::call(action, object)(errno_of(&error))
    }
}

fn list(models: &[Model]) -> String {
    let mut text = String::new();
    for (i, model) in models.iter().enumerate() {
        let separator = if i == 0 {
            ""
        } else if i + 1 == models.len() {
            " and "
        } else {
            ", "
        };
        let _ = write!(text, "{separator}`{model}`");
    }
    text
}

/// The errno of an error of the standard library; `UnknownErrno` if no system call is behind it.
pub(crate) fn errno_of(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
