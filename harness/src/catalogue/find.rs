//! Finding claims: by words, by a sentence of a document, or by name.
use super::fold::{fold, words};
use super::{Catalogue, Entry, Slip};
use crate::case::Quote;
use crate::load::LoadedCase;

/// How many letters two texts must share to be taken for the same sentence.
const SHARED: usize = 8;
/// How many suggestions are made.
const SUGGESTED: usize = 5;

/// What a reader looks for.
#[derive(Clone, Debug)]
pub struct Wanted {
    whole: String,
    words: Vec<String>,
}

/// What a name stands for.
#[derive(Debug)]
pub enum Found<'a> {
    /// One claim.
    Claim(Entry<'a>),
    /// An erratum.
    Erratum(Slip<'a>),
    /// A case, with all its claims.
    Case(&'a LoadedCase),
    /// Nothing, or too much: these are the nearest names.
    Near(Vec<&'a str>),
}

impl Wanted {
    /// Words, all of which must be there, or a sentence as it was typed or pasted.
    pub fn new(text: &[String]) -> Self {
        let text = text.join(" ");
        Self { whole: fold(&text), words: words(&text) }
    }

    /// Whether the claim is meant.
    pub fn matches(&self, entry: &Entry<'_>) -> bool {
        if self.quoted(entry) {
            return true;
        }
        let claim = entry.claim;
        let verdict = claim.verdict.to_string();
        if self.words == [verdict.as_str()] {
            return true;
        }
        let texts = [
            &claim.id,
            &claim.says,
            &entry.case.id,
            &entry.case.case().title,
            claim.truth.as_ref().unwrap_or(&claim.id),
            &verdict,
        ];
        let sections = [crate::case::Source::A, crate::case::Source::B]
            .into_iter()
            .filter_map(|source| entry.passage(source)?.section);
        let texts: Vec<_> = texts.into_iter().map(String::as_str).chain(sections).map(fold).collect();
        self.words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }

    /// Whether the erratum is meant.
    pub fn matches_slip(&self, slip: &Slip<'_>) -> bool {
        let erratum = slip.erratum;
        let texts = [&erratum.id, &erratum.says, &erratum.truth, "erratum"].map(fold);
        self.in_quotes(&erratum.quotes) || self.words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }

    /// Whether it is a sentence of a document that the claim quotes, or a piece of a quote.
    pub fn quoted(&self, entry: &Entry<'_>) -> bool {
        self.in_quotes(&entry.claim.quotes)
    }

    fn in_quotes(&self, quotes: &[Quote]) -> bool {
        quotes.iter().map(|quote| fold(&quote.text)).any(|quote| {
            quote.contains(&self.whole)
                || self.whole.contains(&quote)
                || common(&quote, &self.whole) >= SHARED.max(quote.chars().count() / 2)
        })
    }
}

/// The length of the longest piece that both have, in letters; pieces of Latin letters do not count.
fn common(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let wide = |piece: &[char]| piece.iter().any(|c| !c.is_ascii());
    let shared = |length: usize| {
        one.windows(length).any(|piece| wide(piece) && other.contains(&piece.iter().collect::<String>()))
    };
    (1..=one.len()).take_while(|length| shared(*length)).last().unwrap_or(0)
}

impl<'a> Catalogue<'a> {
    /// What a name stands for: a claim or a case, by its id, the beginning of it, a file's path, or a quoted sentence.
    pub fn find(&self, cases: &'a [LoadedCase], name: &str) -> Found<'a> {
        let name = name.trim().trim_start_matches("./").trim_start_matches("cases/").trim_end_matches(".yaml");
        if let Some(entry) = self.claim(name) {
            return Found::Claim(entry);
        }
        if let Some(slip) = self.slip(name) {
            return Found::Erratum(slip);
        }
        let leaf = |case: &LoadedCase| case.id.rsplit('/').next() == Some(name);
        if let Some(case) = cases.iter().find(|case| case.id == name || leaf(case)) {
            return Found::Case(case);
        }
        let claims: Vec<_> = self.entries.iter().filter(|entry| entry.claim.id.starts_with(name)).collect();
        let of_cases: Vec<_> = cases
            .iter()
            .filter(|case| {
                case.id.starts_with(name) || case.id.rsplit('/').next().is_some_and(|leaf| leaf.starts_with(name))
            })
            .collect();
        match (claims.as_slice(), of_cases.as_slice()) {
            ([one], []) => return Found::Claim(**one),
            ([], [one]) => return Found::Case(one),
            ([], []) => {}
            _ => {
                return Found::Near(
                    claims
                        .iter()
                        .map(|entry| entry.claim.id.as_str())
                        .chain(of_cases.iter().map(|case| case.id.as_str()))
                        .collect(),
                );
            }
        }
        let wanted = Wanted::new(&[name.to_owned()]);
        let quoted: Vec<_> = self.entries.iter().filter(|entry| !name.is_ascii() && wanted.quoted(entry)).collect();
        let found = if quoted.is_empty() {
            self.entries.iter().filter(|entry| wanted.matches(entry)).collect()
        } else {
            quoted
        };
        match found.as_slice() {
            [one] => Found::Claim(**one),
            [] => Found::Near(self.nearest(cases, name)),
            some => Found::Near(some.iter().map(|entry| entry.claim.id.as_str()).collect()),
        }
    }

    /// The names that look most like this one.
    pub fn nearest(&self, cases: &'a [LoadedCase], name: &str) -> Vec<&'a str> {
        let ids = self
            .entries
            .iter()
            .map(|entry| entry.claim.id.as_str())
            .chain(self.slips.iter().map(|slip| slip.erratum.id.as_str()))
            .chain(cases.iter().map(|case| case.id.as_str()));
        let mut scored: Vec<_> = ids.map(|id| (likeness(name, id), id)).filter(|(score, _)| *score > 0.72).collect();
        scored.sort_by(|one, other| other.0.total_cmp(&one.0));
        scored.into_iter().take(SUGGESTED).map(|(_, id)| id).collect()
    }
}

fn likeness(one: &str, other: &str) -> f64 {
    let parts = |text: &str| text.split(['.', '-', '/', '_']).map(str::to_owned).collect::<Vec<_>>();
    let (wanted, has) = (parts(one), parts(other));
    let near = |word: &String| has.iter().map(|other| strsim::jaro_winkler(word, other)).fold(0.0, f64::max);
    let by_words = wanted.iter().map(near).sum::<f64>() / f64::from(u32::try_from(wanted.len()).unwrap_or(1).max(1));
    strsim::jaro_winkler(one, other).midpoint(by_words)
}
