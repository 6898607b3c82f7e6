//! The errata of the documents, as the catalogue shows them: beside the claims, without a run.
use std::fmt::Write as _;

use super::{order, title};
use crate::case::{Erratum, Quote, Source};
use crate::load::Errata;
use crate::render::paint::{BOLD, DIM, NAME, paint};
use crate::render::screen::Look;
use crate::render::text::hang;

/// An erratum and its place in the file.
#[derive(Clone, Copy, Debug)]
pub struct Slip<'a> {
    /// The erratum.
    pub erratum: &'a Erratum,
    pub(super) index: usize,
    pub(super) file: &'a Errata,
}

/// All of a file, in its order.
pub(super) fn slips(file: &Errata) -> Vec<Slip<'_>> {
    file.list.iter().enumerate().map(|(index, erratum)| Slip { erratum, index, file }).collect()
}

impl<'a> Slip<'a> {
    /// Each quote with its place in its document and the heading that it stands under.
    pub(super) fn quotes(&self) -> Vec<(&'a Quote, Option<u32>, Option<&'a str>)> {
        let mut nth = [0; 2];
        let place = |quote: &'a Quote| {
            let count = &mut nth[usize::from(quote.source == Source::B)];
            let at = order::of(quote.source).at(&self.erratum.id, *count);
            *count += 1;
            (quote, at, at.and_then(|at| order::of(quote.source).heading(at)).or(quote.section.as_deref()))
        };
        self.erratum.quotes.iter().map(place).collect()
    }
}

/// The errata for a terminal.
pub fn text(slips: &[Slip<'_>], look: Look) -> String {
    let mut out = String::new();
    for slip in slips {
        let erratum = slip.erratum;
        _ = writeln!(out, "    * erratum  {}", paint(NAME, &erratum.id));
        for (quote, _, section) in slip.quotes() {
            out += &hang("        ", &look.signs().quotes(&quote.text), look.columns());
            let section =
                section.map_or_else(String::new, |section| format!(", under {}", look.signs().quotes(section)));
            out += &hang("            ", &format!("{}{section}", title(quote.source)), look.columns());
        }
        let mut row = |name: &str, text: &str| {
            out += &hang(&format!("        {}  ", paint(DIM, format!("{name:<5}"))), text, look.columns());
        };
        row("says", &erratum.says);
        row("truth", &erratum.truth);
    }
    out
}

/// The errata under a heading, as the list of claims ends with them.
pub(super) fn listed(slips: &[Slip<'_>], look: Look) -> String {
    if slips.is_empty() {
        return String::new();
    }
    format!("\n{}\n\n{}", paint(BOLD, "Errata: slips of the texts, shown without a run"), text(slips, look))
}

/// The errata as a table in Markdown.
pub fn markdown(slips: &[Slip<'_>]) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let mut out = "| erratum | the document says | what it should say |\n|---|---|---|\n".to_owned();
    for slip in slips {
        let quotes: Vec<_> =
            slip.erratum.quotes.iter().map(|quote| format!("{:?}: “{}”", quote.source, cell(&quote.text))).collect();
        _ = writeln!(out, "| `{}` | {} | {} |", slip.erratum.id, quotes.join(" and "), cell(&slip.erratum.truth));
    }
    out
}
