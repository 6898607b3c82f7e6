//! What `/proc` says about tasks: whose child, in which state, asleep where.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use super::failure::Failure;
use super::names::call_name;
use super::procfs;
use super::wait::{self, Deadline};

/// The part of `/proc/PID/stat` that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The command, at most 15 bytes.
    pub name: String,
    /// `R`, `S`, `D`, `Z` and so on: see `proc_pid_stat(5)`.
    pub state: char,
    /// The parent.
    pub parent: i32,
}

/// Reads a line of `/proc/PID/stat`. The name is in brackets, and may itself contain brackets and blanks.
pub fn parse_stat(line: &str) -> Option<Stat> {
    let (before, after) = line.rsplit_once(") ")?;
    let (_, name) = before.split_once(" (")?;
    let mut fields = after.split(' ');
    let state = fields.next()?.chars().next()?;
    Some(Stat { name: name.to_owned(), state, parent: fields.next()?.parse().ok()? })
}

/// The sum of both kinds of context switches in `/proc/PID/task/TID/status`.
pub fn parse_switches(status: &str) -> u64 {
    let count = |line: &str| line.split_once("ctxt_switches:").and_then(|(_, count)| count.trim().parse::<u64>().ok());
    status.lines().filter_map(count).sum()
}

/// A thread of a process, as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its process.
    pub pid: i32,
    /// Itself.
    pub tid: i32,
    /// What it is and does.
    pub stat: Stat,
    /// How often it has left the processor.
    pub switches: u64,
}

impl Task {
    /// One thread now. None: it is gone.
    pub fn look(pid: i32, tid: i32) -> Option<Self> {
        let stat = parse_stat(&procfs::read(&format!("/proc/{pid}/task/{tid}/stat")).ok()?)?;
        let status = procfs::read(&format!("/proc/{pid}/task/{tid}/status")).ok()?;
        Some(Self { pid, tid, stat, switches: parse_switches(&status) })
    }

    /// Whether it waits to be woken, or never will be.
    pub fn rests(&self) -> bool {
        matches!(self.stat.state, 'S' | 'Z' | 'X' | 'I')
    }

    /// The system call that it is in, if the kernel tells. None also if it runs.
    pub fn call(&self) -> Option<i64> {
        let line = fs::read_to_string(format!("/proc/{}/task/{}/syscall", self.pid, self.tid)).ok()?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// What it does, in words: `task 7 (wakeproof) sleeps (S) in accept4 at inet_csk_accept`.
    pub fn describe(&self) -> String {
        let state = match self.stat.state {
            'R' => "runs",
            'S' => "sleeps",
            'D' => "sleeps uninterruptibly",
            'T' | 't' => "is stopped",
            'Z' | 'X' => "has ended",
            _ => "is",
        };
        let mut text = format!("task {} ({}) {state} ({})", self.tid, self.stat.name, self.stat.state);
        if let Some(call) = self.call().filter(|call| *call >= 0) {
            let _ = write!(text, " in {}", call_name(call));
        }
        let place = fs::read_to_string(format!("/proc/{}/task/{}/wchan", self.pid, self.tid)).unwrap_or_default();
        if !matches!(place.as_str(), "" | "0") {
            let _ = write!(text, " at {place}");
        }
        text
    }
}

fn numbers(folder: &str) -> impl Iterator<Item = i32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The threads of a process.
pub fn of(pid: i32) -> Vec<Task> {
    numbers(&format!("/proc/{pid}/task")).filter_map(|tid| Task::look(pid, tid)).collect()
}

/// The living processes that descend from this one, itself not among them.
pub fn descendants(root: i32) -> Vec<i32> {
    let stat = |pid| parse_stat(&procfs::read(&format!("/proc/{pid}/stat")).ok()?);
    descendants_among(root, &numbers("/proc").filter_map(|pid| Some((pid, stat(pid)?))).collect())
}

/// A process with its descendants.
pub fn family(pid: u32) -> Vec<u32> {
    let descendants = descendants(pid.cast_signed());
    std::iter::once(pid).chain(descendants.into_iter().map(i32::cast_unsigned)).collect()
}

fn descendants_among(root: i32, all: &BTreeMap<i32, Stat>) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for (pid, stat) in all {
        children.entry(stat.parent).or_default().push(*pid);
    }
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        next.extend(children.get(&pid).into_iter().flatten());
        if pid != root {
            found.push(pid);
        }
    }
    found.retain(|pid| all.get(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X')));
    found
}

/// All threads of all living descendants.
pub fn below(root: i32) -> Vec<Task> {
    descendants(root).into_iter().flat_map(of).collect()
}

/// What these tasks do, in a sentence.
pub fn describe(tasks: &[Task]) -> String {
    const MOST: usize = 6;
    let mut parts: Vec<_> = tasks.iter().take(MOST).map(Task::describe).collect();
    if tasks.len() > MOST {
        parts.push(format!("and {} more", tasks.len() - MOST));
    }
    parts.join(", ")
}

/// Waits until all tasks that `look` shows rest: seen twice in a row without a switch in between, so that none is caught
/// in passing.
pub fn until_all_rest(look: impl Fn() -> Vec<Task>, deadline: &Deadline) -> Result<(), Failure> {
    let mut before = look();
    loop {
        wait::between_looks();
        let now = look();
        if now == before && now.iter().all(Task::rests) {
            return Ok(());
        }
        if deadline.passed() {
            let restless: Vec<_> = now.into_iter().filter(|task| !before.contains(task) || !task.rests()).collect();
            let who = if restless.is_empty() { "a task has just ended".to_owned() } else { describe(&restless) };
            return Err(Failure::Timeout(format!("waited {} ms for every task to sleep: {who}", deadline.millis)));
        }
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let stat = parse_stat("7 (a) R 1 (b) S 3 7 7 0").unwrap();
        assert_eq!(stat, Stat { name: "a) R 1 (b".to_owned(), state: 'S', parent: 3 });
        assert_eq!(parse_stat("7 (a"), None);
    }

    #[test]
    fn switches_of_both_kinds_count() {
        let status = "Name:\ta\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(parse_switches(status), 15);
    }

    #[test]
    fn the_dead_are_no_descendants_but_their_children_are() {
        let stat = |state, parent| Stat { name: String::new(), state, parent };
        let all = BTreeMap::from([(2, stat('S', 1)), (3, stat('Z', 2)), (4, stat('R', 3)), (5, stat('S', 9))]);
        assert_eq!(descendants_among(1, &all), [2, 4]);
    }

    #[test]
    fn a_thread_that_waits_is_found_asleep_in_its_call() {
        let (wake, woken) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            tell.send(nix::unistd::gettid().as_raw()).unwrap();
            woken.recv().unwrap_err();
        });
        let (pid, tid) = (nix::unistd::Pid::this().as_raw(), told.recv().unwrap());
        until_all_rest(|| Task::look(pid, tid).into_iter().collect(), &Deadline::after(10_000)).unwrap();
        assert!(Task::look(pid, tid).unwrap().describe().contains("sleeps (S)"));
        drop(wake);
        thread.join().unwrap();
    }
}
