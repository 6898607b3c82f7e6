//! Waiting for what the kernel has put off until an RCU grace period has passed.
use std::io;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Waits until the kernel has freed what it was to free by RCU (`call_rcu`) on any processor that this process may use:
/// sockets' inodes, files, tasks and their stacks, page tables. Each processor keeps such callbacks in a list and calls them
/// in its order.
///
/// No system call offers `rcu_barrier`. `io_destroy` comes to the same for one processor: it puts a callback of its own behind
/// the others, which puts a second one behind what the others have added, and returns when that has been called
/// (fs/aio.c: `free_ioctx_users`, `free_ioctx_reqs`; lib/percpu-refcount.c: `percpu_ref_kill`; 5.10 to 7.3).
///
/// # Errors
///
/// Those of `sched_setaffinity`, `io_setup` (`ENOSYS` without `CONFIG_AIO`, `EAGAIN` where `fs.aio-max-nr` is used up) and
/// `io_destroy`, and of starting a thread.
pub fn barrier() -> io::Result<()> {
    // A thread of its own, so that the caller's stays where it may run.
    let there = std::thread::Builder::new().spawn(|| {
        let allowed = sched_getaffinity(Pid::from_raw(0))?;
        for processor in (0..CpuSet::count()).filter(|processor| allowed.is_set(*processor).unwrap_or(false)) {
            let mut one = CpuSet::new();
            one.set(processor)?;
            sched_setaffinity(Pid::from_raw(0), &one)?;
            pass_through()?;
        }
        Ok(())
    })?;
    there.join().unwrap_or_else(|_| Err(io::Error::other("the thread that waited has panicked")))
}

/// Waits for the callbacks of the processor on which the calling thread runs.
fn pass_through() -> io::Result<()> {
    let mut context: libc::c_ulong = 0;
    // SAFETY: `io_setup` writes one word to `context`, which is ours. The context is used for nothing and destroyed below.
    Errno::result(unsafe { libc::syscall(libc::SYS_io_setup, 1, &raw mut context) })?;
    // SAFETY: this is the context that was made above, and nobody else knows it.
    Errno::result(unsafe { libc::syscall(libc::SYS_io_destroy, context) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_to_an_end_and_leaves_the_thread_where_it_was() {
        let before = sched_getaffinity(Pid::from_raw(0)).expect("an affinity");
        barrier().expect("this kernel has CONFIG_AIO");
        assert_eq!(sched_getaffinity(Pid::from_raw(0)).expect("an affinity"), before);
    }
}
