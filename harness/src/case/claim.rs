//! A claim: one falsifiable sentence of a source, with its quote and what became of it.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One falsifiable sentence.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its name, such as `epoll.et.wakes-once`.
    pub id: String,
    /// Where the documents say it.
    pub quotes: Vec<Quote>,
    /// The sentence, made falsifiable.
    pub says: String,
    /// What the run must find.
    pub verdict: ClaimVerdict,
    /// What is true, where the sentence is not simply confirmed.
    #[serde(default)]
    pub truth: Option<String>,
    /// The sentence as a predicate (CEL) over parameters and measures.
    #[serde(default)]
    pub literal: Option<String>,
    /// The corrected sentence as a predicate; needed unless the verdict is `confirmed`.
    #[serde(default)]
    pub repaired: Option<String>,
    /// Why no run can decide it, or what the run does not show.
    #[serde(default)]
    pub limits: Option<String>,
}

/// A short quotation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// Which document.
    pub source: Source,
    /// The heading it stands under.
    #[serde(default)]
    pub section: Option<String>,
    /// The words, as they stand there after compatibility folding (NFKC).
    pub text: String,
}

/// The two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Source {
    /// The chapter on select, poll and epoll.
    A,
    /// The notes on multiplexing.
    B,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClaimVerdict {
    /// The literal sentence holds.
    Confirmed,
    /// True with the stated correction.
    Refined,
    /// The literal sentence fails: a counter-example is shown, and what is true instead holds.
    Refuted,
    /// No run can decide it.
    Undecidable,
}

impl std::fmt::Display for ClaimVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Confirmed => "confirmed",
            Self::Refined => "refined",
            Self::Refuted => "refuted",
            Self::Undecidable => "undecidable",
        })
    }
}
