//! Annotations of GitHub: one for each case that is not good, at the line of the case file that did not hold.
use std::fmt::Write as _;

use super::super::{Exhibit, Results};
use super::complaint;
use crate::verdict::{Outcome, Verdict};

pub(super) fn annotations(results: &Results) -> String {
    let empty = Exhibit::default();
    let mut out = String::new();
    for verdict in results.verdicts.iter().filter(|verdict| !verdict.outcome.is_good()) {
        let exhibit = results.exhibits.get(&verdict.case).unwrap_or(&empty);
        let level = if verdict.outcome == Outcome::Inconclusive { "warning" } else { "error" };
        let file = if exhibit.file.is_empty() { format!("cases/{}.yaml", verdict.case) } else { exhibit.file.clone() };
        let line = wrong(verdict).iter().find_map(|name| exhibit.lines.get(*name)).copied().unwrap_or(1);
        let message = complaint(verdict).join("\n");
        let title = format!("{}: {} on Linux {}", verdict.outcome, verdict.title, results.kernel.release);
        _ = writeln!(
            out,
            "::{level} file={},line={line},title={}::{}",
            property(&file),
            property(&title),
            escaped(&message)
        );
    }
    out
}

/// The names of what did not come out, as the case file has them.
fn wrong(verdict: &Verdict) -> Vec<&str> {
    let expectations = verdict.expectations.iter().filter(|finding| finding.held == Some(false));
    let claims = verdict.claims.iter().filter(|claim| claim.found != Some(claim.expected));
    let names = expectations.map(|finding| finding.name.as_str());
    let control = (verdict.control.discriminates == Some(false)).then_some("control");
    names.chain(claims.map(|claim| claim.id.as_str())).chain(control).collect()
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}
