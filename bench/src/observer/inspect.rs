//! `wakeproof inspect --pid`, as a user would start it beside a server.
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{Observer, Watched};
use crate::cpu;
use crate::echo::Server;

/// How long it may take to begin.
const PATIENCE: Duration = Duration::from_secs(15);
/// Programs that watch a server: both sides of system calls, switches, births and deaths.
const PROGRAMS: usize = 5;

/// One that watches for a little longer than a window.
pub struct Inspect {
    name: &'static str,
    wakeproof: PathBuf,
    seconds: u64,
    child: Option<(Child, Duration)>,
}

impl Inspect {
    /// One for windows of this length.
    pub fn new(name: &'static str, wakeproof: &Path, window: Duration) -> Self {
        Self { name, wakeproof: wakeproof.to_owned(), seconds: window.as_secs() + 2, child: None }
    }
}

impl Observer for Inspect {
    fn name(&self) -> &str {
        self.name
    }

    fn begin(&mut self, server: &Server) -> Result<()> {
        let mut command = Command::new(&self.wakeproof);
        command.args(["inspect", "--format", "json", "--pid", &server.pid().to_string()]);
        command.args(["--seconds", &self.seconds.to_string()]).stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("failed to start {}", self.wakeproof.display()))?;
        let (child, before) = self.child.insert((child, Duration::ZERO));
        let deadline = Instant::now() + PATIENCE;
        while attached(child.id())? < PROGRAMS {
            if let Some(status) = child.try_wait()? {
                bail!("`wakeproof inspect` ended before it began ({status})");
            }
            ensure!(Instant::now() < deadline, "`wakeproof inspect` has not begun within {} s", PATIENCE.as_secs());
            std::thread::yield_now();
        }
        // its start is not what watching costs
        *before = cpu::of_process(child.id())?;
        Ok(())
    }

    fn end(&mut self) -> Result<Watched> {
        let (mut child, before) = self.child.take().context("it was not watching")?;
        let used = cpu::of_process(child.id())?.saturating_sub(before);
        let mut text = String::new();
        child.stdout.take().context("it has no output")?.read_to_string(&mut text)?;
        let status = child.wait()?;
        ensure!(status.success(), "`wakeproof inspect` has failed ({status})");
        let report: Value = serde_json::from_str(&text).context("failed to read what `wakeproof inspect` says")?;
        Ok(Watched { lost: Some(lost(&report)), ..Watched::of(used) })
    }
}

impl Drop for Inspect {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.child {
            // Only on the way out of an error: nothing of it is wanted any more.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How many programs a process has attached.
fn attached(pid: u32) -> Result<usize> {
    let folder = format!("/proc/{pid}/fd");
    let links = std::fs::read_dir(folder)?.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    Ok(links.filter(|link| link.to_string_lossy().contains("bpf_link")).count())
}

/// Records for which there was no room, as the report says it.
fn lost(report: &Value) -> u64 {
    let blind = report["blind"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let losses = blind.filter_map(|line| line.strip_suffix(" records were lost: counts are too low"));
    losses.filter_map(|number| number.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_loss_is_read_off_the_report() {
        let report = json!({ "blind": ["requests of io_uring", "12 records were lost: counts are too low"] });
        assert_eq!(super::lost(&report), 12);
        assert_eq!(super::lost(&json!({ "blind": [] })), 0);
    }
}
