//! A user's server in the cell: nobody has told it to say where it listens, so that is seen from outside.
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use nix::unistd::Pid;

use super::failure::Failure;
use super::server::Server;
use super::wait::{self, Deadline};
use super::{listeners, tasks};
use crate::plan::Stranger;

impl Server {
    /// Starts a user's server, and waits until it listens. Nobody connects for that.
    pub fn stranger(stranger: &Stranger, token: u64, deadline: &Deadline) -> Result<Self, Failure> {
        let [program, arguments @ ..] = stranger.command.as_slice() else {
            return Err(Failure::Broken("there is no command to start".to_owned()));
        };
        let mut command = Command::new(program);
        command.args(arguments).arg0(program);
        let mut server = Self::spawn(program, command, Stdio::null(), None, token)?;
        loop {
            let found = listeners::of(&tasks::descendants(Pid::this().as_raw()));
            let wanted = |listener: &&SocketAddr| stranger.port.is_none_or(|port| listener.port() == port);
            if let Some(listener) = found.iter().find(wanted) {
                server.address = SocketAddr::new(listeners::reached(listener.ip()), listener.port());
                return Ok(server);
            }
            if deadline.passed() {
                let which = stranger.port.map_or("any TCP port".to_owned(), |port| format!("port {port}"));
                let why = format!("the server {program} does not listen on {which} after {} ms", deadline.millis);
                return Err(Failure::Broken(why).add(&server.doings()).add(&server.complaint()));
            }
            wait::between_looks();
        }
    }
}
