//! `docs/claims/`: the catalogue as files. An index, a page for each document, and a page for each subject of the suite.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Catalogue, Passage, errata, known, listing, markdown, title};
use crate::case::{ClaimVerdict, Source};
use crate::load::{LoadedCase, Suite};

/// A file of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub text: String,
}

const MADE: &str = "<!-- Made by `wakeproof catalogue` from the case files. To change it, change those. -->\n\n";

/// Every file, from the suite alone: what runs have found is not in it, so that it changes only when a case does.
pub fn leaves(suite: &Suite) -> Vec<Leaf> {
    let catalogue = Catalogue::new(suite, Vec::new());
    let mut leaves = vec![Leaf { name: "README.md".to_owned(), text: index(&catalogue, suite) }];
    for source in [Source::A, Source::B] {
        let list = listing::markdown(&catalogue, source, link);
        let text = format!(
            "{MADE}# {}\n\nThe quotes stand in the order of the document. Refuted ones are bold.\n\n{list}",
            title(source)
        );
        leaves.push(Leaf { name: file(source).to_owned(), text: trimmed(&text) });
    }
    for (subject, cases) in subjects(suite) {
        let mut text = format!("{MADE}# {subject}\n\n");
        for case in cases {
            let page = catalogue.case_page(case);
            _ = write!(text, "<a id=\"{}\"></a>\n\n{}", leaf(case), markdown::markdown(&page, 2));
        }
        leaves.push(Leaf { name: format!("{subject}.md"), text: trimmed(&text) });
    }
    leaves
}

fn trimmed(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

fn file(source: Source) -> &'static str {
    match source {
        Source::A => "document-a.md",
        Source::B => "document-b.md",
    }
}

fn subjects(suite: &Suite) -> BTreeMap<&str, Vec<&LoadedCase>> {
    let mut subjects: BTreeMap<&str, Vec<&LoadedCase>> = BTreeMap::new();
    for case in &suite.cases {
        subjects.entry(subject(case)).or_default().push(case);
    }
    subjects
}

fn subject(case: &LoadedCase) -> &str {
    case.id.split_once('/').map_or("other", |(subject, _)| subject)
}

/// The case's anchor on the page of its subject.
fn leaf(case: &LoadedCase) -> &str {
    case.id.rsplit('/').next().unwrap_or(&case.id)
}

fn link(passage: &Passage<'_>) -> String {
    let case = passage.entry.case;
    format!("[`{}`]({}.md#{})", passage.entry.claim.id, subject(case), leaf(case))
}

fn index(catalogue: &Catalogue<'_>, suite: &Suite) -> String {
    let mut out = format!(
        "{MADE}# The claims\n\nWhat two documents say about sockets, `select`, `poll` and `epoll`, sentence by sentence, and how each is decided.\n"
    );
    _ = write!(
        out,
        "A verdict here is the expected one; `wakeproof claims --results results.json` shows what a run has found.\n\n"
    );
    for source in [Source::A, Source::B] {
        let number = catalogue.passages(source).len();
        _ = writeln!(out, "- [{}]({}): {number} claims", title(source), file(source));
    }
    let missing = catalogue.missing().count();
    _ = write!(
        out,
        "\n{} of {} claims have a case or are errata.\n\n| verdict | claims | meaning |\n|---|---|---|\n",
        known().len() - missing,
        known().len()
    );
    for (verdict, meaning) in [
        (ClaimVerdict::Confirmed, "the sentence as it stands holds"),
        (ClaimVerdict::Refined, "true with a correction"),
        (ClaimVerdict::Refuted, "a counter-example is shown, and what is true instead holds"),
        (ClaimVerdict::Undecidable, "no run can decide it"),
    ] {
        let number = catalogue.entries.iter().filter(|entry| entry.claim.verdict == verdict).count();
        _ = writeln!(out, "| {verdict} | {number} | {meaning} |");
    }
    _ = writeln!(out, "| erratum | {} | a slip of the text, shown without a run |", catalogue.slips.len());
    _ = write!(out, "\n## Refuted\n\n| claim | the document says | what is true |\n|---|---|---|\n");
    for source in [Source::A, Source::B] {
        let refuted = |passage: &Passage<'_>| passage.entry.claim.verdict == ClaimVerdict::Refuted;
        for passage in catalogue.passages(source).iter().filter(|passage| refuted(passage)) {
            let claim = passage.entry.claim;
            let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
            let quotes: Vec<_> = passage.quotes.iter().map(|quote| format!("“{}”", cell(&quote.text))).collect();
            let truth = cell(claim.truth.as_deref().unwrap_or_default());
            _ = writeln!(out, "| {} | {source:?}: {} | {truth} |", link(passage), quotes.join(" and "));
        }
    }
    _ = write!(out, "\n## Errata\n\nSlips of the texts, which need no run.\n\n{}", errata::markdown(&catalogue.slips));
    _ = write!(out, "\n## The experiments\n\n| subject | cases | claims |\n|---|---|---|\n");
    for (subject, cases) in subjects(suite) {
        let claims: usize = cases.iter().map(|case| case.case().claims.len()).sum();
        _ = writeln!(out, "| [{subject}]({subject}.md) | {} | {claims} |", cases.len());
    }
    out
}
