//! Walking all tasks of the experiment, and all their descriptors, to find the kernel objects behind them.
use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_seq_write;
use wakeproof_abi::{TaskItem, WalkItem};

use crate::{
    descriptor::thing,
    kernel::{offset, read},
    scope::role,
};

/// `struct bpf_iter_meta` as far as we need it (include/linux/bpf.h).
#[repr(C)]
struct Meta {
    seq: *mut c_void,
}

/// `struct bpf_iter__task_file` (`kernel/bpf/task_iter.c`); each pointer has eight bytes of its own.
#[repr(C)]
struct TaskFile {
    meta: *const Meta,
    task: *const c_void,
    fd: u32,
    _pad: u32,
    file: *const c_void,
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
extern "C" fn walk_task_file(ctx: *const TaskFile) -> i32 {
    // SAFETY: the kernel passes this structure; `task` and `file` are null at the end of the walk.
    let (meta, task, fd, file) = unsafe { ((*ctx).meta, (*ctx).task, (*ctx).fd, (*ctx).file) };
    if task.is_null() || file.is_null() {
        return 0;
    }
    let tgid = read::<u32>(task as u64 + offset!(task_tgid)).unwrap_or(0);
    if role(tgid) == 0 {
        return 0;
    }
    let file = file as u64;
    let inode = read::<u64>(file + offset!(file_f_inode)).unwrap_or(0);
    let about = thing(file);
    let item = WalkItem {
        tgid,
        fd,
        task: task as u64,
        file,
        private: read(file + offset!(file_private_data)).unwrap_or(0),
        ops: read(file + offset!(file_f_op)).unwrap_or(0),
        sock: if about.socket { about.object } else { 0 },
        local: about.local,
        remote: about.remote,
        mode: read(inode + offset!(inode_i_mode)).unwrap_or(0),
        sock_type: if about.socket { read(about.object + offset!(sock_type)).unwrap_or(0) } else { 0 },
    };
    // SAFETY: `seq` is the walk's own file; the item lives until the call returns.
    unsafe { bpf_seq_write((*meta).seq.cast(), (&raw const item).cast(), size_of::<WalkItem>() as u32) };
    0
}

/// `struct bpf_iter__task` (`kernel/bpf/task_iter.c`).
#[repr(C)]
struct Task {
    meta: *const Meta,
    task: *const c_void,
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
extern "C" fn walk_task(ctx: *const Task) -> i32 {
    // SAFETY: the kernel passes this structure; `task` is null at the end of the walk.
    let (meta, task) = unsafe { ((*ctx).meta, (*ctx).task) };
    if task.is_null() {
        return 0;
    }
    let task = task as u64;
    let tgid = read::<u32>(task + offset!(task_tgid)).unwrap_or(0);
    if role(tgid) == 0 {
        return 0;
    }
    let item = TaskItem { tgid, tid: read(task + offset!(task_pid)).unwrap_or(0), task };
    // SAFETY: as above.
    unsafe { bpf_seq_write((*meta).seq.cast(), (&raw const item).cast(), size_of::<TaskItem>() as u32) };
    0
}
