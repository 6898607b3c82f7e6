//! Every claim that the documents make, by id: also those that no case decides yet.
use std::sync::LazyLock;

use crate::case::Source;

/// A claim that the documents make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// The documents that make it.
    pub sources: Vec<Source>,
    /// The subject it belongs to.
    pub group: String,
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| include_str!("ids.txt").lines().filter_map(read).collect());

/// All of them, subject by subject.
pub fn known() -> &'static [Known] {
    &KNOWN
}

/// A line: id, documents, subject. Others are comments.
fn read(line: &str) -> Option<Known> {
    let mut words = line.split(' ').filter(|_| !line.starts_with('#'));
    let (id, sources, group) = (words.next()?, words.next()?, words.next()?);
    let sources = [('A', Source::A), ('B', Source::B)].into_iter().filter(|(letter, _)| sources.contains(*letter));
    Some(Known { id: id.to_owned(), sources: sources.map(|(_, source)| source).collect(), group: group.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_claims_of_both_documents_are_known_once() {
        assert_eq!(known().len(), 226);
        assert!(known().iter().all(|known| !known.sources.is_empty()));
        let mut ids: Vec<_> = known().iter().map(|known| &known.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 226);
    }
}
