//! The suite in libtest's protocol, for `cargo nextest` and for programs that read libtest's formats.
use std::sync::Arc;

use anstream::adapter::strip_str;
use libtest_mimic::{Arguments, ColorSetting, Completion, Failed, FormatSetting, Trial};

use super::runner::{Runner, run_one};
use super::{Color, Format, Protocol};
use crate::cli::Exit;
use crate::load::LoadedCase;
use crate::record::Cancel;
use crate::render::{Exhibit, screen};
use crate::verdict::Outcome;

/// Lists or runs the cases. Those that cannot run here are marked as ignored before the list is made.
pub(super) fn run(runner: &Arc<dyn Runner>, cases: &[LoadedCase], protocol: &Protocol, cancel: &Cancel) -> Exit {
    let trial = |case: &LoadedCase| {
        let ignored = runner.lacks(case).is_some();
        let (runner, case, cancel) = (Arc::clone(runner), case.clone(), cancel.clone());
        let insist = protocol.insists();
        let name = case.id.clone();
        Trial::ignorable_test(name, move || one(&*runner, &case, &cancel, insist)).with_ignored_flag(ignored)
    };
    let trials = cases.iter().map(trial).collect();
    if libtest_mimic::run(&arguments(protocol), trials).has_failed() { Exit::Libtest } else { Exit::Good }
}

fn one(runner: &dyn Runner, case: &LoadedCase, cancel: &Cancel, insist: bool) -> Result<Completion, Failed> {
    let Some(ran) = run_one(runner, case, cancel) else { return Err("interrupted".into()) };
    let outcome = ran.verdict.outcome;
    if outcome == Outcome::Skip && !insist {
        return Ok(Completion::ignored_with(ran.verdict.reason.unwrap_or_default()));
    }
    if outcome.is_good() && outcome != Outcome::Skip {
        return Ok(Completion::Completed);
    }
    let mut results = runner.setting().results();
    let exhibit = Exhibit::new(case, ran.recording.as_ref(), &ran.verdict);
    results.exhibits.insert(case.id.clone(), exhibit);
    results.verdicts.push(ran.verdict);
    let look = screen::Look { width: 100, utf8: true, skips: true };
    Err(strip_str(&screen::screen(&results, look)).to_string().into())
}

/// The arguments as libtest has them. The cases are selected already.
fn arguments(protocol: &Protocol) -> Arguments {
    Arguments {
        list: protocol.list,
        ignored: protocol.ignored,
        include_ignored: protocol.include_ignored,
        // The cases share the probes: one after another, in this thread.
        test_threads: Some(protocol.test_threads.unwrap_or(1)),
        logfile: protocol.logfile.as_ref().map(|path| path.to_string_lossy().into_owned()),
        format: Some(match protocol.format() {
            Format::Terse => FormatSetting::Terse,
            Format::Json => FormatSetting::Json,
            _ => FormatSetting::Pretty,
        }),
        color: Some(match protocol.color {
            Color::Auto => ColorSetting::Auto,
            Color::Always => ColorSetting::Always,
            Color::Never => ColorSetting::Never,
        }),
        ..Arguments::default()
    }
}
