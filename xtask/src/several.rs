//! The suite on several kernels at once: guests beside each other as cores and memory allow, a line for each, and the table
//! claims × kernels at the end. Whatever happens to one kernel, the others go on.

use std::{
    cell::Cell,
    ffi::{OsStr, OsString},
    io::{BufRead as _, BufReader},
    iter,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::atomic::{AtomicU8, Ordering},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    guest::{self, Guests, Job, Show},
    kernels::{self, Kernel},
    machine::{self, Broken},
    process,
    progress::{Board, Line},
    trial::Results,
    workspace::Workspace,
};

/// How several kernels share the machine, and what is shown of them.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "several")]
pub struct Options {
    /// How many kernels run at once [default: as many as cores and memory allow]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Several kernels")]
    pub jobs: Option<u32>,
    /// Run only this part of all kernels and cases, such as 2/5: other machines run the others, and `wakeproof merge`
    /// joins their report folders
    #[arg(long, value_name = "PART/PARTS", help_heading = "Several kernels")]
    pub shard: Option<Shard>,
    /// Show only the rows that change from one kernel to another
    #[arg(long, help_heading = "Several kernels")]
    pub only_changing: bool,
}

/// One of the equal parts of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    part: u64,
    parts: u64,
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (part, parts) = text.split_once('/')?;
            Some(Self { part: part.parse().ok()?, parts: parts.parse().ok()? })
        };
        let shard = read().ok_or("expected a part of the whole, such as 2/5")?;
        match shard.parts {
            0 => Err("expected at least one part, such as 1/1".to_owned()),
            parts if !(1..=parts).contains(&shard.part) => {
                Err(format!("of {parts} parts the first is 1, the last {parts}"))
            }
            _ => Ok(shard),
        }
    }
}

impl Shard {
    /// What this shard runs of the kernel at a place among so many, as `wakeproof test --shard` takes it.
    ///
    /// All cases of all kernels are one list, kernel after kernel, that is cut into equal pieces: so a machine boots few
    /// kernels. Each kernel's cases are `parts` parts of that list, and a piece is as many parts as there are kernels.
    fn of_kernel(self, place: u64, kernels: u64) -> Option<String> {
        let inside = |end: u64| end.saturating_sub(place * self.parts).min(self.parts);
        let (first, last) = (inside((self.part - 1) * kernels), inside(self.part * kernels));
        (first < last).then(|| format!("{}-{last}/{}", first + 1, self.parts))
    }
}

/// One kernel, and where its results go.
struct Task {
    series: String,
    /// None: the running one.
    kernel: Option<Kernel>,
    folder: PathBuf,
    arguments: Vec<OsString>,
}

/// Everything that the tasks share.
pub struct Several<'a> {
    /// The checkout.
    pub workspace: &'a Workspace,
    /// The `wakeproof` command.
    pub program: &'a Path,
    /// How guests are made.
    pub guest: &'a guest::Options,
    /// How they share the machine.
    pub options: &'a Options,
    /// What goes to `wakeproof test`.
    pub rest: &'a [OsString],
    /// Where results go, a folder for each kernel.
    pub reports: &'a Path,
    /// Whether they stay there.
    pub keeps: bool,
}

