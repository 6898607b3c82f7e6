//! `cargo xtask mutants`: every deliberate defect of the servers, put into the suite, which must notice.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{
    guest,
    process::{GREEN, RED, paint, say},
    progress::Activity,
    trial::{Results, Trial, Verdict},
};

/// Cases that try every model at every size tell no more of a mistake than the others do, and take longer than all of them.
const LEFT_OUT: [&str; 2] = ["--skip", "c10k/"];

/// Which defects, and on which kernel.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The kernel: auto, host, guest, a series of ci/kernels.toml such as 5.10, or the path of an image
    #[arg(long, value_name = "KERNEL", default_value = "auto")]
    kernel: String,
    #[command(flatten)]
    guest: guest::Options,
    /// Only defects whose `model:defect` contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

/// A deliberate mistake, as `wakeproof test --defect list --format json` tells it.
#[derive(Debug, Deserialize)]
struct Mutant {
    model: String,
    defect: String,
    mistake: String,
}

/// What became of one.
enum Fate {
    /// The suite noticed: in this case, and in so many more.
    Caught(Verdict, usize),
    /// It did not: why, as far as it is known.
    Missed(String),
}

/// Runs the suite once as it is, then once for each defect, and fails if one goes unnoticed.
pub fn main(args: &Args) -> Result<ExitCode> {
    let trial = Trial::prepare(&args.kernel, &args.guest)?;
    let defects = defects(&trial, &args.filters)?;
    let folder = trial.scratch()?;
    // A server that hangs is waited for in every case: a shorter deadline than usual, where machines are quick.
    let deadline = if trial.in_guest() { "10" } else { "3" };
    let activity = Activity::begin_long(format!("the suite without defects on {}", trial.place()), "once");
    let sound = sound(&trial.run(&LEFT_OUT, &folder.path().join("sound"))?, &activity);
    activity.done();
    let mut missed = 0;
    for (number, defect) in defects.iter().enumerate() {
        let activity = Activity::begin(format!("{}/{} {}", number + 1, defects.len(), defect.name()));
        activity.detail(&defect.mistake);
        let fate = fate(&trial, defect, deadline, folder.path(), &sound);
        missed += usize::from(matches!(fate, Fate::Missed(_)));
        let text = row(defect, &fate);
        drop(activity);
        anstream::print!("{text}");
    }
    say!("\n{} caught, {missed} not caught, on {}", defects.len() - missed, trial.place());
    Ok(ExitCode::from(u8::from(missed > 0)))
}

fn defects(trial: &Trial, filters: &[String]) -> Result<Vec<Mutant>> {
    let text = trial.ask(&["test", "--defect", "list", "--format", "json"])?;
    let all: Vec<Mutant> =
        serde_json::from_str(&text).context("`wakeproof test --defect list` said something else than expected")?;
    let names: Vec<String> = all.iter().map(Mutant::name).collect();
    let wanted = |defect: &Mutant| filters.is_empty() || filters.iter().any(|filter| defect.name().contains(filter));
    let defects: Vec<Mutant> = all.into_iter().filter(wanted).collect();
    if defects.is_empty() {
        bail!("no defect matches `{}`; there are {}", filters.join("`, `"), names.join(", "));
    }
    Ok(defects)
}

impl Mutant {
    fn name(&self) -> String {
        format!("{}:{}", self.model, self.defect)
    }
}

/// The cases that pass as they are. The others prove nothing, whatever they say of a defect.
fn sound(results: &Results, activity: &Activity) -> BTreeSet<String> {
    for verdict in results.verdicts.iter().filter(|verdict| !matches!(verdict.outcome.as_str(), "pass" | "skip")) {
        let reason = verdict.reason.as_deref().unwrap_or("without a reason");
        activity.show(&format!(
            "left out, as it does not pass without a defect: {} {}: {reason}",
            verdict.outcome, verdict.case
        ));
    }
    let passed = results.verdicts.iter().filter(|verdict| verdict.outcome == "pass");
    passed.map(|verdict| verdict.case.clone()).collect()
}

fn fate(trial: &Trial, defect: &Mutant, deadline: &str, folder: &Path, sound: &BTreeSet<String>) -> Fate {
    let name = defect.name();
    let arguments = ["--defect", &name, "--step-deadline", deadline];
    match trial.run(&[&arguments[..], &LEFT_OUT].concat(), &folder.join(&defect.defect)) {
        Ok(results) => judge(&results, sound),
        Err(error) => Fate::Missed(format!("{error:#}")),
    }
}

/// What the verdicts under a defect say. A failed expectation says most; next to it comes a server that hangs.
fn judge(results: &Results, sound: &BTreeSet<String>) -> Fate {
    let caught = |outcome: &'static str| {
        results.verdicts.iter().filter(move |verdict| verdict.outcome == outcome && sound.contains(&verdict.case))
    };
    let mut all = caught("fail").chain(caught("timeout"));
    if let Some(first) = all.next() {
        return Fate::Caught(first.clone(), all.count());
    }
    let mut why = String::from("every case came out as without it");
    for verdict in &results.verdicts {
        let _ = write!(why, "\n  {} {}", verdict.outcome, verdict.case);
        if let Some(reason) = &verdict.reason {
            let _ = write!(why, ": {reason}");
        }
    }
    Fate::Missed(why)
}

/// Two lines or more: how it went, and what shows it.
fn row(defect: &Mutant, fate: &Fate) -> String {
    match fate {
        Fate::Caught(verdict, more) => {
            let more = if *more > 0 { format!(" (and {more} more)") } else { String::new() };
            let reason = verdict.reason.as_deref().unwrap_or_default();
            let word = paint(&format!("{:<10}", "caught"), GREEN);
            format!("{word}  {:<32}  {}{more}\n{:12}{}: {reason}\n", defect.name(), verdict.case, "", verdict.outcome)
        }
        Fate::Missed(why) => {
            let why = why.replace('\n', "\n            ");
            format!("{}  {:<32}  {}\n{:12}{why}\n", paint("NOT CAUGHT", RED), defect.name(), defect.mistake, "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(verdicts: &[(&str, &str)]) -> Results {
        let verdict = |(case, outcome): &(&str, &str)| Verdict {
            case: (*case).to_owned(),
            outcome: (*outcome).to_owned(),
            reason: Some("a reason".to_owned()),
        };
        Results { verdicts: verdicts.iter().map(verdict).collect(), exhibits: std::collections::BTreeMap::new() }
    }

    #[test]
    fn a_failed_expectation_says_more_than_a_server_that_hangs() {
        let sound = BTreeSet::from(["a/hang".to_owned(), "b/fail".to_owned()]);
        let fate = judge(&results(&[("a/hang", "timeout"), ("b/fail", "fail")]), &sound);
        assert!(matches!(fate, Fate::Caught(verdict, 1) if verdict.case == "b/fail"));
    }

    #[test]
    fn what_fails_without_the_defect_catches_nothing() {
        let fate =
            judge(&results(&[("a/always", "fail"), ("b/pass", "pass"), ("c/broken", "broken")]), &BTreeSet::new());
        assert!(matches!(fate, Fate::Missed(why) if why.contains("fail a/always: a reason")));
    }
}
