//! `struct task_struct`: what a task has, and what is left of one that has ended.
use serde_json::{Value, json};
use wakeproof_abi::TaskItem;

use super::Reader;

/// `EXIT_ZOMBIE` (include/linux/sched.h): it has ended, and its parent has not asked for it.
const ZOMBIE: u32 = 0x20;

impl Reader<'_> {
    /// A task, with the fields that `case::fields` lists.
    pub(super) fn task(&self, item: &TaskItem) -> Result<Value, String> {
        let pointer = |member| self.memory.word(item.task + self.offset("task_struct", member)?);
        let parent = pointer("real_parent")?;
        let memory = pointer("mm")?;
        let page_tables = match memory {
            0 => 0,
            memory => self.memory.word(memory + self.offset("mm_struct", "pgtables_bytes")?)?,
        };
        Ok(json!({
            "tid": item.tid,
            "pid": item.tgid,
            "parent": self.memory.half(parent + self.offset("task_struct", "tgid")?)?,
            "zombie": self.memory.half(item.task + self.offset("task_struct", "exit_state")?)? & ZOMBIE != 0,
            "memory": memory.cast_signed(),
            "files": pointer("files")?.cast_signed(),
            "fs": pointer("fs")?.cast_signed(),
            "sighand": pointer("sighand")?.cast_signed(),
            "stack": pointer("stack")?.cast_signed(),
            "page_tables": page_tables,
        }))
    }
}
