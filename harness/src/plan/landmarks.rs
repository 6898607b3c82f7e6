//! Which functions and structures of the kernel a case names, so that its recording can say which of them there are.
use std::collections::BTreeSet;

use crate::case::Case;

/// What is looked for in the running kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Functions.
    pub functions: BTreeSet<String>,
    /// Structures, all members of which are wanted.
    pub structures: BTreeSet<String>,
    /// Single members, as `structure.member`.
    pub members: BTreeSet<String>,
}

/// What the sources (`kernel`) and the predicates of a case name.
pub fn named(case: &Case) -> Named {
    let mut named = Named::default();
    for source in &case.kernel {
        sources(source, &mut named);
    }
    let claims = case.claims.iter().flat_map(|claim| [&claim.literal, &claim.repaired]).flatten();
    let conditions = case.differs.iter().map(|difference| &difference.when);
    for predicate in claims.chain(case.expect.values()).chain(conditions) {
        named.functions.extend(arguments(predicate, "has_function"));
        named.members.extend(arguments(predicate, "has_member"));
    }
    named
}

/// The names in `fs/eventpoll.c: struct epitem, ep_insert (5.10 to 7.3)`: a structure behind that word, a function if it
/// looks like one of the kernel's, which have more than one word.
fn sources(text: &str, named: &mut Named) {
    let mut structure = false;
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | ':')) {
        let name = word.trim_end_matches('.');
        if std::mem::replace(&mut structure, name == "struct") && is_name(name) {
            named.structures.insert(name.to_owned());
        } else if is_name(name) && name.trim_start_matches('_').contains('_') || name.starts_with("__") && is_name(name)
        {
            named.functions.insert(name.to_owned());
        }
    }
}

fn is_name(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The texts that a function is called with in a predicate.
fn arguments<'a>(predicate: &'a str, function: &'a str) -> impl Iterator<Item = String> + 'a {
    predicate.match_indices(function).filter_map(move |(at, _)| {
        let rest = predicate[at + function.len()..].trim_start().strip_prefix('(')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        Some(rest[1..].split(quote).next()?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_and_structures_of_the_sources_are_found() {
        let mut named = Named::default();
        sources(
            "fs/eventpoll.c: struct epitem, ep_insert, __pollwait (5.10: fs/io_uring.c; 5.10 to 7.3): nfds > n",
            &mut named,
        );
        assert_eq!(named.functions.into_iter().collect::<Vec<_>>(), ["__pollwait", "ep_insert"]);
        assert_eq!(named.structures.into_iter().collect::<Vec<_>>(), ["epitem"]);
    }

    #[test]
    fn conditions_name_functions_and_members() {
        let when = r#"!has_function("ep_send_events") || has_member('eventpoll.wq')"#;
        assert_eq!(arguments(when, "has_function").collect::<Vec<_>>(), ["ep_send_events"]);
        assert_eq!(arguments(when, "has_member").collect::<Vec<_>>(), ["eventpoll.wq"]);
    }
}
