//! The catalogue: what the documents say, in the order in which they say it, and what became of each sentence.
//!
//! Pure: it is made of a suite, of the results that there are, and of two committed lists that hold no text of the
//! documents, `order.json` (where the quotes stand) and `ids.txt` (every claim). `cargo xtask quotes` keeps the first.
mod errata;
mod find;
mod fold;
mod history;
mod ids;
mod listing;
mod markdown;
mod order;
mod page;
mod pages;
mod row;
mod runs;
mod seen;
mod sides;
mod terminal;
#[cfg(test)]
mod tests;
mod words;

use crate::case::{Claim, Quote, Source};
use crate::load::{LoadedCase, Suite};
use crate::render::matrix::Part;

pub use errata::{Slip, markdown as markdown_errata, text as text_errata};
pub use find::{Found, Wanted};
pub use history::History;
pub use ids::{Known, known};
pub use listing::{markdown as markdown_list, text as text_list};
pub use markdown::markdown as markdown_page;
pub use page::{Experiment, Page, Predicate, Quoted, Whole};
pub use pages::{Leaf, leaves};
pub use row::{Row, rows};
pub use seen::Seen;
pub use sides::{Attached, Sides};
pub use terminal::page as text_page;

/// What the two documents are called.
pub fn title(source: Source) -> &'static str {
    match source {
        Source::A => "A, the chapter on select, poll and epoll",
        Source::B => "B, the notes on multiplexing",
    }
}

/// Every claim of a suite, and every result that is at hand.
#[derive(Debug)]
pub struct Catalogue<'a> {
    /// The claims, in the order of their first quotes.
    pub entries: Vec<Entry<'a>>,
    /// The slips of the documents' texts.
    pub slips: Vec<Slip<'a>>,
    /// What runs have left, and where they ran.
    pub parts: Vec<Part>,
}

/// A claim and the case that decides it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The case.
    pub case: &'a LoadedCase,
    /// The claim's place in it.
    pub index: usize,
    /// The claim.
    pub claim: &'a Claim,
}

/// One claim as it stands in one document.
#[derive(Clone, Debug)]
pub struct Passage<'a> {
    /// The claim.
    pub entry: Entry<'a>,
    /// The heading above its first quote there.
    pub section: Option<&'a str>,
    /// The quotes from this document, in their order.
    pub quotes: Vec<&'a Quote>,
    /// Where the first of them stands; none if nobody has looked since it was written.
    pub at: Option<u32>,
}

impl<'a> Catalogue<'a> {
    /// The claims of a suite, in the documents' order.
    pub fn new(suite: &'a Suite, parts: Vec<Part>) -> Self {
        let mut entries: Vec<_> = suite.cases.iter().flat_map(entries_of).collect();
        entries.sort_by_key(Entry::first);
        Self { entries, slips: errata::slips(&suite.errata), parts }
    }

    /// What one document says, from its beginning to its end.
    pub fn passages(&self, source: Source) -> Vec<Passage<'a>> {
        let mut passages: Vec<_> = self.entries.iter().filter_map(|entry| entry.passage(source)).collect();
        passages.sort_by_key(|passage| (passage.at.is_none(), passage.at, &passage.entry.claim.id));
        passages
    }

    /// The claim with this id.
    pub fn claim(&self, id: &str) -> Option<Entry<'a>> {
        self.entries.iter().copied().find(|entry| entry.claim.id == id)
    }

    /// The claims that one case decides, as the case has them.
    pub fn of_case(&self, case: &LoadedCase) -> Vec<Entry<'a>> {
        let mut entries: Vec<_> = self.entries.iter().copied().filter(|entry| entry.case.id == case.id).collect();
        entries.sort_by_key(|entry| entry.index);
        entries
    }

    /// The same results, with only the claims and errata that a reader looks for.
    #[must_use]
    pub fn only(&self, wanted: &Wanted) -> Self {
        Self {
            entries: self.entries.iter().copied().filter(|entry| wanted.matches(entry)).collect(),
            slips: self.slips.iter().copied().filter(|slip| wanted.matches_slip(slip)).collect(),
            parts: self.parts.clone(),
        }
    }

    /// The erratum with this id.
    pub fn slip(&self, id: &str) -> Option<Slip<'a>> {
        self.slips.iter().copied().find(|slip| slip.erratum.id == id)
    }

    /// The claims that no case decides yet; an erratum needs none.
    pub fn missing(&self) -> impl Iterator<Item = &'static Known> {
        known().iter().filter(|known| self.claim(&known.id).is_none() && self.slip(&known.id).is_none())
    }
}

fn entries_of(case: &LoadedCase) -> impl Iterator<Item = Entry<'_>> {
    case.case().claims.iter().enumerate().map(move |(index, claim)| Entry { case, index, claim })
}

impl<'a> Entry<'a> {
    /// Where it is said first: document, whether that is unknown, place.
    fn first(&self) -> (Option<Source>, bool, Option<u32>, &'a str) {
        let first = [Source::A, Source::B]
            .into_iter()
            .find_map(|source| self.passage(source).map(|passage| (source, passage.at)));
        let at = first.and_then(|(_, at)| at);
        (first.map(|(source, _)| source), at.is_none(), at, &self.claim.id)
    }

    /// The heading that a quote stands under.
    fn section(&self, quote: &Quote) -> Option<&'static str> {
        let here = self.claim.quotes.iter().filter(|other| other.source == quote.source);
        let nth = here.take_while(|other| !std::ptr::eq(*other, quote)).count();
        let order = order::of(quote.source);
        order.heading(order.at(&self.claim.id, nth)?)
    }

    /// What one document says of it.
    fn passage(&self, source: Source) -> Option<Passage<'a>> {
        let order = order::of(source);
        let mut quotes: Vec<_> = self
            .claim
            .quotes
            .iter()
            .filter(|quote| quote.source == source)
            .enumerate()
            .map(|(nth, quote)| (order.at(&self.claim.id, nth), quote))
            .collect();
        quotes.sort_by_key(|(at, _)| (at.is_none(), *at));
        let (at, first) = *quotes.first()?;
        let section = at.and_then(|at| order.heading(at)).or(first.section.as_deref());
        Some(Passage { entry: *self, section, quotes: quotes.into_iter().map(|(_, quote)| quote).collect(), at })
    }
}
