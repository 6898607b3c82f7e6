//! `errata.yaml`: the slips of the documents' texts, beside the cases.
use std::sync::Arc;

use super::claims::is_id;
use super::tree::{self, Node, Place};
use super::{Diagnostic, Diagnostics, typed};
use crate::case::{self, Erratum};

/// The errata of a suite, and where they stand; without a file there are none.
#[derive(Clone, Debug, Default)]
pub struct Errata {
    /// The errata, as the file has them.
    pub list: Vec<Erratum>,
    file: String,
    root: Option<Arc<Node>>,
}

impl Errata {
    /// What the file is called, without the extension.
    pub(super) const NAME: &str = "errata";

    /// Reads the file.
    pub(super) fn load(file: &str, text: &str) -> Result<Self, Diagnostics> {
        let fail = |found| Err(Diagnostics::new(file, text, found));
        let (root, mut found) = match tree::parse(text) {
            Ok(read) => read,
            Err(wrong) => return fail(vec![wrong]),
        };
        let list = match typed::read::<case::Errata>(&root) {
            Ok(read) => read.errata,
            Err(wrong) => return fail(vec![wrong]),
        };
        for (index, erratum) in list.iter().enumerate() {
            check(&root, index, erratum, &mut found);
            if list[..index].iter().any(|other| other.id == erratum.id) {
                let place = root.at(["errata", &index.to_string(), "id"]).place;
                found.push(Diagnostic::new(place, format!("erratum `{}` stands here twice", erratum.id)));
            }
        }
        if !found.is_empty() {
            return fail(found);
        }
        Ok(Self { list, file: file.to_owned(), root: Some(Arc::new(root)) })
    }

    /// The path under which the file is shown.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where something of the file stands: `["errata", "0", "id"]`.
    pub fn place<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Place {
        self.root.as_ref().map_or_else(Place::default, |root| root.at(path).place)
    }
}

fn check(root: &Node, index: usize, erratum: &Erratum, found: &mut Vec<Diagnostic>) {
    let index = index.to_string();
    let mut wrong = |key: &str, message: &str, label: &str| {
        found.push(Diagnostic::new(root.at(["errata", &index, key]).place, message).label(label));
    };
    if !is_id(&erratum.id) {
        let label = "expected words joined by dots, such as `doc.color-order-tree`";
        wrong("id", &format!("`{}` is no id for an erratum", erratum.id), label);
    }
    if erratum.quotes.iter().all(|quote| quote.text.trim().is_empty()) {
        wrong("quotes", "the erratum has no quote", "expected where the document says it");
    }
    if erratum.says.trim().is_empty() {
        wrong("says", "the erratum says nothing", "expected what the text says, taken at its word");
    }
    if erratum.truth.trim().is_empty() {
        wrong("truth", "the erratum is not mended", "expected what the text should say");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "errata:\n  - id: doc.tree\n    quotes: [{source: A, text: 黑红树}]\n    says: a\n    truth: b\n";

    #[test]
    fn an_erratum_knows_its_line() -> Result<(), Diagnostics> {
        let errata = Errata::load("errata.yaml", GOOD)?;
        assert_eq!(errata.list[0].id, "doc.tree");
        assert_eq!(errata.place(["errata", "0", "quotes", "0", "text"]).line, 3);
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_stands() {
        for (from, to, line, message) in [
            ("doc.tree", "tree", "2:9", "`tree` is no id"),
            ("truth: b", "truth: ''", "5:12", "not mended"),
            ("says: a", "says: ''", "4:11", "says nothing"),
            ("[{source: A, text: 黑红树}]", "[]", "3:13", "no quote"),
            ("says", "sais", "4:11", "unknown field `sais`"),
        ] {
            let wrong = Errata::load("errata.yaml", &GOOD.replace(from, to)).map(|_| ());
            let text = wrong.map_or_else(|wrong| wrong.to_string(), |()| "nothing".to_owned());
            assert!(text.contains(message) && text.contains(&format!("errata.yaml:{line}")), "{to}: {text}");
        }
        let twice = format!("{GOOD}{}", GOOD.trim_start_matches("errata:\n"));
        assert!(Errata::load("e", &twice).is_err_and(|wrong| wrong.to_string().contains("stands here twice")));
    }
}