impl Several<'_> {
    /// Runs the suite on each of these kernels, and shows what came of it.
    pub fn run(&self, series: &[String]) -> Result<ExitCode> {
        let mut tasks = self.tasks(series)?;
        let folders: Vec<PathBuf> = tasks.iter().map(|task| task.folder.clone()).collect();
        // What cannot even be fetched is broken, and has said so in its folder.
        tasks.retain(|task| task.kernel.is_some() || task.series == kernels::HOST);
        ensure!(!folders.is_empty(), "this shard has nothing to run: there are more parts than there is work");
        let guests = if tasks.iter().any(|task| task.kernel.is_some()) {
            Some(Guests::ready(self.workspace, self.guest)?)
        } else {
            None
        };
        let jobs = match self.options.jobs {
            Some(jobs) => usize::try_from(jobs)?,
            None => self.guest.room()?,
        };
        let jobs = jobs.min(tasks.len().max(1));
        let board = Board::new();
        let kernels = if tasks.len() == 1 { "1 kernel".to_owned() } else { format!("{} kernels", tasks.len()) };
        anstream::eprintln!("the suite on {kernels}, {jobs} at once");
        if self.keeps {
            let mut later = Command::new(self.program);
            later.arg("merge").arg(self.reports);
            anstream::eprintln!(
                "what has ended is shown at any time, also after Ctrl-C, by: {}",
                process::spell(&later)
            );
        }
        let worst = AtomicU8::new(0);
        guest::beside(tasks, jobs, |task| {
            worst.fetch_max(self.one(&task, guests.as_ref(), &board), Ordering::Relaxed);
        });
        let shown = self.show(&folders)?;
        // Such as of cases that were insisted on and cannot run there: the table has no objection to a skip.
        let worst = worst.into_inner();
        if shown == 0 && worst != 0 {
            anstream::eprintln!(
                "the table is good, and yet the suite ended with status {worst}: its line above says where"
            );
        }
        Ok(ExitCode::from(if shown == 0 { worst } else { shown }))
    }

    /// One for each kernel that has a part in this shard, each package once.
    fn tasks(&self, series: &[String]) -> Result<Vec<Task>> {
        let names: Vec<&str> = series.iter().map(String::as_str).collect();
        let mut tasks: Vec<Task> = Vec::new();
        // Places are those in the whole list: machines that find different packages share the work in the same way.
        for ((place, name), called) in (0..).zip(names.iter().copied()).zip(called(&names)) {
            let mut arguments: Vec<OsString> = vec!["test".into(), "--progress".into()];
            arguments.extend(self.rest.iter().cloned());
            if let Some(shard) = self.options.shard {
                // What has no part in it is another machine's, which fetches it.
                let Some(parts) = shard.of_kernel(place, series.len() as u64) else { continue };
                arguments.extend(["--shard".into(), parts.into()]);
            }
            let kernel = if name == kernels::HOST { None } else { Some(kernels::obtain(self.workspace, name)) };
            // The distribution's own is most often one of the series too.
            if let Some(Ok(kernel)) = &kernel
                && tasks.iter().filter_map(|task| task.kernel.as_ref()).any(|other| other.package == kernel.package)
            {
                anstream::eprintln!("leaving out {name}: it is {} again", kernel.summary());
                continue;
            }
            let folder = self.reports.join(&called);
            machine::not_begun(&folder, &called)?;
            let kernel = match kernel {
                None => None,
                Some(Ok(kernel)) => Some(kernel),
                Some(Err(error)) => {
                    anstream::eprintln!("{}: {error:#}", process::paint(&called, process::RED));
                    machine::clear(&folder)?;
                    machine::note(&folder, &called, None, Some(Broken::of(&error)))?;
                    None
                }
            };
            tasks.push(Task { series: called, kernel, folder, arguments });
        }
        Ok(tasks)
    }

    /// Runs one, and writes down where it ran and what broke. Returns the suite's own exit status, if that says something of
    /// its results.
    fn one(&self, task: &Task, guests: Option<&Guests<'_>>, board: &Board) -> u8 {
        let line = board.line(&task.series);
        let package = task.kernel.as_ref().map(Kernel::summary);
        let ran = machine::clear(&task.folder)
            .and_then(|()| machine::begun(&task.folder, &task.series, package.clone()))
            .and_then(|()| match (&task.kernel, guests) {
                (Some(kernel), Some(guests)) => self.guest(task, kernel, guests, &line),
                _ => self.host(task, &line),
            });
        let results = Results::read(&task.folder);
        let status = ran.as_ref().map_or(0, |left| left.status);
        let broken = match (ran, &results) {
            (Ok(_), Ok(_)) => None,
            (Ok(left), Err(error)) => {
                Some(Broken { console: left.console, ..Broken::new(format!("{}: {error:#}", left.how)) })
            }
            (Err(error), _) => Some(Broken::of(&error)),
        };
        let text = match (&broken, results) {
            (None, Ok(results)) if status == 0 => results.tally(),
            (None, Ok(results)) => format!("{}, and the suite ended with status {status}", results.tally()),
            (Some(broken), _) => format!("{}: {}", process::paint("broken", process::RED), broken.what),
            (None, Err(_)) => String::new(),
        };
        if let Err(error) = machine::note(&task.folder, &task.series, package, broken) {
            board.say(&format!("{error:#}"));
        }
        line.end(&text);
        status
    }

    fn guest(&self, task: &Task, kernel: &Kernel, guests: &Guests<'_>, line: &Line) -> Result<Left> {
        line.set("booting");
        let tell = |said: Option<&str>| match said {
            None => line.set("starts"),
            Some(said) => progress(said, line),
        };
        let mut arguments = task.arguments.clone();
        arguments.extend(["--report-dir".into(), wakeproof_init::REPORT.into()]);
        let report = Some(task.folder.clone());
        let job = Job { kernel, program: self.program, arguments, report, folder: None, show: Show::Tell(&tell) };
        let ended = guests.run(&job)?;
        Ok(Left {
            status: ended.status,
            how: format!("the suite ended with status {} and left no results", ended.status),
            console: ended.console,
        })
    }

    fn host(&self, task: &Task, line: &Line) -> Result<Left> {
        let mut command = Command::new(self.program);
        command.args(&task.arguments).arg("--report-dir").arg(&task.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        process::end_with_us(&mut command);
        let mut child = command.spawn().with_context(|| format!("failed to start `{}`", process::spell(&command)))?;
        let mut console = Vec::new();
        for said in BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok) {
            progress(&said, line);
            console.push(said);
        }
        let status = child.wait().context("failed to wait for the suite")?;
        let said = console.split_off(console.len().saturating_sub(20));
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
        Ok(Left { status: code, how: format!("the suite ended with {status} and left no results"), console: said })
    }

    /// The table. Returns its exit status.
    fn show(&self, folders: &[PathBuf]) -> Result<u8> {
        let mut command = Command::new(self.program);
        command.arg("merge").args(folders).arg("--output").arg(self.reports.join("matrix.json"));
        if self.options.only_changing {
            command.arg("--only-changing");
        }
        if self.options.shard.is_some() {
            command.arg("--part");
        }
        process::exit_status(&mut command)
    }
}

