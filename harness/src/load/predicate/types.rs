//! The types of predicates' variables.
use std::fmt;

use crate::case::{Field, FieldType};

/// What an expression can be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Int,
    Double,
    Bool,
    Text,
    /// One of a few words.
    Words(&'static [&'static str]),
    /// A kernel's version.
    Version,
    List(Box<Type>),
    /// Something with fields.
    Record(&'static [Field]),
    /// Anything: no more can be said.
    Any,
}

impl Type {
    /// A list of these.
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// Whether there is an order, or an equality, between two.
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _)
            | (_, Self::Any)
            | (Self::Int | Self::Double, Self::Int | Self::Double)
            | (Self::Text | Self::Words(_), Self::Text | Self::Words(_)) => true,
            (Self::List(one), Self::List(other)) => one.meets(other),
            _ => self == other,
        }
    }

    /// What is known of something that is one or the other.
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::List(one), Self::List(other)) => match (*one, *other) {
                // an empty list's items are anything
                (Self::Any, other) | (other, Self::Any) => Self::list(other),
                (one, other) => Self::list(one.join(other)),
            },
            (one, other) if one.meets(&other) && one != Self::Any && other != Self::Any => match one {
                Self::Words(_) => Self::Text,
                one => one,
            },
            _ => Self::Any,
        }
    }
}

impl From<FieldType> for Type {
    fn from(field: FieldType) -> Self {
        match field {
            FieldType::Int => Self::Int,
            FieldType::Text => Self::Text,
            FieldType::Bool => Self::Bool,
            FieldType::Ints => Self::list(Self::Int),
            FieldType::Texts => Self::list(Self::Text),
            FieldType::Entries(fields) => Self::list(Self::Record(fields)),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int => f.write_str("a whole number"),
            Self::Double => f.write_str("a fraction"),
            Self::Bool => f.write_str("true or false"),
            Self::Text => f.write_str("a text"),
            Self::Words(_) => f.write_str("a word"),
            Self::Version => f.write_str("a kernel version"),
            Self::List(_) => f.write_str("a list"),
            Self::Record(_) => f.write_str("something with fields"),
            Self::Any => f.write_str("anything"),
        }
    }
}
