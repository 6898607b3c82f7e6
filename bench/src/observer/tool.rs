//! Tools of others, each watching the server by its process.
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Observer, Watched};
use crate::echo::Server;

/// How long a tool may take to begin.
const PATIENCE: Duration = Duration::from_secs(15);

/// One tool with its flags.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// What the tables call it.
    pub name: &'static str,
    /// The program.
    pub program: &'static str,
    /// Its flags; `PID` stands for the server's process.
    flags: &'static [&'static str],
    /// What shows that it watches.
    begun: Begun,
}

/// What shows that a tool watches.
#[derive(Clone, Copy, Debug)]
enum Begun {
    /// The server has a tracer (`TracerPid` in /proc).
    Traced,
    /// The tool has opened perf events, as its descriptors show.
    Opened,
    /// It says this on its standard output.
    Says(&'static str),
}

/// What people would take.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "strace epoll_wait",
        program: "strace",
        flags: &["-f", "-q", "-e", "trace=epoll_wait", "-o", "/dev/null", "-p", "PID"],
        begun: Begun::Traced,
    },
    Tool {
        name: "perf trace epoll_wait",
        program: "perf",
        flags: &["trace", "-e", "epoll_wait", "-o", "/dev/null", "-p", "PID"],
        begun: Begun::Opened,
    },
    Tool {
        name: "perf record, 3 events",
        program: "perf",
        flags: &[
            "record",
            "-q",
            "-o",
            "/dev/null",
            "-e",
            "syscalls:sys_exit_epoll_wait,sock:sk_data_ready,sched:sched_waking",
            "-p",
            "PID",
        ],
        begun: Begun::Opened,
    },
    Tool {
        name: "bpftrace, count",
        program: "bpftrace",
        flags: &[
            "-q",
            "-e",
            "BEGIN { printf(\"begun\\n\"); } tracepoint:syscalls:sys_exit_epoll_wait /pid == PID/ { @waits = count(); } tracepoint:sched:sched_waking /args->pid == PID/ { @wakings = count(); }",
        ],
        begun: Begun::Says("begun"),
    },
];

/// A tool that is watching.
pub struct Running {
    tool: Tool,
    child: Option<Child>,
}

impl Tool {
    /// Why it cannot run here, if it cannot.
    pub fn lacks(&self) -> Option<String> {
        let found = Command::new(self.program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        match found {
            Ok(_) => None,
            Err(error) => Some(format!("{} cannot be started: {error}", self.program)),
        }
    }

    /// An observer.
    pub fn observer(self) -> Running {
        Running { tool: self, child: None }
    }
}

impl Observer for Running {
    fn name(&self) -> &str {
        self.tool.name
    }

    fn begin(&mut self, server: &Server) -> Result<()> {
        let pid = server.pid().to_string();
        let says = matches!(self.tool.begun, Begun::Says(_));
        let mut command = Command::new(self.tool.program);
        command.args(self.tool.flags.iter().map(|flag| flag.replace("PID", &pid))).stdin(Stdio::null());
        command.stdout(if says { Stdio::piped() } else { Stdio::null() }).stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("failed to start {}", self.tool.program))?;
        if let Begun::Says(word) = self.tool.begun {
            let mut line = String::new();
            BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
            if !line.contains(word) {
                let _ = child.kill();
                let _ = child.wait();
                bail!("{} ended before it began", self.tool.name);
            }
        }
        self.child = Some(child);
        let deadline = Instant::now() + PATIENCE;
        while !self.watches(server)? {
            if Instant::now() > deadline {
                self.end()?;
                bail!("{} has not begun within {} s", self.tool.name, PATIENCE.as_secs());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Watched> {
        let Some(mut child) = self.child.take() else { return Ok(Watched::default()) };
        let before = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGINT)?;
        child.wait()?;
        let after = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let used = |usage: nix::sys::resource::Usage| micros(usage.user_time()) + micros(usage.system_time());
        Ok(Watched { cpu: used(after) - used(before), ..Watched::default() })
    }
}

impl Running {
    fn watches(&mut self, server: &Server) -> Result<bool> {
        let Some(child) = &mut self.child else { return Ok(false) };
        if let Some(status) = child.try_wait()? {
            self.child = None;
            bail!("{} ended before it began ({status})", self.tool.name);
        }
        match self.tool.begun {
            Begun::Says(_) => Ok(true),
            Begun::Traced => {
                let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()))?;
                Ok(status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0")))
            }
            Begun::Opened => {
                let folder = format!("/proc/{}/fd", child.id());
                let links =
                    std::fs::read_dir(folder)?.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
                Ok(links.into_iter().any(|link| link.to_string_lossy().contains("perf_event")))
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Only on the way out of an error: nothing of it is wanted any more.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn micros(time: nix::sys::time::TimeVal) -> f64 {
    time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64
}
