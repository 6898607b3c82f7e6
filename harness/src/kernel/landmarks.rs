//! Which of the named functions and members the running kernel has.
use super::{Btf, Symbols};
use crate::plan::Named;
use crate::recording::{Landmarks, Presence};

/// Looks for them in the kernel's symbols and type information. Where the symbols are hidden, functions stay unknown.
pub fn landmarks(named: &Named, types: &Btf, symbols: &Symbols) -> Landmarks {
    let mut found = Landmarks::default();
    if !symbols.is_empty() {
        for name in &named.functions {
            found.functions.insert(name.clone(), presence(name, types, symbols));
        }
    }
    for structure in &named.structures {
        for (member, of) in types.members(structure).unwrap_or_default() {
            found.members.insert(format!("{structure}.{member}"), Some(of));
        }
    }
    for name in &named.members {
        let (structure, member) = name.split_once('.').unwrap_or((name, ""));
        let members = types.members(structure).unwrap_or_default();
        let of = members.into_iter().find(|(name, _)| *name == member).map(|(_, of)| of);
        found.members.insert(name.clone(), of);
    }
    found
}

fn presence(name: &str, types: &Btf, symbols: &Symbols) -> Presence {
    match symbols.has(name) {
        Some(true) if types.has_function(name) => Presence::Typed,
        Some(_) => Presence::Symbol,
        None => Presence::Absent,
    }
}
