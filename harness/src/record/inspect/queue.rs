//! Wait queues: who waits, known by the function that will be called.
use serde_json::{Value, json};

use super::Reader;

/// `WQ_FLAG_EXCLUSIVE` (include/linux/wait.h).
const EXCLUSIVE: u32 = 1;

impl Reader<'_> {
    /// The wait queue of a `sock`.
    pub(super) fn socket_queue(&self, sock: u64) -> Result<Value, String> {
        let queue = self.memory.word(sock + self.offset("sock", "sk_wq")?)?;
        self.queue(queue + self.offset("socket_wq", "wait")?)
    }

    /// A `wait_queue_head`.
    pub(super) fn queue(&self, head: u64) -> Result<Value, String> {
        let list = self.list(head + self.offset("wait_queue_head", "head")?)?;
        let entry = self.offset("wait_queue_entry", "entry")?;
        list.links.iter().map(|link| self.waiter(link - entry)).collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn waiter(&self, entry: u64) -> Result<Value, String> {
        let flags = self.memory.half(entry + self.offset("wait_queue_entry", "flags")?)?;
        let private = self.memory.word(entry + self.offset("wait_queue_entry", "private")?)?;
        let function = self.memory.word(entry + self.offset("wait_queue_entry", "func")?)?;
        let by = self.symbols.name(function);
        let task = match &*by {
            // fs/select.c: `pollwake` finds the task in the `poll_wqueues` that `private` is.
            "pollwake" => self.memory.word(private + self.offset("poll_wqueues", "polling_task")?)?,
            "ep_poll_callback" => 0,
            _ => private,
        };
        let sleeper = if task == 0 { 0 } else { self.memory.half(task + self.offset("task_struct", "pid")?)? };
        Ok(json!({"by": &*by, "exclusive": flags & EXCLUSIVE != 0, "sleeper": sleeper}))
    }
}
