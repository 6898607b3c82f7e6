//! The suite with our own screen: lines appear as cases end, and a bar says what is going on.
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::bar::Bar;
use super::runner::{Ran, Runner, run_one};
use crate::load::LoadedCase;
use crate::record::Cancel;
use crate::render::{Exhibit, Results, screen};

/// How long a cancelled run may take to clean up. With the rest, Ctrl-C takes less than two seconds.
const CLEAN_UP: Duration = Duration::from_millis(1700);
const TICK: Duration = Duration::from_millis(80);

enum News {
    Started(usize),
    /// Without a result, the run was cut short.
    Ended(usize, Option<Box<Ran>>),
}

/// What is done with each result beside showing it.
pub(super) type Keep<'a> = &'a mut dyn FnMut(&Ran) -> anyhow::Result<()>;

/// Who looks on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// How the screen looks.
    pub(super) look: screen::Look,
    /// Whether a program wants to know how far it is.
    pub(super) progress: bool,
}

/// Runs the cases and writes the screen, but for what stands below the cases.
pub(super) fn run(
    runner: &Arc<dyn Runner>,
    cases: &Arc<[LoadedCase]>,
    threads: usize,
    cancel: &Cancel,
    seen: Seen,
    out: &mut dyn Write,
    keep: Keep<'_>,
) -> anyhow::Result<Results> {
    let Seen { look, progress } = seen;
    let begin = Instant::now();
    let mut results = runner.setting().results();
    out.write_all(screen::head(&results, look).as_bytes())?;
    out.flush()?;
    let mut lines = screen::Lines::new(look);
    let mut bar = Bar::new(cases.len(), look);
    let (tell, news) = mpsc::channel();
    start(runner, cases, threads, cancel, &tell);
    drop(tell);
    let mut done = vec![false; cases.len()];
    let mut running = BTreeMap::new();
    let mut stopping: Option<Instant> = None;
    loop {
        match news.recv_timeout(TICK) {
            Ok(News::Started(place)) => {
                running.insert(place, Instant::now());
            }
            Ok(News::Ended(place, ran)) => {
                running.remove(&place);
                if let Some(ran) = ran {
                    done[place] = true;
                    bar.advance(ran.verdict.outcome);
                    let text = lines.case(&ran.verdict);
                    bar.suspend(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()))?;
                    if progress {
                        let ended = done.iter().filter(|done| **done).count();
                        eprintln!("progress {ended}/{} {} {}", cases.len(), ran.verdict.outcome, ran.verdict.case);
                    }
                    keep(&ran)?;
                    let exhibit = Exhibit::new(&cases[place], ran.recording.as_ref(), &ran.verdict);
                    results.exhibits.insert(ran.verdict.case.clone(), exhibit);
                    results.verdicts.push(ran.verdict);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if cancel.is_cancelled() {
            let since = *stopping.get_or_insert_with(Instant::now);
            if since.elapsed() > CLEAN_UP {
                tracing::warn!("a case did not stop in time and is left behind");
                break;
            }
            bar.stopping();
        } else {
            bar.show(running.iter().map(|(&place, since)| (cases[place].id.as_str(), since.elapsed())));
        }
    }
    bar.clear();
    results.unfinished = cases.iter().zip(done).filter(|(_, done)| !done).map(|(case, _)| case.id.clone()).collect();
    results.millis = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(results)
}

/// Threads that take the cases in order. They are not joined: one that does not stop is left behind.
fn start(runner: &Arc<dyn Runner>, cases: &Arc<[LoadedCase]>, threads: usize, cancel: &Cancel, tell: &Sender<News>) {
    let next = Arc::new(AtomicUsize::new(0));
    for _ in 0..threads.clamp(1, cases.len().max(1)) {
        let (runner, cases, next) = (Arc::clone(runner), Arc::clone(cases), Arc::clone(&next));
        let (cancel, tell) = (cancel.clone(), tell.clone());
        thread::spawn(move || {
            while !cancel.is_cancelled() {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(case) = cases.get(place) else { break };
                // Sending fails once nobody listens: then there is nothing left to do.
                if tell.send(News::Started(place)).is_err() {
                    break;
                }
                let ran = run_one(&*runner, case, &cancel);
                if tell.send(News::Ended(place, ran.map(Box::new))).is_err() {
                    break;
                }
            }
        });
    }
}