/// What a run that came to its end has left beside results.
struct Left {
    status: u8,
    how: String,
    console: Vec<String>,
}

/// What heads each one's column, and names its folder: its series, or the file's name of an image. No two are the same.
pub fn called(names: &[&str]) -> Vec<String> {
    let mut called: Vec<String> = Vec::new();
    for name in names {
        let file = Path::new(name).file_name().and_then(OsStr::to_str).unwrap_or(name);
        let taken = |word: &str| word != *name && (names.contains(&word) || called.iter().any(|other| other == word));
        let numbered = (2..).map(|number| format!("{file}-{number}"));
        called.extend(iter::once(file.to_owned()).chain(numbered).find(|word| !taken(word)));
    }
    called
}

/// A line of `wakeproof test --progress`: `progress 12/154 pass epoll/…`.
fn progress(said: &str, line: &Line) {
    let Some((done, case)) = said.strip_prefix("progress ").and_then(|rest| rest.split_once(' ')) else { return };
    let (outcome, case) = case.split_once(' ').unwrap_or(("", case));
    thread_local!(static BAD: Cell<usize> = const { Cell::new(0) });
    if done.starts_with("1/") {
        BAD.set(0);
    }
    if !matches!(outcome, "pass" | "skip" | "xfail") {
        BAD.set(BAD.get() + 1);
    }
    let bad = if BAD.get() > 0 { format!("{} not good, ", BAD.get()) } else { String::new() };
    line.set(&format!("{done}  {bad}{case}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every part of every kernel, as the shards name them.
    fn covered(kernels: u64, parts: u64) -> Vec<(u64, u64)> {
        let mut all = Vec::new();
        for part in 1..=parts {
            for place in 0..kernels {
                let Some(text) = (Shard { part, parts }).of_kernel(place, kernels) else { continue };
                let (which, of) = text.split_once('/').expect("parts");
                assert_eq!(of, parts.to_string());
                let (first, last) = which.split_once('-').expect("from, to");
                let number = |text: &str| text.parse::<u64>().expect("a number");
                all.extend((number(first)..=number(last)).map(|part| (place, part)));
            }
        }
        all
    }

    #[test]
    fn shards_cover_every_part_of_every_kernel_once() {
        for kernels in 1..14 {
            for parts in 1..9 {
                let expected: Vec<_> =
                    (0..kernels).flat_map(|place| (1..=parts).map(move |part| (place, part))).collect();
                assert_eq!(covered(kernels, parts), expected, "{kernels} kernels, {parts} parts");
            }
        }
    }

    #[test]
    fn a_shard_boots_few_kernels() {
        let shard = Shard { part: 2, parts: 4 };
        let booted: Vec<_> = (0..12).filter(|place| shard.of_kernel(*place, 12).is_some()).collect();
        assert_eq!(booted, [3, 4, 5]);
        assert_eq!(shard.of_kernel(3, 12).as_deref(), Some("1-4/4"), "all of it");
    }

    #[test]
    fn shards_that_are_none_are_refused() {
        for wrong in ["0/3", "4/3", "0/0", "1", "a/b"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn images_go_by_their_files_names_and_no_two_are_called_the_same() {
        let names = ["./host", "host", "/a/bzImage", "b/bzImage", "./5.10", "5.10"];
        assert_eq!(called(&names), ["host-2", "host", "bzImage", "bzImage-2", "5.10-2", "5.10"]);
    }
}
