//! How many guests this machine has room for, and running them beside each other.

use std::{fs, sync::Mutex, thread};

use anyhow::{Context as _, Result};

use super::Options;

impl Options {
    /// How many guests run at once: as many as there are processors and free memory for, and at least one.
    pub fn room(&self) -> Result<usize> {
        /// What QEMU itself takes beside the guest's memory, in MiB.
        const BESIDE: u64 = 512;
        let processors = thread::available_parallelism().context("failed to ask how many processors there are")?.get();
        let by_processors = processors / usize::try_from(self.guest_cpus)?.max(1);
        let text = fs::read_to_string("/proc/meminfo").context("failed to read /proc/meminfo")?;
        let free = available(&text).context("/proc/meminfo says nothing of MemAvailable")?;
        let by_memory = usize::try_from(free / (u64::from(self.guest_memory) + BESIDE))?;
        Ok(by_processors.min(by_memory).max(1))
    }
}

/// Does all of these, in their order, so many at once.
pub fn beside<T: Send>(mut tasks: Vec<T>, at_once: usize, each: impl Fn(T) + Sync) {
    // Taken from the end.
    tasks.reverse();
    let queue = Mutex::new(tasks);
    thread::scope(|scope| {
        for _ in 0..at_once {
            // A guest ends with the thread that started it, which therefore stays with it.
            scope.spawn(|| {
                while let Some(task) = queue.lock().ok().and_then(|mut queue| queue.pop()) {
                    each(task);
                }
            });
        }
    });
}

/// `MemAvailable` in MiB.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_in_mebibytes() {
        assert_eq!(available("MemTotal: 5 kB\nMemAvailable:   2097152 kB\n"), Some(2048));
        assert_eq!(available("MemTotal: 5 kB\n"), None);
    }

    #[test]
    fn every_task_is_done_once_and_begun_in_order() {
        let done = Mutex::new(Vec::new());
        beside((0..5).collect(), 1, |task| done.lock().expect("no panic").push(task));
        assert_eq!(done.into_inner().expect("no panic"), [0, 1, 2, 3, 4]);
        let done = Mutex::new(Vec::new());
        beside((0..50).collect(), 3, |task| done.lock().expect("no panic").push(task));
        let mut done = done.into_inner().expect("no panic");
        done.sort_unstable();
        assert_eq!(done, (0..50).collect::<Vec<_>>());
    }
}
