//! What machines read. All are renderings of the same value, [`Results`]: one reporter, one file.
mod csv;
mod github;
mod junit;
mod ktap;
mod summary;
#[cfg(test)]
mod tests;
mod trace;

use clap::ValueEnum;

use super::{Results, html, json};

pub use csv::csv;
pub use trace::trace;

/// A shape in which results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reporter {
    /// Everything, for programs: see `wakeproof schema results`.
    Results,
    /// The page, which needs nothing else.
    Html,
    /// `JUnit` XML, for CI systems.
    Junit,
    /// KTAP, as the kernel's own tests write it.
    Ktap,
    /// Annotations of GitHub, which point at the lines of case files.
    Github,
    /// Markdown, for the summary of a CI step.
    Summary,
    /// What the pictures show, for Perfetto (`ui.perfetto.dev`) or `chrome://tracing`.
    Trace,
    /// What the pictures show, as a table of events.
    Csv,
}

impl Reporter {
    /// Every one, in the order in which they are written.
    pub const ALL: [Self; 8] =
        [Self::Results, Self::Html, Self::Junit, Self::Ktap, Self::Github, Self::Summary, Self::Trace, Self::Csv];

    /// What its file is called.
    pub fn file(self) -> &'static str {
        match self {
            Self::Results => "results.json",
            Self::Html => "report.html",
            Self::Junit => "junit.xml",
            Self::Ktap => "results.ktap",
            Self::Github => "annotations.txt",
            Self::Summary => "summary.md",
            Self::Trace => "trace.json",
            Self::Csv => "events.csv",
        }
    }

    /// The results in this shape.
    pub fn write(self, results: &Results) -> anyhow::Result<String> {
        Ok(match self {
            Self::Results => json::json(results)?,
            Self::Html => html::of_one(results),
            Self::Junit => junit::junit(results)?,
            Self::Ktap => ktap::ktap(results),
            Self::Github => github::annotations(results),
            Self::Summary => summary::summary(results),
            Self::Trace => trace(pictures(results))?,
            Self::Csv => csv(pictures(results)),
        })
    }
}

/// The pictures of all cases, with the cases' ids.
fn pictures(results: &Results) -> impl Iterator<Item = (&str, &super::picture::Picture)> {
    results
        .exhibits
        .iter()
        .flat_map(|(case, exhibit)| exhibit.pictures.iter().map(move |picture| (case.as_str(), picture)))
}

/// What was not as it must be, in sentences: the reason, then what was expected and what was seen.
fn complaint(verdict: &crate::verdict::Verdict) -> Vec<String> {
    use super::screen::bare;
    let seen = |evidence: &[crate::verdict::Evidence]| {
        evidence.iter().map(|one| format!("{} = {}", one.measure, bare(&one.value))).collect::<Vec<_>>().join(", ")
    };
    let mut lines: Vec<String> = verdict.reason.iter().cloned().collect();
    for finding in verdict.expectations.iter().filter(|finding| finding.held == Some(false)) {
        lines.push(format!("{}: expected {}, seen {}", finding.name, finding.predicate, seen(&finding.evidence)));
    }
    for claim in verdict.claims.iter().filter(|claim| claim.found.is_some_and(|found| found != claim.expected)) {
        let found = claim.found.map_or_else(String::new, |found| found.to_string());
        lines.push(format!("{}: expected {}, found {found}, seen {}", claim.id, claim.expected, seen(&claim.evidence)));
    }
    if verdict.control.discriminates == Some(false) {
        lines.push(format!("the control did not fail: {}", verdict.control.title));
    }
    lines
}
