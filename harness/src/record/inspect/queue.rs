//! Wait queues: who waits, known by the function that will be called.
use serde_json::{Value, json};

use super::Reader;

/// `WQ_FLAG_EXCLUSIVE` (include/linux/wait.h).
const EXCLUSIVE: u32 = 1;

/// `THREAD_SIZE` (`arch/x86/include/asm/page_64_types.h`, without KASAN).
const STACK: u64 = 16 << 10;

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
        let exclusive = flags & EXCLUSIVE != 0;
        if task == 0 {
            return Ok(json!({"by": &*by, "exclusive": exclusive, "sleeper": 0, "on_stack": false, "runnable": false}));
        }
        let sleeper = self.memory.half(task + self.offset("task_struct", "pid")?)?;
        let stack = self.memory.word(task + self.offset("task_struct", "stack")?)?;
        let on_stack = (stack..stack + STACK).contains(&entry);
        let runnable = self.runnable(task)?;
        Ok(json!({
            "by": &*by, "exclusive": exclusive, "sleeper": sleeper, "on_stack": on_stack, "runnable": runnable
        }))
    }

    /// Whether a task is on a run queue to be chosen. Since 6.12 one that sleeps may stay there for a while, marked as
    /// delayed (kernel/sched/fair.c: `DELAY_DEQUEUE`).
    fn runnable(&self, task: u64) -> Result<bool, String> {
        // Small numbers: the lowest byte tells, whether the member is an int or, in 7.3, a byte among others.
        let set = |member: u64| self.memory.bytes::<1>(task + member).map(|[byte]| byte != 0);
        let on_rq = set(self.offset("task_struct", "on_rq")?)?;
        let delayed = self.offset("task_struct", "se.sched_delayed").map_or(Ok(false), set)?;
        Ok(on_rq && !delayed)
    }
}
