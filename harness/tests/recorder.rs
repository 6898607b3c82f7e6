//! Nothing is lost silently: what fired has come or is accounted for, to the event, also when the reader stalls or the
//! ring is too small; and a case that lost events says so instead of deciding.
//!
//! It has a `main` of its own, since whether a test can run is known only when it runs: root, and an eBPF object.
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use wakeproof::case::EventName;
use wakeproof::judge::judge;
use wakeproof::load::load;
use wakeproof::plan::{Wants, plan};
use wakeproof::record::{Cancel, Deadlines, Probes, Recorder, Tap, Tapped, Unobserved};
use wakeproof::verdict::Outcome;
use wakeproof_abi::Role;

type Tested = Result<Completion, Failed>;

/// How many events a test makes; more than fit into the small ring, and fewer than fit into the usual one.
const CALLS: u64 = 100_000;
/// The smallest ring that is worth the name.
const SMALL: u32 = 64 << 10;
/// A page: the recorder looks once in a millisecond, and so many calls are made in less.
const PAGE: u32 = 4 << 10;

/// A case that makes events faster than the ring is read.
const MANY: &str = "\
title: Five thousand bytes are read one by one
wiring: near, far
with: {times: 5000}
steps:
  - socketpair: {as: [near, far]}
  - write: {on: near, bytes: 5000}
  - repeat: {times: '${times}', steps: [{read: {on: far, bytes: 1}}]}
measure: {reads: {count: {of: read, only: {by: client, on: far}}}}
expect: {each is seen: reads == 5000}
control: {title: One byte is left, with: {times: 4999}, must_fail: [each is seen]}
";

fn main() -> ExitCode {
    // The recorder starts its own program again for what runs inside a cell.
    if std::env::args().nth(1).as_deref() == Some("cell") {
        return wakeproof::cli::main();
    }
    let trials = vec![
        Trial::ignorable_test("a_reader_that_stalls_loses_nothing_that_fits", || observed(stalls)),
        Trial::ignorable_test("a_ring_that_is_too_small_loses_a_known_number", || observed(overflows)),
        Trial::ignorable_test("a_case_that_lost_events_is_inconclusive", || observed(inconclusive)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs a test where probes can be had.
fn observed(test: fn() -> Result<(), Failed>) -> Tested {
    match Probes::attach_with_ring(SMALL) {
        Err(why @ (Unobserved::NotRoot(_) | Unobserved::NoObject)) => Ok(Completion::ignored_with(why.to_string())),
        Err(why) => Err(why.to_string().into()),
        // Both sizes of ring at once would be more locked memory than old kernels allow.
        Ok(probes) => {
            drop(probes);
            test().map(|()| Completion::Completed)
        }
    }
}

/// So many calls of `close` that fail, seen by a tap that looks only afterwards.
fn closes(mut tap: Tap) -> Result<Tapped, Failed> {
    let wants = Wants::seeing(&[EventName::Close], &tap.capabilities());
    tap.begin(&wants, 7)?;
    Tap::join(Role::Client, 7);
    for _ in 0..CALLS {
        // SAFETY: no descriptor has this number; the call does nothing but fail.
        unsafe { libc::close(-1) };
    }
    Ok(tap.end()?)
}

fn stalls() -> Result<(), Failed> {
    let tapped = closes(Tap::attach(&[EventName::Close])?)?;
    let here = tapped.events.iter().filter(|event| event.tid == nix::unistd::gettid().as_raw().cast_unsigned());
    let failed = here.filter(|event| event.name == EventName::Close && event.value < 0).count() as u64;
    let lost: u64 = tapped.accounts.iter().map(|account| account.lost).sum();
    if (failed, lost) != (CALLS, 0) {
        return Err(format!("{failed} of {CALLS} seen, {lost} lost").into());
    }
    Ok(())
}

fn overflows() -> Result<(), Failed> {
    let tapped = closes(Tap::over(Probes::attach_with_ring(SMALL)?))?;
    let account = tapped.accounts.iter().find(|account| account.kind == "sys_exit").ok_or("no account of calls")?;
    if account.fired < CALLS || account.lost == 0 || account.fired != account.delivered + account.lost {
        return Err(format!("{account:?}").into());
    }
    Ok(())
}

fn inconclusive() -> Result<(), Failed> {
    let case = load("many", MANY).map_err(|wrong| wrong.to_string())?;
    let probes = Probes::attach_with_ring(PAGE)?;
    let mut recorder = Recorder::new(Ok(probes), Deadlines::default(), Cancel::default());
    let verdict = judge(&case, &recorder.record(&plan(&case, &recorder.capabilities())));
    let reason = verdict.reason.unwrap_or_default();
    if verdict.outcome != Outcome::Inconclusive || !reason.contains("lost") {
        return Err(format!("{}: {reason}", verdict.outcome).into());
    }
    Ok(())
}
