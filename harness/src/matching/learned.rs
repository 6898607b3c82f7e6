//! What earlier events tell about later ones: whose descriptor is which socket, and what an epoll registration is about.
use foldhash::HashMap;

use super::Scene;
use crate::case::EventName;
use crate::recording::{By, Event, Extra};

/// The ends of a connection as the kernel sees it: port on this end, port on the far end.
pub(super) type Ports = (u16, u16);

/// What an epoll registration is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) ports: Ports,
    /// The descriptor that was registered, and whose.
    pub(super) fd: i32,
    pub(super) by: Option<By>,
}

/// What has been learned so far.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// By eventpoll and user data. A registration is kept after its end: a report may still be on its way.
    interest: HashMap<(u64, u64), Registration>,
    /// Process, then descriptor.
    sockets: HashMap<u32, HashMap<i32, Ports>>,
    /// Kernel object to the client's descriptors for it.
    objects: HashMap<u64, Vec<i32>>,
    /// The same the other way round.
    files: HashMap<i32, u64>,
}

impl Learned {
    /// The registration behind a reported pair.
    pub(super) fn registration(&self, eventpoll: u64, data: u64) -> Option<&Registration> {
        self.interest.get(&(eventpoll, data))
    }

    /// The connection behind a descriptor that was accepted.
    pub(super) fn socket(&self, process: u32, fd: i32) -> Option<Ports> {
        self.sockets.get(&process)?.get(&fd).copied()
    }

    /// The client's descriptors for a kernel object.
    pub(super) fn descriptors(&self, object: u64) -> &[i32] {
        if object == 0 { &[] } else { self.objects.get(&object).map_or(&[], Vec::as_slice) }
    }

    /// Learns from an event. Failed calls teach nothing.
    pub(super) fn observe(&mut self, event: &Event, scene: Scene<'_>) {
        match event.name {
            EventName::Accept if event.value >= 0 => {
                let fd = descriptor(event.value);
                self.sockets.entry(event.pid).or_default().insert(fd, (event.local, event.remote));
            }
            EventName::EpollCtl if event.value >= 0 => self.control(event, scene.extra(event)),
            EventName::Close if event.value >= 0 => self.close(event),
            // A thread shares the table of its process; a process gets a copy (kernel/fork.c: copy_files).
            EventName::Fork if event.value == i64::from(event.detail) => {
                if let Some(table) = self.sockets.get(&event.pid).filter(|table| !table.is_empty()) {
                    let copy = table.clone();
                    self.sockets.insert(event.detail, copy);
                }
            }
            EventName::Exit if event.pid == event.tid => {
                self.sockets.remove(&event.pid);
            }
            EventName::EpollWait
            | EventName::Read
            | EventName::Write
            | EventName::SysEnterEpollWait
            | EventName::SysEnterRead => {
                self.see(event, descriptor_of(event), event.object);
            }
            _ => {}
        }
    }

    fn control(&mut self, event: &Event, extra: &Extra) {
        self.see(event, descriptor_of(event), event.object);
        let &Extra::Ctl { op, fd, data, local, remote, target, .. } = extra else { return };
        let fd = fd.cast_signed();
        if op != DELETE {
            let registration = Registration { ports: (local, remote), fd, by: event.by };
            self.interest.insert((event.object, data), registration);
        }
        self.see(event, fd, target);
    }

    fn close(&mut self, event: &Event) {
        let fd = descriptor_of(event);
        if let Some(table) = self.sockets.get_mut(&event.pid) {
            table.remove(&fd);
        }
        if event.by == Some(By::Client) {
            self.forget(fd);
        }
    }

    /// The client's descriptor leads to this object.
    fn see(&mut self, event: &Event, fd: i32, object: u64) {
        if object != 0 && event.by == Some(By::Client) && self.files.get(&fd) != Some(&object) {
            self.forget(fd);
            self.files.insert(fd, object);
            self.objects.entry(object).or_default().push(fd);
        }
    }

    fn forget(&mut self, fd: i32) {
        if let Some(descriptors) = self.files.remove(&fd).and_then(|object| self.objects.get_mut(&object)) {
            descriptors.retain(|known| *known != fd);
        }
    }
}

const DELETE: u32 = 2;

/// A system call's first argument as a descriptor.
pub(super) fn descriptor_of(event: &Event) -> i32 {
    event.detail.cast_signed()
}

/// A value that is a descriptor.
pub(super) fn descriptor(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(-1)
}
