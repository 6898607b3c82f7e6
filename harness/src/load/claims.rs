//! What a case says: its title, its claims, what must fail in its control, and where it is known to differ.
use std::collections::BTreeSet;

use wakeproof_abi::SLOTS;

use super::Diagnostic;
use super::tree::{Node, Place};
use crate::case::{Case, Claim, ClaimVerdict, Measure};

/// Checks what is the same in both halves and at every point.
pub(super) fn check(case: &Case, tree: &Node, found: &mut Vec<Diagnostic>) {
    let mut check = Check { tree, found };
    check.title(&["title"], &case.title);
    check.title(&["control", "title"], &case.control.title);
    if case.steps.is_empty() {
        check.wrong(&["steps"], "the case does nothing", "expected steps");
    }
    if case.claims.is_empty() && case.expect.is_empty() {
        check.wrong(&["title"], "the case decides nothing", "expected `claims` or `expect`");
    }
    for (index, claim) in case.claims.iter().enumerate() {
        check.claim(&index.to_string(), claim);
        if case.claims[..index].iter().any(|other| other.id == claim.id) {
            check.wrong(
                &["claims", &index.to_string(), "id"],
                format!("claim `{}` is decided twice", claim.id),
                "choose another id",
            );
        }
        if case.expect.contains_key(&claim.id) {
            check.wrong(&["expect", &claim.id], format!("`{}` is also a claim", claim.id), "choose another name");
        }
    }
    check.counters(case);
    check.control(case);
    check.differs(case);
}

struct Check<'a> {
    tree: &'a Node,
    found: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn place(&self, path: &[&str]) -> Place {
        self.tree.at(path.iter().copied()).place
    }

    fn wrong(&mut self, path: &[&str], message: impl Into<String>, label: impl Into<String>) {
        self.found.push(Diagnostic::new(self.place(path), message).label(label));
    }

    fn unknown(&mut self, path: &[&str], what: &str, name: &str, known: &[&str]) {
        self.found.push(
            Diagnostic::new(self.place(path), format!("unknown {what} `{name}`")).nearest(name, known.iter().copied()),
        );
    }

    fn title(&mut self, path: &[&str], title: &str) {
        if title.trim().is_empty() || title.contains('\n') || title.split_whitespace().count() < 2 {
            self.wrong(path, "a title is a sentence", "expected the finding, on one line");
        } else if title.ends_with('.') {
            self.wrong(path, "a title has no full stop", "expected the sentence without it");
        }
    }

    fn claim(&mut self, index: &str, claim: &Claim) {
        let at = |key| ["claims", index, key];
        if !is_id(&claim.id) {
            self.wrong(
                &at("id"),
                format!("`{}` is no id for a claim", claim.id),
                "expected words joined by dots, such as `epoll.et.wakes-once`",
            );
        }
        if claim.quotes.is_empty() {
            self.wrong(&at("quotes"), "the claim has no quote", "expected where the documents say it");
        }
        for (place, quote) in claim.quotes.iter().enumerate() {
            if quote.text.trim().is_empty() {
                self.wrong(
                    &["claims", index, "quotes", &place.to_string(), "text"],
                    "the quote is empty",
                    "expected the document's words",
                );
            }
        }
        let lacks = |given: &Option<String>| given.as_ref().is_none_or(|given| given.trim().is_empty());
        let verdict = claim.verdict;
        if verdict == ClaimVerdict::Undecidable {
            if lacks(&claim.limits) {
                self.wrong(&at("verdict"), "an undecidable claim lacks `limits`", "expected why no run can decide it");
            }
            return;
        }
        if lacks(&claim.literal) {
            self.wrong(
                &at("verdict"),
                format!("a {verdict} claim lacks `literal`"),
                "expected what the sentence says, as a predicate",
            );
        }
        if matches!(verdict, ClaimVerdict::Refined | ClaimVerdict::Refuted) {
            if lacks(&claim.repaired) {
                self.wrong(
                    &at("verdict"),
                    format!("a {verdict} claim lacks `repaired`"),
                    "expected what is true instead, as a predicate",
                );
            }
            if lacks(&claim.truth) {
                self.wrong(
                    &at("verdict"),
                    format!("a {verdict} claim lacks `truth`"),
                    "expected what is true instead, as a sentence",
                );
            }
        }
    }

    /// The program counts only so many functions at once.
    fn counters(&mut self, case: &Case) {
        let counted: BTreeSet<String> = case
            .measure
            .values()
            .filter_map(|measure| match measure {
                Measure::Calls(calls) => serde_json::to_string(&calls.of).ok(),
                _ => None,
            })
            .collect();
        if counted.len() > SLOTS {
            self.wrong(
                &["measure"],
                format!("{} functions are counted", counted.len()),
                format!("at most {SLOTS} at once"),
            );
        }
    }

    fn control(&mut self, case: &Case) {
        let control = &case.control;
        if control.with.is_empty() && control.server.is_none() && control.steps.is_none() {
            self.wrong(
                &["control", "title"],
                "the control is the case itself",
                "expected other `with`, `server` or `steps`",
            );
        }
        if control.must_fail.is_empty() {
            self.wrong(
                &["control", "must_fail"],
                "nothing must fail in the control",
                "expected the expectations and claims that it decides otherwise",
            );
        }
        let claims = case.claims.iter().filter(|claim| claim.verdict != ClaimVerdict::Undecidable);
        let known: Vec<&str> =
            case.expect.keys().map(String::as_str).chain(claims.map(|claim| claim.id.as_str())).collect();
        for (index, name) in control.must_fail.iter().enumerate() {
            let place = index.to_string();
            let path = ["control", "must_fail", place.as_str()];
            if !known.contains(&name.as_str()) {
                self.unknown(&path, "expectation or claim", name, &known);
            } else if control.must_fail[..index].contains(name) {
                self.wrong(&path, format!("`{name}` is named twice"), "");
            }
        }
    }

    fn differs(&mut self, case: &Case) {
        let expectations: Vec<&str> = case.expect.keys().map(String::as_str).collect();
        let claims: Vec<&str> = case.claims.iter().map(|claim| claim.id.as_str()).collect();
        for (index, difference) in case.differs.iter().enumerate() {
            let place = index.to_string();
            if difference.fails.is_empty() && difference.verdicts.is_empty() {
                self.wrong(&["differs", &place], "nothing differs", "expected `fails` or `verdicts`");
            }
            if difference.because.trim().is_empty() {
                self.wrong(
                    &["differs", &place, "because"],
                    "the reason is empty",
                    "expected the commit or file that explains it",
                );
            }
            for (position, name) in difference.fails.iter().enumerate() {
                if !expectations.contains(&name.as_str()) {
                    self.unknown(
                        &["differs", &place, "fails", &position.to_string()],
                        "expectation",
                        name,
                        &expectations,
                    );
                }
            }
            for (id, verdict) in &difference.verdicts {
                let path = ["differs", place.as_str(), "verdicts", id.as_str()];
                match case.claims.iter().find(|claim| claim.id == *id) {
                    None => self.unknown(&path, "claim", id, &claims),
                    Some(claim) if claim.verdict == *verdict => {
                        self.wrong(&path, format!("`{id}` is {verdict} anyway"), "expected another verdict");
                    }
                    Some(_) => {}
                }
            }
        }
    }
}

/// Words joined by dots, at least two.
pub(super) fn is_id(id: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    id.contains('.') && id.starts_with(|c: char| c.is_ascii_lowercase()) && id.split('.').all(word)
}
