//! `cargo xtask soak`: the suite again and again, whose outcomes must stay the same.

use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, Result};

use crate::{
    guest,
    process::{GREEN, RED, paint, say},
    progress::{Activity, seconds},
    trial::{Results, Trial},
};

/// How often, and on which kernel.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    runs: u32,
    /// The kernel: auto, host, guest, a series of ci/kernels.toml such as 5.10, or the path of an image
    #[arg(long, value_name = "KERNEL", default_value = "auto")]
    kernel: String,
    /// Keep the recordings of runs that differ in this folder
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
    #[command(flatten)]
    guest: guest::Options,
    /// Filters of `wakeproof test`
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

/// What each run said of a case, in the order of the runs.
type Outcomes = BTreeMap<String, Vec<String>>;

/// Runs the suite so often, and fails if a case had several outcomes or an event was lost.
pub fn main(args: &Args) -> Result<ExitCode> {
    let trial = Trial::prepare(&args.kernel, &args.guest)?;
    let folder = trial.scratch()?;
    let filters: Vec<&str> = args.filters.iter().map(String::as_str).collect();
    let mut outcomes = Outcomes::new();
    let mut lost = 0;
    let activity = Activity::begin_long(format!("{} runs on {}", args.runs, trial.place()), "a line for each");
    for run in 1..=args.runs {
        activity.detail(&format!("run {run}"));
        let started = Instant::now();
        let reports = folder.path().join(format!("run-{run:02}"));
        let results = trial.run(&filters, &reports).with_context(|| format!("run {run}"))?;
        let mut notes = differences(&outcomes, &results);
        for (case, exhibit) in &results.exhibits {
            let events: u64 = exhibit.lost.values().sum();
            lost += events;
            if events > 0 {
                notes.push(format!("{case}: {events} events lost"));
            }
        }
        add(&mut outcomes, &results);
        activity.show(&format!("run {run:>2}  {}  {}", results.tally(), seconds(started.elapsed())));
        for note in &notes {
            activity.show(&format!("        {note}"));
        }
        match &args.report_dir {
            Some(kept) if !notes.is_empty() => keep(&reports, &kept.join(format!("run-{run:02}")))?,
            _ => {}
        }
        // Recordings of many runs would fill the disk, or a memory that plays one.
        fs::remove_dir_all(&reports).with_context(|| format!("failed to remove {}", reports.display()))?;
    }
    activity.done();
    Ok(conclude(&outcomes, args.runs, lost))
}

/// Cases that came out otherwise than in the first run.
fn differences(before: &Outcomes, results: &Results) -> Vec<String> {
    let differs = results.verdicts.iter().filter_map(|verdict| {
        let first = before.get(&verdict.case)?.first()?;
        let reason = verdict.reason.as_deref().unwrap_or("no reason given");
        (*first != verdict.outcome).then(|| format!("{}: {}, not {first}: {reason}", verdict.case, verdict.outcome))
    });
    let missing = before.keys().filter(|case| !results.verdicts.iter().any(|verdict| verdict.case == **case));
    differs.chain(missing.map(|case| format!("{case}: no verdict"))).collect()
}

fn add(outcomes: &mut Outcomes, results: &Results) {
    for verdict in &results.verdicts {
        outcomes.entry(verdict.case.clone()).or_default().push(verdict.outcome.clone());
    }
}

/// Cases that did not always come out the same, with how often they came out how.
fn unsteady(outcomes: &Outcomes, runs: u32) -> Vec<String> {
    let mut lines = Vec::new();
    for (case, seen) in outcomes {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for outcome in seen {
            *counts.entry(outcome).or_default() += 1;
        }
        if counts.len() > 1 || u32::try_from(seen.len()) != Ok(runs) {
            let counts: Vec<String> = counts.iter().map(|(outcome, count)| format!("{count} × {outcome}")).collect();
            lines.push(format!("{case}: {}", counts.join(", ")));
        }
    }
    lines
}

fn conclude(outcomes: &Outcomes, runs: u32, lost: u64) -> ExitCode {
    let unsteady = unsteady(outcomes, runs);
    for line in &unsteady {
        say!("{} {line}", paint("unsteady", RED));
    }
    if unsteady.is_empty() {
        say!("{}: {runs} equal tables of {} outcomes", paint("steady", GREEN), outcomes.len());
    }
    say!("events lost: {lost}");
    ExitCode::from(u8::from(!unsteady.is_empty() || lost > 0))
}

fn keep(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("failed to create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))? {
        let path = entry?.path();
        if let Some(name) = path.file_name() {
            fs::copy(&path, to.join(name)).with_context(|| format!("failed to keep {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Verdict;

    fn results(verdicts: &[(&str, &str)]) -> Results {
        let verdict = |(case, outcome): &(&str, &str)| Verdict {
            case: (*case).to_owned(),
            outcome: (*outcome).to_owned(),
            reason: None,
        };
        Results { verdicts: verdicts.iter().map(verdict).collect(), exhibits: BTreeMap::new() }
    }

    #[test]
    fn a_case_that_changes_its_mind_is_unsteady() {
        let mut outcomes = Outcomes::new();
        add(&mut outcomes, &results(&[("a", "pass"), ("b", "pass")]));
        let second = results(&[("a", "pass"), ("b", "fail")]);
        assert_eq!(differences(&outcomes, &second), ["b: fail, not pass: no reason given"]);
        add(&mut outcomes, &second);
        assert_eq!(unsteady(&outcomes, 2), ["b: 1 × fail, 1 × pass"]);
        assert_eq!(second.tally(), "1 fail, 1 pass");
    }

    #[test]
    fn a_case_without_a_verdict_is_unsteady() {
        let mut outcomes = Outcomes::new();
        add(&mut outcomes, &results(&[("a", "pass"), ("b", "pass")]));
        let second = results(&[("a", "pass")]);
        assert_eq!(differences(&outcomes, &second), ["b: no verdict"]);
        add(&mut outcomes, &second);
        assert_eq!(unsteady(&outcomes, 2), ["b: 1 × pass"]);
    }
}
