//! `signal_struct.rlim`: what a process may have.
use serde_json::{Value, json};

use super::{MOST, Reader};
use crate::case::WhoseLimits;

/// `RLIMIT_NOFILE` (include/uapi/asm-generic/resource.h), and the size of a `struct rlimit`.
const NOFILE: u64 = 7;
const SIZE: u64 = 16;

impl Reader<'_> {
    /// The limits of a task, or of one from which it descends.
    pub(super) fn limits_of(&self, whose: WhoseLimits, task: u64) -> Result<Value, String> {
        let mut line = vec![task];
        let parent = self.offset("task_struct", "real_parent")?;
        loop {
            let last = line[line.len() - 1];
            let next = self.memory.word(last + parent)?;
            // init/init_task.c: the first task is its own parent.
            if next == last || line.len() == MOST {
                break;
            }
            line.push(next);
        }
        self.limits(match whose {
            WhoseLimits::Kernel => line[line.len() - 1],
            WhoseLimits::Init => line[line.len().saturating_sub(2)],
            WhoseLimits::Client | WhoseLimits::Server => task,
        })
    }

    /// The limit of open files of a task.
    pub(super) fn limits(&self, task: u64) -> Result<Value, String> {
        let signal = self.memory.word(task + self.offset("task_struct", "signal")?)?;
        let at = signal + self.offset("signal_struct", "rlim")? + NOFILE * SIZE;
        let (soft, hard) = (self.memory.word(at)?, self.memory.word(at + 8)?);
        Ok(json!({"soft": soft.cast_signed(), "hard": hard.cast_signed()}))
    }
}
