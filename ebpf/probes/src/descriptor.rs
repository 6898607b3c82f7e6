//! From a descriptor of the running task to the kernel object behind it.
use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;

use crate::{
    kernel::{current, member, offset, read},
    scope::ports,
};

/// 1 if the kernel hands out the running task with its type (`bpf_get_current_task_btf`, since 5.11). Frozen before the
/// program is loaded: of the two ways below the verifier leaves one out.
#[unsafe(no_mangle)]
static TYPED_TASK: u32 = 0;

const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;

/// What a file is about: a socket's `sock` with its ports, or the file itself.
#[derive(Clone, Copy, Default)]
pub(crate) struct Thing {
    pub(crate) object: u64,
    pub(crate) local: u16,
    pub(crate) remote: u16,
    pub(crate) socket: bool,
}

/// The `struct file` behind a descriptor of the running task.
#[inline(always)]
pub(crate) fn file(fd: u64) -> Option<u64> {
    let (max, array) = table()?;
    let fd = fd & 0xffff_ffff;
    if fd >= u64::from(max) {
        return None;
    }
    read::<u64>(array + fd * 8).filter(|&file| file != 0)
}

/// How many descriptors the running task's table has room for, and where their files stand.
#[inline(always)]
fn table() -> Option<(u32, u64)> {
    // SAFETY: a valid static; volatile because the loader replaces it and the compiler must not fold the number.
    if unsafe { core::ptr::read_volatile(&raw const TYPED_TASK) } != 0 {
        // SAFETY: no arguments, always there.
        let task = unsafe { bpf_get_current_task_btf() }.cast_const().cast::<c_void>();
        let files: *const c_void = member(task, offset!(task_files));
        let fdt: *const c_void = member(files, offset!(files_fdt));
        return Some((member(fdt, offset!(fdtable_max_fds)), member(fdt, offset!(fdtable_fd))));
    }
    let files: u64 = read(current() + offset!(task_files))?;
    let fdt: u64 = read(files + offset!(files_fdt))?;
    Some((read(fdt + offset!(fdtable_max_fds))?, read(fdt + offset!(fdtable_fd))?))
}

/// Members of a `struct file`.
#[derive(Clone, Copy)]
pub(crate) struct Opened {
    private: u64,
    inode: u64,
    pub(crate) flags: u32,
}

/// Reads them.
#[inline(always)]
pub(crate) fn opened(file: u64) -> Option<Opened> {
    let (private, inode, flags) = (offset!(file_private_data), offset!(file_f_inode), offset!(file_f_flags));
    // Since 6.12 they are neighbours (include/linux/fs.h: `struct file`): to the verifier this is decided.
    if inode == private + 8 && flags == private + 16 {
        let [private, inode, flags] = read::<[u64; 3]>(file + private)?;
        return Some(Opened { private, inode, flags: flags as u32 });
    }
    Some(Opened { private: read(file + private)?, inode: read(file + inode)?, flags: read(file + flags)? })
}

/// `file->private_data`: of an epoll descriptor, its `struct eventpoll`.
#[inline(always)]
pub(crate) fn private(file: u64) -> Option<u64> {
    read(file + offset!(file_private_data))
}

/// What a file is about.
#[inline(always)]
pub(crate) fn thing(file: u64) -> Thing {
    match opened(file) {
        Some(opened) => thing_of(file, opened),
        None => Thing { object: file, ..Thing::default() },
    }
}

/// The same, of a file whose members have been read.
#[inline(always)]
pub(crate) fn thing_of(file: u64, opened: Opened) -> Thing {
    let plain = Thing { object: file, ..Thing::default() };
    let Some(mode) = read::<u16>(opened.inode + offset!(inode_i_mode)) else { return plain };
    if mode & S_IFMT != S_IFSOCK {
        return plain;
    }
    let sock = read::<u64>(opened.private + offset!(socket_sk)).filter(|&sock| sock != 0);
    let Some(sock) = sock else { return plain };
    let (local, remote) = ports(sock);
    Thing { object: sock, local, remote, socket: true }
}
