//! Why something cannot be said.

/// A measure or a predicate without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// A capability is missing here: the case is skipped.
    Missing(String),
    /// Events were lost: nothing exact can be said.
    Lost(String),
    /// The predicate does not apply to what was seen, such as the first entry of an empty list.
    Wrong(String),
}

impl Gap {
    pub(super) fn why(&self) -> &str {
        match self {
            Self::Missing(why) | Self::Lost(why) | Self::Wrong(why) => why,
        }
    }
}
