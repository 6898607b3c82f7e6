//! What a kernel has of that which cases rest on: functions and members of structures, by name.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What there is in one kernel, as its own symbols and its type information say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Landmarks {
    /// Functions by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, Presence>,
    /// Types of members by `structure.member`; none if this kernel has no such member.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Option<String>>,
}

/// Whether a kernel has a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It has none of that name: it was not written yet, was removed, or is inlined into all its callers.
    Absent,
    /// It is in the symbol table, but without a type, or under a name that the compiler has changed (`.isra.0`).
    Symbol,
    /// It is in the symbol table, with its type.
    Typed,
}

impl Landmarks {
    /// Whether nothing was looked for.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.members.is_empty()
    }

    /// What a member is here: its type, or that there is none of that name in a structure of which others are known; none
    /// if nothing is known.
    pub fn member(&self, name: &str) -> Option<&str> {
        const NONE: &str = "no member";
        if let Some(of) = self.members.get(name) {
            return Some(of.as_deref().unwrap_or(NONE));
        }
        let (structure, _) = name.split_once('.')?;
        let known = |other: &String| other.split_once('.').is_some_and(|(of, _)| of == structure);
        self.members.keys().any(known).then_some(NONE)
    }

    /// Takes over what others say of the same kernel.
    pub fn extend(&mut self, other: &Self) {
        self.functions.extend(other.functions.iter().map(|(name, presence)| (name.clone(), *presence)));
        self.members.extend(other.members.iter().map(|(name, of)| (name.clone(), of.clone())));
    }
}

impl std::fmt::Display for Presence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "no function",
            Self::Symbol => "a symbol",
            Self::Typed => "a function",
        })
    }
}
