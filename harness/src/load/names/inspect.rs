//! The names in `inspect`, and what kind of state comes of it.
use super::Walk;
use super::table::{FILES, Kind};
use crate::case::{Inspected, Whose, WhoseLimits};

const SOCKETS: &[Kind] = &[Kind::Descriptor, Kind::Connection];

impl Walk<'_> {
    pub(super) fn inspected(&mut self, state: &Inspected) -> Kind {
        match state {
            Inspected::Epoll(epoll) => {
                self.end("epoll", epoll, &[Kind::Epoll]);
                Kind::EpollState
            }
            Inspected::WaitQueue(socket) => {
                self.end("wait_queue", socket, SOCKETS);
                Kind::QueueState
            }
            Inspected::Tcp(socket) => {
                self.end("tcp", socket, SOCKETS);
                Kind::TcpState
            }
            Inspected::Established(socket) => {
                self.end("established", socket, SOCKETS);
                Kind::Established
            }
            Inspected::File(file) => {
                self.end("file", file, FILES);
                Kind::FileState
            }
            Inspected::Files(whose) => {
                self.whose("files", *whose);
                Kind::FilesState
            }
            Inspected::Tasks(whose) => {
                self.whose("tasks", *whose);
                Kind::TasksState
            }
            Inspected::Queues(socket) => {
                self.end("queues", socket, SOCKETS);
                Kind::QueuesState
            }
            Inspected::Limits(whose) => {
                if *whose == WhoseLimits::Server && !self.server {
                    self.within("limits", |walk| walk.wrong("this needs a server", "the case has none"));
                }
                Kind::LimitsState
            }
            Inspected::Layout(_) => Kind::Layout,
        }
    }

    fn whose(&mut self, key: &str, whose: Whose) {
        if whose == Whose::Server && !self.server {
            self.within(key, |walk| walk.wrong("this needs a server", "the case has none"));
        }
    }

    /// A file of the script, or the server's: its end of a connection, or what it has under `server`.
    fn end(&mut self, key: &str, name: &str, kinds: &[Kind]) {
        if name != "server" || !self.server {
            self.refer(key, name, kinds);
        }
    }
}
