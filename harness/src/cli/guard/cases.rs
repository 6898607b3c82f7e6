//! The cases of the suite to which a user's server is held.
use std::fmt::Write as _;
use std::path::Path;

use anstream::adapter::strip_str;
use anyhow::anyhow;

use super::super::test::{Evidence, Ran, Real, Runner as _};
use super::super::{Exit, bad_input};
use crate::load::{LoadedCase, Suite, unknown};
use crate::observe::guard::{Kept, Outcome};
use crate::plan::Stranger;
use crate::record::{Cancel, Deadlines};
use crate::render::screen::{Look, bare, table};
use crate::render::{Excerpt, text::hang};
use crate::verdict;

/// How many of the server's last events are shown.
const LAST: usize = 8;
/// The table of events is as wide as this.
const LOOK: Look = Look { width: 108, utf8: true, skips: false };

/// The cases that say something of any server.
pub fn all(suite: &Suite) -> Vec<LoadedCase> {
    suite.cases.iter().filter_map(LoadedCase::for_any_server).collect()
}

/// Prints them, each with what it says of any server.
pub fn list(suite: &Suite) -> Exit {
    let mut text = String::new();
    for case in all(suite) {
        let _ = writeln!(text, "{}", case.id);
        for name in case.case().expect.keys() {
            text.push_str(&hang("    ", name, LOOK.width));
        }
    }
    anstream::print!("{text}");
    Exit::Good
}

/// Those that a file promises. One that says nothing of any server, or does not exist, is shown where it stands.
pub fn promised(file: &Path, text: &str, ids: &[String], suite: &Suite) -> anyhow::Result<Vec<LoadedCase>> {
    let all = all(suite);
    let find = |(index, id): (usize, &String)| {
        all.iter().find(|case| case.id == *id).cloned().ok_or_else(|| {
            let message = if suite.get(id).is_some() {
                format!("the case `{id}` says nothing of any server")
            } else {
                format!("there is no case `{id}`")
            };
            let known = all.iter().map(|case| case.id.as_str());
            let path = ["cases", &index.to_string()];
            bad_input(unknown(&file.display().to_string(), text, &path, &message, id, known))
        })
    };
    ids.iter().enumerate().map(find).collect()
}

/// Runs them with a user's server.
pub fn run(cases: &[LoadedCase], stranger: Result<Stranger, String>) -> anyhow::Result<Vec<Kept>> {
    if cases.is_empty() {
        return Ok(Vec::new());
    }
    let stranger = match stranger {
        Ok(stranger) => stranger,
        Err(why) => return Ok(cases.iter().map(|case| unknowable(case, why.clone())).collect()),
    };
    let (real, unobserved) = Real::new(Evidence::Auto, Deadlines::default(), Cancel::default());
    if let Some(why) = unobserved {
        return Err(anyhow!("{why}; {}", why.remedy()));
    }
    let real = real.with_stranger(stranger);
    let kept = |case| real.lacks(case).map_or_else(|| kept(case, &real.run(case)), |why| unknowable(case, why));
    Ok(cases.iter().map(kept).collect())
}

fn promise(case: &LoadedCase, seen: &str, outcome: Outcome, because: Vec<String>) -> Kept {
    Kept { promise: format!("case {}", case.id), expected: "pass".into(), seen: seen.to_owned(), outcome, because }
}

fn unknowable(case: &LoadedCase, why: String) -> Kept {
    promise(case, "skip", Outcome::Inconclusive, vec![why])
}

/// What became of a case. A server that does not come to rest does not do what the case says; a run that could not be
/// made says nothing of it.
fn kept(case: &LoadedCase, ran: &Ran) -> Kept {
    let outcome = match ran.verdict.outcome {
        verdict::Outcome::Pass | verdict::Outcome::Xfail => Outcome::Pass,
        verdict::Outcome::Fail | verdict::Outcome::Xpass | verdict::Outcome::Timeout => Outcome::Fail,
        verdict::Outcome::Broken | verdict::Outcome::Skip | verdict::Outcome::Inconclusive => Outcome::Inconclusive,
    };
    let because = if outcome == Outcome::Pass { Vec::new() } else { because(ran) };
    promise(case, &ran.verdict.outcome.to_string(), outcome, because)
}

/// The state of a kernel object has more members than anybody reads here.
fn short(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Why it did not come out: the reason, what was seen, and what the server did last.
fn because(ran: &Ran) -> Vec<String> {
    let mut lines: Vec<String> = ran.verdict.reason.iter().cloned().collect();
    for finding in ran.verdict.expectations.iter().filter(|finding| finding.held == Some(false)) {
        lines.extend(finding.evidence.iter().map(|seen| format!("{} = {}", seen.measure, short(&bare(&seen.value)))));
    }
    if let Some(run) = ran.recording.as_ref().and_then(|recording| recording.runs.first()) {
        let last = Excerpt::last_of_server(run, LAST);
        if !last.events.is_empty() {
            lines.push("what the server did last:".to_owned());
            let table = table(&last, last.events.keys().copied(), 2, LOOK);
            lines.extend(strip_str(&table).to_string().lines().map(str::to_owned));
        }
        if let Some(said) = last.server {
            lines.push("what the server wrote:".to_owned());
            lines.extend(said.lines().map(|line| format!("  {line}")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, id: &str) -> String {
        let suite = Suite::embedded().unwrap_or_else(|wrong| panic!("{wrong}"));
        match promised(Path::new("mine.yaml"), text, &[id.to_owned()], &suite) {
            Ok(_) => "nothing".to_owned(),
            Err(wrong) => wrong.to_string(),
        }
    }

    #[test]
    fn a_case_that_says_nothing_of_any_server_is_shown_where_it_stands() {
        let id = "epoll/edge-triggered-wakes-once-per-arrival";
        let said = refused(&format!("connection: epoll-et\ncases: [{id}]\n"), id);
        assert!(said.contains("says nothing of any server") && said.contains("mine.yaml:2:9"), "{said}");
        assert!(said.contains("`process/a-fork-server-collects-every-child`"), "{said}");
    }

    #[test]
    fn the_nearest_case_is_offered_for_one_that_does_not_exist() {
        let id = "process/a-fork-server-collects-every-chld";
        let said = refused(&format!("cases:\n  - {id}\n"), id);
        assert!(said.contains("mine.yaml:2:5"), "{said}");
        assert!(said.contains("did you mean `process/a-fork-server-collects-every-child`?"), "{said}");
    }
}
