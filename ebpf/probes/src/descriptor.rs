//! From a descriptor of the running task to the kernel object behind it.
use crate::{
    kernel::{current, offset, read},
    scope::ports,
};

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
    let files: u64 = read(current() + offset!(task_files))?;
    let fdt: u64 = read(files + offset!(files_fdt))?;
    let (max, array) = (offset!(fdtable_max_fds), offset!(fdtable_fd));
    // They are neighbours (include/linux/fdtable.h: `struct fdtable`, 5.10 to 7.3): to the verifier this is decided.
    let [max, array] = if array == max + 8 {
        read::<[u64; 2]>(fdt + max)?
    } else {
        [u64::from(read::<u32>(fdt + max)?), read(fdt + array)?]
    };
    let fd = fd & 0xffff_ffff;
    // What lies between the number and the pointer may be anything.
    if fd >= max & 0xffff_ffff {
        return None;
    }
    read::<u64>(array + fd * 8).filter(|&file| file != 0)
}

/// `file->private_data`: of an epoll descriptor, its `struct eventpoll`.
#[inline(always)]
pub(crate) fn private(file: u64) -> Option<u64> {
    read(file + offset!(file_private_data))
}

/// What a file is about.
#[inline(always)]
pub(crate) fn thing(file: u64) -> Thing {
    let plain = Thing { object: file, ..Thing::default() };
    let Some(inode) = read::<u64>(file + offset!(file_f_inode)) else { return plain };
    let Some(mode) = read::<u16>(inode + offset!(inode_i_mode)) else { return plain };
    if mode & S_IFMT != S_IFSOCK {
        return plain;
    }
    let Some(socket) = private(file) else { return plain };
    let Some(sock) = read::<u64>(socket + offset!(socket_sk)).filter(|&sock| sock != 0) else { return plain };
    let (local, remote) = ports(sock);
    Thing { object: sock, local, remote, socket: true }
}
