//! `struct files_struct`: the table of a process's open files.
use serde_json::{Value, json};

use super::Reader;
use super::file::address;

/// Where the table of a task is.
pub(super) struct Table {
    /// `task_struct.files`.
    files: u64,
    /// `files_struct.fdt`, which is exchanged when the table grows.
    fdt: u64,
    /// `fdtable.fd`.
    pub(super) array: u64,
    /// `fdtable.max_fds`.
    pub(super) room: u64,
}

impl Reader<'_> {
    /// A task of the first process among these: the one that no other of them has forked.
    pub(super) fn first_task(&self, processes: &[u32]) -> Result<u64, String> {
        for item in self.items.iter().filter(|item| processes.contains(&item.tgid)) {
            let parent = self.memory.word(item.task + self.offset("task_struct", "real_parent")?)?;
            if !processes.contains(&self.memory.half(parent + self.offset("task_struct", "tgid")?)?) {
                return Ok(item.task);
            }
        }
        Err("no process with open files was found in the experiment".into())
    }

    pub(super) fn table(&self, task: u64) -> Result<Table, String> {
        let files = self.memory.word(task + self.offset("task_struct", "files")?)?;
        let fdt = self.memory.word(files + self.offset("files_struct", "fdt")?)?;
        Ok(Table {
            files,
            fdt,
            array: self.memory.word(fdt + self.offset("fdtable", "fd")?)?,
            room: self.memory.half(fdt + self.offset("fdtable", "max_fds")?)?.into(),
        })
    }

    /// The open files of a task's process.
    pub(super) fn files(&self, task: u64) -> Result<Value, String> {
        let table = self.table(task)?;
        let slots: Vec<u64> =
            (0..table.room).map(|fd| self.memory.word(table.array + fd * 8)).collect::<Result<_, _>>()?;
        let open: Vec<u64> = slots.into_iter().filter(|&file| file != 0).collect();
        let inode = self.offset("file", "f_inode")?;
        let kinds =
            open.iter().map(|file| self.kind(self.memory.word(file + inode)?)).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({
            "files": address(table.files),
            "table": address(table.fdt),
            "array": address(table.array),
            "room": table.room,
            "open": open.len(),
            "sockets": kinds.iter().filter(|&&kind| kind == "socket").count(),
            "tasks": self.tasks(task)?,
        }))
    }

    /// The tasks of a task's process, each with its `files`.
    fn tasks(&self, task: u64) -> Result<Vec<Value>, String> {
        let signal = self.memory.word(task + self.offset("task_struct", "signal")?)?;
        let threads = self.list(signal + self.offset("signal_struct", "thread_head")?)?;
        let node = self.offset("task_struct", "thread_node")?;
        let one = |link: &u64| {
            let task = link - node;
            let tid = self.memory.half(task + self.offset("task_struct", "pid")?)?;
            let files = self.memory.word(task + self.offset("task_struct", "files")?)?;
            Ok(json!({"tid": tid, "files": address(files)}))
        };
        threads.links.iter().map(one).collect()
    }
}
