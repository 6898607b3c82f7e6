//! Watches a guest from start to end: passes its output on, keeps the kernel's noise apart, and holds the deadlines.

use std::{
    collections::VecDeque,
    io::{self, BufRead as _, BufReader, Read, Write as _},
    process::ExitStatus,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use wakeproof_init::{MARKER, RUNNING};

use super::qemu::Machine;

/// Console lines kept for the report about a broken guest.
const KEPT: usize = 200;

/// What to do with the output.
#[derive(Clone, Copy)]
pub enum Show<'a> {
    /// Pass it on as it comes.
    Live,
    /// Keep it to ourselves.
    Nothing,
    /// Keep it to ourselves, and tell somebody of each line on the console, and that the command runs (none).
    Tell(&'a dyn Fn(Option<&str>)),
}

impl std::fmt::Debug for Show<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Live => "Live",
            Self::Nothing => "Nothing",
            Self::Tell(_) => "Tell",
        })
    }
}

/// Where a guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The kernel starts.
    Boot,
    /// The command runs.
    Run,
}

/// How a guest ended.
#[derive(Debug)]
pub struct End {
    /// QEMU's exit status.
    pub status: ExitStatus,
    /// The phase whose deadline passed, and the deadline.
    pub overdue: Option<(Phase, Duration)>,
    /// How far it came.
    pub reached: Phase,
    /// From start to init.
    pub boot: Option<Duration>,
    /// From start to end.
    pub whole: Duration,
    /// The last lines of the console.
    pub console: VecDeque<String>,
}

enum Event {
    Running,
    Line(String),
    Closed,
}

/// Starts the machine and watches it to its end.
pub fn watch(machine: &Machine, boot: Duration, run: Duration, show: Show<'_>) -> Result<End> {
    let aloud = matches!(show, Show::Live);
    let pass = |line: Option<&str>| {
        if let Show::Tell(hear) = show {
            hear(line);
        }
    };
    let started = Instant::now();
    let mut child = machine.start()?;
    let (sender, events) = mpsc::channel();
    let output = child.stdout.take().expect("piped");
    let console = child.stderr.take().expect("piped");
    let threads =
        [spawn(&sender, move |_| pass_on(output, aloud)), spawn(&sender, move |sender| listen(console, aloud, sender))];
    drop(sender);

    let (mut phase, mut limit, mut began) = (Phase::Boot, boot, started);
    let (mut overdue, mut booted) = (None, None);
    let mut lines = VecDeque::new();
    let mut open = threads.len();
    while open > 0 {
        match events.recv_timeout(limit.saturating_sub(began.elapsed())) {
            Ok(Event::Running) if phase == Phase::Boot => {
                (phase, limit, began) = (Phase::Run, run, Instant::now());
                booted = Some(started.elapsed());
                pass(None);
            }
            Ok(Event::Running) => {}
            Ok(Event::Line(line)) => {
                pass(Some(&line));
                if lines.len() == KEPT {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
            Ok(Event::Closed) => open -= 1,
            Err(RecvTimeoutError::Timeout) if overdue.is_none() => {
                overdue = Some((phase, limit));
                let _ = child.kill();
                // Closing its pipes is all that is left, which a killed process does at once.
                (limit, began) = (Duration::from_secs(10), Instant::now());
            }
            Err(_) => break,
        }
    }
    let status = child.wait().context("failed to wait for QEMU")?;
    Ok(End { status, overdue, reached: phase, boot: booted, whole: started.elapsed(), console: lines })
}

fn spawn(sender: &Sender<Event>, work: impl FnOnce(&Sender<Event>) + Send + 'static) -> thread::JoinHandle<()> {
    let sender = sender.clone();
    thread::spawn(move || {
        work(&sender);
        let _ = sender.send(Event::Closed);
    })
}

/// The command's standard output, byte for byte.
fn pass_on(mut from: impl Read, aloud: bool) {
    let mut buffer = [0; 8192];
    let mut to = io::stdout();
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        // A reader that has gone away does not stop the guest: its exit status still counts.
        if aloud {
            let _ = to.write_all(&buffer[..length]).and_then(|()| to.flush());
        }
    }
}

/// The console, line by line.
fn listen(from: impl Read, aloud: bool, sender: &Sender<Event>) {
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
        if let Some(words) = line.strip_prefix(MARKER) {
            if words == RUNNING {
                let _ = sender.send(Event::Running);
            }
            continue;
        }
        if aloud && !is_kernel(&line) {
            anstream::eprintln!("{line}");
        }
        let _ = sender.send(Event::Line(line));
    }
}

/// Whether the kernel wrote this: its lines begin with the time in brackets.
fn is_kernel(line: &str) -> bool {
    line.strip_prefix('[').and_then(|rest| rest.split_once(']')).is_some_and(|(time, _)| {
        let time = time.trim_start();
        time.contains('.') && time.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_lines_are_known_by_their_time() {
        assert!(is_kernel("[    3.141592] sysrq: Trigger a crash"));
        assert!(!is_kernel("[INFO] ready"));
        assert!(!is_kernel("[1/2] epoll"));
        assert!(!is_kernel("test epoll ... ok"));
    }

    #[test]
    fn the_running_mark_is_an_event_and_no_line() {
        let (sender, events) = mpsc::channel();
        let said = format!("[    0.1] x\r\n{MARKER}{RUNNING}\r\ndone\n");
        listen(said.as_bytes(), false, &sender);
        drop(sender);
        let events: Vec<_> = events.iter().collect();
        assert!(matches!(
            events.as_slice(),
            [Event::Line(first), Event::Running, Event::Line(last)] if first == "[    0.1] x" && last == "done"
        ));
    }
}
