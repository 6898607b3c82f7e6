//! What becomes of a case: the worst of everything that came up.
use super::Gap;
use crate::verdict::Outcome;

/// Everything that keeps a case from passing.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<(Outcome, String)>,
}

impl Problems {
    pub(super) fn broken(&mut self, why: String) {
        self.found.push((Outcome::Broken, why));
    }

    pub(super) fn timeout(&mut self, why: String) {
        self.found.push((Outcome::Timeout, why));
    }

    pub(super) fn fail(&mut self, why: String) {
        self.found.push((Outcome::Fail, why));
    }

    pub(super) fn xfail(&mut self, why: String) {
        self.found.push((Outcome::Xfail, why));
    }

    pub(super) fn xpass(&mut self, why: String) {
        self.found.push((Outcome::Xpass, why));
    }

    /// An expectation cannot be said, as [`Problems::gap`]; where a capability is missing, the case can pass without it.
    pub(super) fn gap_beside(&mut self, about: &str, gap: &Gap) {
        match gap {
            Gap::Missing(why) => self.found.push((Outcome::Pass, format!("in part: {about}: {why}"))),
            gap => self.gap(about, gap),
        }
    }

    /// Something cannot be said: whether that is a failure depends on why.
    pub(super) fn gap(&mut self, about: &str, gap: &Gap) {
        let outcome = match gap {
            Gap::Missing(_) => Outcome::Skip,
            Gap::Lost(_) => Outcome::Inconclusive,
            Gap::Wrong(_) => Outcome::Fail,
        };
        self.found.push((outcome, format!("{about}: {}", gap.why())));
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// The last one.
    pub(super) fn last(&self) -> &str {
        self.found.last().map_or("", |(_, why)| why)
    }

    /// The worst outcome, and the first sentence that led to it; for a pass, what of it could not be said here.
    pub(super) fn outcome(&self) -> (Outcome, Option<String>) {
        let Some(worst) = self.found.iter().map(|(outcome, _)| *outcome).max_by_key(|outcome| outcome.rank()) else {
            return (Outcome::Pass, None);
        };
        let mut all = self.found.iter().filter(|(outcome, _)| *outcome == worst).map(|(_, why)| why.as_str());
        let first = all.next().unwrap_or_default().to_owned();
        let reason = match all.filter(|why| *why != first).count() {
            0 => first,
            more => format!("{first} (and {more} more)"),
        };
        (worst, Some(reason))
    }
}
