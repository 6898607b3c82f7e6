//! What a name of a case stands for, prepared to be looked up for each event.
use foldhash::HashSet;
use indexmap::IndexMap;

use super::Scene;
use super::learned::{Learned, Ports};
use crate::case::EventName;
use crate::recording::{By, Event, Extra, Named};

/// The connections and descriptors that a name stands for: `x` all of them, `x[3]` the fourth.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The server's end of each connection, and each TCP socket of the script.
    ports: HashSet<Ports>,
    /// Descriptors of the script.
    fds: HashSet<i32>,
}

impl Target {
    /// What `name` stands for; empty if nothing yet does.
    pub fn of(name: &str, names: &IndexMap<String, Vec<Named>>) -> Self {
        let mut target = Self::default();
        for named in resolve(name, names) {
            match *named {
                Named::Connection { client, server } => {
                    target.ports.insert((server, client));
                }
                Named::Descriptor { fd, local, remote } => {
                    target.fds.insert(fd);
                    if local != 0 {
                        target.ports.insert((local, remote));
                    }
                }
            }
        }
        target
    }

    /// Whether nothing is behind the name.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty() && self.fds.is_empty()
    }

    fn has_ports(&self, ports: Ports) -> bool {
        ports.0 != 0 && self.ports.contains(&ports)
    }

    /// Whether these are the ports of one of its connections, this end first.
    pub fn is_connection(&self, local: u16, remote: u16) -> bool {
        self.has_ports((local, remote))
    }

    /// The descriptors of the script among them.
    pub fn descriptors(&self) -> impl Iterator<Item = i32> {
        self.fds.iter().copied()
    }

    fn has_fd(&self, fd: i32) -> bool {
        !self.fds.is_empty() && self.fds.contains(&fd)
    }

    /// A descriptor of the process that made a call.
    fn has_descriptor(&self, event: &Event, fd: i32, learned: &Learned) -> bool {
        (event.by == Some(By::Client) && self.has_fd(fd))
            || (!self.ports.is_empty() && learned.socket(event.pid, fd).is_some_and(|ports| self.has_ports(ports)))
    }

    /// Whether the event is about it.
    ///
    /// A connection is its server's end: `local` is the server's port and `remote` the client's, so that a `tcp_v4_rcv` on
    /// it is a segment *towards* the server.
    pub(super) fn is_subject_of(&self, event: &Event, learned: &Learned, scene: Scene<'_>) -> bool {
        if self.has_ports((event.local, event.remote)) {
            return true;
        }
        match event.name {
            EventName::EpPollCallback | EventName::Watch | EventName::SkDataReady => {
                // The watched descriptor's number, of whichever process registered it: only where there are no ports.
                (event.name != EventName::SkDataReady
                    && event.local == 0
                    && self.has_fd(super::learned::descriptor(event.value)))
                    || self.has_object(event.object, learned)
                    || self.has_object(event.peer, learned)
            }
            EventName::EpollCtl => {
                let about = match *scene.extra(event) {
                    Extra::Ctl { fd, local, remote, .. } => {
                        self.has_ports((local, remote)) || self.has_descriptor(event, fd.cast_signed(), learned)
                    }
                    _ => false,
                };
                about || self.has_descriptor(event, event.detail.cast_signed(), learned)
            }
            EventName::Select | EventName::Poll => self.is_among(event, learned, scene),
            name if name.calls().is_some()
                && !matches!(
                    name,
                    EventName::SysEnterPoll
                        | EventName::SysEnterSelect
                        | EventName::Wait4
                        | EventName::Clone
                        | EventName::Mmap
                ) =>
            {
                self.has_descriptor(event, event.detail.cast_signed(), learned)
            }
            _ => false,
        }
    }

    fn has_object(&self, object: u64, learned: &Learned) -> bool {
        !self.fds.is_empty() && learned.descriptors(object).iter().any(|fd| self.fds.contains(fd))
    }

    /// Whether a `poll` was asked about it, or a `select` found it.
    fn is_among(&self, event: &Event, learned: &Learned, scene: Scene<'_>) -> bool {
        match scene.extra(event) {
            Extra::PollFds(entries) => entries.iter().any(|&(fd, ..)| self.has_descriptor(event, fd, learned)),
            Extra::Set(fds) => fds.iter().any(|fd| self.has_descriptor(event, fd.cast_signed(), learned)),
            _ => false,
        }
    }

    /// Whether the wait call reports it. Only what was carried counts: the first sixteen pairs of `epoll_wait`, the first
    /// 24 entries of `poll`, descriptors below 1024 of `select`.
    pub(super) fn is_reported_by(&self, event: &Event, learned: &Learned, scene: Scene<'_>) -> bool {
        match scene.extra(event) {
            Extra::Pairs(pairs) => pairs.iter().any(|&(_, data)| {
                learned.registration(event.object, data).is_some_and(|registration| {
                    self.has_ports(registration.ports)
                        || (registration.by == Some(By::Client) && self.has_fd(registration.fd))
                        || (registration.ports.0 == 0 && self.has_descriptor(event, registration.fd, learned))
                })
            }),
            Extra::PollFds(entries) => {
                event.value > 0
                    && entries.iter().any(|&(fd, _, found)| found != 0 && self.has_descriptor(event, fd, learned))
            }
            Extra::Set(fds) => {
                event.value > 0 && fds.iter().any(|fd| self.has_descriptor(event, fd.cast_signed(), learned))
            }
            _ => false,
        }
    }
}

/// What a name stands for: `x` everything under that name, `x[3]` one of it.
fn resolve<'a>(name: &str, names: &'a IndexMap<String, Vec<Named>>) -> &'a [Named] {
    if let Some(all) = names.get(name) {
        return all;
    }
    let one = name
        .strip_suffix(']')
        .and_then(|rest| rest.split_once('['))
        .and_then(|(base, place)| names.get(base)?.get(place.parse::<usize>().ok()?));
    one.map_or(&[], std::slice::from_ref)
}
