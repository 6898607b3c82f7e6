//! What `--format` of `wakeproof test` can be: the screen, libtest's protocol, or any reporter's shape.
use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::render::reporter::Reporter;

/// How the results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// The result screen.
    #[default]
    Pretty,
    /// libtest: a character for each case.
    Terse,
    /// libtest: JSON events.
    Json,
    /// In the shape of a reporter, once all is done.
    Report(Reporter),
}

static ALL: LazyLock<Vec<Format>> = LazyLock::new(|| {
    [Format::Pretty, Format::Terse, Format::Json].into_iter().chain(Reporter::ALL.map(Format::Report)).collect()
});

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Pretty => PossibleValue::new("pretty").help("The result screen"),
            Self::Terse => PossibleValue::new("terse").help("libtest: a character for each case"),
            Self::Json => PossibleValue::new("json").help("libtest: JSON events"),
            Self::Report(reporter) => return reporter.to_possible_value(),
        })
    }
}
