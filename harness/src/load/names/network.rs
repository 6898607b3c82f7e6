//! The names in calls on sockets.
use super::Walk;
use super::table::{FILES, Kind};
use crate::case::{Accept, SocketOption, Step};

impl Walk<'_> {
    pub(super) fn accept(&mut self, accept: &Accept, actors: u64) {
        self.refer("on", &accept.on, FILES);
        let times = self.names.times(&accept.on);
        self.result(accept.name.as_ref(), times.saturating_mul(actors));
        if let Some(into) = &accept.into {
            self.name("into", into, Kind::Descriptor, times);
            if self.path.iter().any(|key| key == "call") {
                self.within("into", |walk| walk.wrong("an actor cannot name what it accepts", "expected only `as`"));
            }
        }
    }

    /// A call on a socket, or a setting.
    pub(super) fn network(&mut self, step: &Step, actors: u64) {
        const SOCKET: &[Kind] = &[Kind::Descriptor];
        match step {
            Step::Socket(socket) => self.name("as", &socket.name, Kind::Descriptor, socket.times.0),
            Step::Bind(bind) => {
                self.refer("on", &bind.on, SOCKET);
                if let Some(of) = &bind.port_of {
                    self.refer("port_of", of, SOCKET);
                }
                let times = self.names.times(&bind.on);
                self.result(bind.name.as_ref(), times.saturating_mul(actors));
            }
            Step::ListenOn(listen) => {
                self.refer("on", &listen.on, SOCKET);
                let times = self.names.times(&listen.on);
                self.result(listen.name.as_ref(), times.saturating_mul(actors));
            }
            Step::ConnectOn(connect) => {
                self.refer("on", &connect.on, SOCKET);
                self.refer("to", &connect.to, SOCKET);
                let times = self.names.times(&connect.on);
                self.result(connect.name.as_ref(), times.saturating_mul(actors));
            }
            Step::SetOption(set) => {
                self.refer("on", &set.on, SOCKET);
                if (set.option == SocketOption::SoBindtodevice) != set.device.is_some() {
                    self.wrong("`SO_BINDTODEVICE` has a `device`, and nothing else has", "expected both or neither");
                }
            }
            Step::GetOption(get) => {
                self.refer("on", &get.on, SOCKET);
                self.result(Some(&get.name), actors);
            }
            Step::DropIncoming(of) => self.refer("", of, SOCKET),
            Step::Sysctl(sysctl) if !sysctl.name.starts_with("net.") => self.within("name", |walk| {
                walk.wrong(
                    format!("`{}` is no setting of a network namespace", sysctl.name),
                    "expected one such as net.ipv4.tcp_syncookies",
                );
            }),
            Step::ProcNetTcp(table) => self.result(Some(&table.name), actors),
            _ => {}
        }
    }
}
