//! The catalogue for programs: one object for each quote, in the documents' order.
use serde::Serialize;

use super::seen::{Seen, seen};
use super::{Catalogue, order};
use crate::case::Source;

/// A quote, and the claim that it stands for.
#[derive(Clone, Debug, Serialize)]
pub struct Row<'a> {
    /// The document.
    pub source: Source,
    /// The heading that the quote stands under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<&'a str>,
    /// The heading that the case file gives, if it gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_section: Option<&'a str>,
    /// The quote.
    pub quote: &'a str,
    /// The quote's place among the claim's quotes from this document.
    pub nth: usize,
    /// The claim.
    pub id: &'a str,
    /// The sentence, made falsifiable.
    pub says: &'a str,
    /// What the run must find: `confirmed`, `refined`, `refuted` or `undecidable`; or `erratum`.
    pub verdict: String,
    /// What is true instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<&'a str>,
    /// The case that decides it; an erratum has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<&'a str>,
    /// The file that it stands in.
    pub file: &'a str,
    /// The line of the quote in it.
    pub line: usize,
    /// What runs have found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Seen>,
}

/// Every quote, document by document, from beginning to end.
pub fn rows<'a>(catalogue: &Catalogue<'a>) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for source in [Source::A, Source::B] {
        let mut here = Vec::new();
        for entry in &catalogue.entries {
            let claim = entry.claim;
            let quotes = claim.quotes.iter().enumerate().filter(|(_, quote)| quote.source == source);
            for (nth, (index, quote)) in quotes.enumerate() {
                let at = order::of(source).at(&claim.id, nth);
                let path = ["claims", &entry.index.to_string(), "quotes", &index.to_string(), "text"];
                let row = Row {
                    source,
                    section: at.and_then(|at| order::of(source).heading(at)).or(quote.section.as_deref()),
                    given_section: quote.section.as_deref(),
                    quote: &quote.text,
                    nth,
                    id: &claim.id,
                    says: &claim.says,
                    verdict: claim.verdict.to_string(),
                    truth: claim.truth.as_deref(),
                    case: Some(&entry.case.id),
                    file: entry.case.file(),
                    line: entry.case.place(path).line,
                    seen: seen(&catalogue.parts, entry.case, Some(claim)),
                };
                here.push(((at.is_none(), at, row.id), row));
            }
        }
        for slip in &catalogue.slips {
            let quotes = slip.quotes().into_iter().enumerate().filter(|(_, (quote, ..))| quote.source == source);
            for (nth, (index, (quote, at, section))) in quotes.enumerate() {
                let path = ["errata", &slip.index.to_string(), "quotes", &index.to_string(), "text"];
                let row = Row {
                    source,
                    section,
                    given_section: quote.section.as_deref(),
                    quote: &quote.text,
                    nth,
                    id: &slip.erratum.id,
                    says: &slip.erratum.says,
                    verdict: "erratum".to_owned(),
                    truth: Some(&slip.erratum.truth),
                    case: None,
                    file: slip.file.file(),
                    line: slip.file.place(path).line,
                    seen: Vec::new(),
                };
                here.push(((at.is_none(), at, row.id), row));
            }
        }
        here.sort_by_key(|(place, _)| *place);
        rows.extend(here.into_iter().map(|(_, row)| row));
    }
    rows
}
