//! A second network namespace, for sockets that share no port, no connection and no device with those of the first.
use std::fs::File;
use std::os::fd::OwnedFd;
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use super::isolate::bring_up;

/// The namespace, once somebody has needed it.
#[derive(Debug, Default)]
pub struct Elsewhere(Option<File>);

impl Elsewhere {
    /// Makes a socket there. A socket belongs for ever to the namespace of the thread that made it, whoever uses it later.
    pub fn make(&mut self, socket: impl FnOnce() -> nix::Result<OwnedFd> + Send) -> nix::Result<OwnedFd> {
        let known = self.0.as_ref();
        let inside = move || {
            let made = if let Some(namespace) = known {
                setns(namespace, CloneFlags::CLONE_NEWNET)?;
                None
            } else {
                unshare(CloneFlags::CLONE_NEWNET)?;
                bring_up("lo")?;
                Some(File::open("/proc/thread-self/ns/net").map_err(|_| Errno::ENOENT)?)
            };
            Ok((socket()?, made))
        };
        // A thread of its own, since the rest of the cell stays where it is.
        let (socket, made) = thread::scope(|scope| scope.spawn(inside).join()).unwrap_or(Err(Errno::EIO))?;
        self.0 = self.0.take().or(made);
        Ok(socket)
    }
}
