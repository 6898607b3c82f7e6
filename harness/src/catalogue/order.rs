//! Where the quotes stand in their documents: numbers and headings, and no other text. `cargo xtask quotes --write`
//! counts them in the documents, as letters from the beginning, white space left out.
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::case::Source;

/// The places in one document.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// Headings with the place of the first letter below each, from the beginning.
    headings: Vec<(u32, String)>,
    /// By claim, the places of its quotes from this document, in the order of the case file.
    quotes: BTreeMap<String, Vec<u32>>,
}

static ORDER: LazyLock<BTreeMap<String, Order>> = LazyLock::new(|| {
    // A list that cannot be read is a list without entries here; a test and `cargo xtask quotes` complain of it.
    serde_json::from_str(include_str!("order.json")).unwrap_or_default()
});
static NONE: Order = Order { headings: Vec::new(), quotes: BTreeMap::new() };

/// The places in this document.
pub(super) fn of(source: Source) -> &'static Order {
    let name = match source {
        Source::A => "A",
        Source::B => "B",
    };
    ORDER.get(name).unwrap_or(&NONE)
}

impl Order {
    /// Where a claim's nth quote from this document stands.
    pub fn at(&self, claim: &str, nth: usize) -> Option<u32> {
        self.quotes.get(claim)?.get(nth).copied()
    }

    /// The heading above a place.
    pub fn heading(&self, at: u32) -> Option<&str> {
        self.headings.iter().rev().find(|(below, _)| *below <= at).map(|(_, heading)| heading.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_documents_have_their_headings_in_order() -> Result<(), serde_json::Error> {
        let read: BTreeMap<String, Order> = serde_json::from_str(include_str!("order.json"))?;
        assert_eq!(read.len(), 2);
        for source in [Source::A, Source::B] {
            let order = of(source);
            assert!(order.headings.len() > 5, "{source:?}");
            assert!(order.headings.is_sorted_by_key(|(at, _)| *at), "{source:?}");
        }
        Ok(())
    }

    #[test]
    fn a_place_is_below_the_last_heading_before_it() {
        let order = Order { headings: vec![(5, "one".to_owned()), (9, "two".to_owned())], quotes: BTreeMap::new() };
        assert_eq!([4, 5, 8, 9].map(|at| order.heading(at)), [None, Some("one"), Some("one"), Some("two")]);
    }
}
