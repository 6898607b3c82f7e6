//! An erratum: a slip of a document's text, which can be shown by reading alone.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quote;

/// The file of errata.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errata {
    /// The errata.
    pub errata: Vec<Erratum>,
}

/// A slip of the pen, of the translation or of a term. No run decides it; where what was meant can be run, a claim of
/// its own does that.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Erratum {
    /// Its name, such as `doc.color-order-tree`.
    pub id: String,
    /// Where the slip stands.
    pub quotes: Vec<Quote>,
    /// What the text says, taken at its word.
    pub says: String,
    /// What it should say.
    pub truth: String,
}
