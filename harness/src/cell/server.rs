//! The server under test: start it, hear where it listens, stop it with all its children.
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use nix::sys::memfd::{MFdFlags, memfd_create};
use wakeproof_abi::Role;

use super::failure::Failure;
use super::wait::{self, Deadline};
use super::{fence, limits, process, tasks};
use crate::case::{self, ServerLimit};
use crate::recording::ServerRun;

/// How much of its standard error is kept: the end.
const STDERR: u64 = 4096;

/// A server process.
pub struct Server {
    model: String,
    child: Child,
    /// Where it listens, once it has said so.
    pub address: SocketAddr,
    /// A memory file: nobody has to read it for the server to go on.
    stderr: File,
}

/// The command that runs a server: this program again.
pub fn command(server: &case::Server) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("wakeproof").arg("serve").arg(server.model.to_string()).args(arguments(server));
    command
}

/// The options as the command line has them. Both forms have the same names and values, in kebab case.
fn arguments(server: &case::Server) -> Vec<String> {
    use serde_json::Value;
    let options = serde_json::to_value(&server.options).unwrap_or_default();
    let argument = |(name, value): (&String, &Value)| match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some(format!("--{name}")),
        Value::String(text) => Some(format!("--{name}={text}")),
        other => Some(format!("--{name}={other}")),
    };
    options.as_object().into_iter().flatten().filter_map(argument).collect()
}

impl Server {
    /// Starts the command of a server. It has not yet said where it listens.
    pub fn spawn(
        model: &str,
        mut command: Command,
        stdout: Stdio,
        limit: Option<&ServerLimit>,
        token: u64,
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Broken(format!("failed to start the server {model}: {error}"));
        let stderr = File::from(memfd_create("stderr", MFdFlags::MFD_CLOEXEC).map_err(|errno| failed(errno.into()))?);
        let theirs = stderr.try_clone().map_err(failed)?;
        command.stdin(Stdio::null()).stdout(stdout).stderr(theirs);
        let limit = limit.map(|limit| limits::prepare(limit, token));
        let prepare = move || {
            limit.as_ref().map_or(Ok(()), limits::Prepared::set)?;
            // Behind the limit, which may change the user: that takes this wish back (kernel/cred.c: commit_creds).
            process::die_with_parent()?;
            fence::join(Role::Server, token);
            Ok(())
        };
        // SAFETY: between fork and exec it makes a few system calls and nothing else.
        unsafe { command.pre_exec(prepare) };
        let child = command.spawn().map_err(failed)?;
        Ok(Self { model: model.to_owned(), child, address: SocketAddr::from(([0; 4], 0)), stderr })
    }

    /// Waits until it says where it listens.
    pub fn announced(&mut self, deadline: &Deadline) -> Result<(), Failure> {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let Some(stdout) = &mut self.child.stdout else { break };
            let there = wait::until(stdout.as_raw_fd(), libc::POLLIN, deadline);
            if !there.map_err(|errno| Failure::call("wait for the server's address", errno))? {
                let why =
                    format!("the server {} has not said where it listens within {} ms", self.model, deadline.millis);
                return Err(Failure::Timeout(why).add(&self.doings()).add(&self.complaint()));
            }
            let mut byte = [0];
            match stdout.read(&mut byte) {
                Ok(0) => return Err(self.died_at_start(deadline)),
                Ok(_) => line.push(byte[0]),
                Err(error) => {
                    return Err(Failure::Broken(format!("failed to hear the server {}: {error}", self.model)));
                }
            }
        }
        let line = String::from_utf8_lossy(&line);
        self.address = parse_announcement(&line).ok_or_else(|| {
            let said = line.trim_end();
            Failure::Broken(format!(
                "expected the server {} to say `listening on ADDRESS:PORT`, it said `{said}`",
                self.model
            ))
        })?;
        Ok(())
    }

    /// It has closed its standard output without a word: most likely because it has ended.
    fn died_at_start(&mut self, deadline: &Deadline) -> Failure {
        let ended = loop {
            match self.exit() {
                None if !deadline.passed() => wait::between_looks(),
                ended => break ended,
            }
        };
        let how = ended.map_or("has closed its standard output".to_owned(), |how| format!("has ended ({how})"));
        let why = format!("the server {} {how} before it said where it listens", self.model);
        Failure::Broken(why).add(&self.complaint())
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// How it ended by itself, if it has.
    pub fn exit(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// What it does just now, in a sentence.
    pub fn doings(&mut self) -> String {
        match self.exit() {
            Some(how) => format!("the server {} has ended ({how})", self.model),
            None => format!(
                "the server {}: {}",
                self.model,
                tasks::describe(&tasks::below(nix::unistd::Pid::this().as_raw()))
            ),
        }
    }

    pub(super) fn complaint(&self) -> String {
        match self.stderr().trim_end() {
            "" => String::new(),
            text => format!("its standard error: {text}"),
        }
    }

    /// The end of what it wrote to its standard error.
    fn stderr(&self) -> String {
        let length = self.stderr.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = vec![0; usize::try_from(length.min(STDERR)).unwrap_or(0)];
        match self.stderr.read_exact_at(&mut bytes, length.saturating_sub(STDERR)) {
            Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => String::new(),
        }
    }

    /// Ends it, with all its children, and says how it went.
    pub fn stop(mut self) -> ServerRun {
        let exit = self.exit();
        process::kill_descendants();
        ServerRun { port: self.address.port(), stderr: self.stderr(), exit, model: self.model }
    }
}

/// Reads `listening on 127.0.0.1:43210`.
fn parse_announcement(line: &str) -> Option<SocketAddr> {
    line.trim_end().strip_prefix("listening on ")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use wakeproof_servers::{Defect, Model, Options, Read};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn back(options: Options) -> Options {
        let arguments = arguments(&case::Server { model: Model::EpollEt, options, limit: None });
        Line::parse_from(std::iter::once("serve".to_owned()).chain(arguments)).options
    }

    #[test]
    fn options_survive_the_command_line() {
        let mut options = Options { read: Some(Read::Never), ..Options::default() };
        assert_eq!(back(options.clone()), options);
        options.defect = Some(Defect::AcceptOncePerEdge);
        options.max_events = std::num::NonZeroUsize::new(3);
        assert_eq!(back(options.clone()), options);
    }

    #[test]
    fn an_announcement_names_an_address() {
        assert_eq!(parse_announcement("listening on 127.0.0.1:4\n"), Some(SocketAddr::from(([127, 0, 0, 1], 4))));
        assert_eq!(parse_announcement("listening at 127.0.0.1:4\n"), None);
    }

    #[test]
    fn a_server_that_hangs_is_told_from_one_that_dies() {
        let mut sleep = Command::new("sleep");
        sleep.arg("1000");
        let mut server = Server::spawn("sleep", sleep, Stdio::piped(), None, 0).unwrap();
        let Err(Failure::Timeout(why)) = server.announced(&Deadline::after(50)) else { panic!("sleep has spoken") };
        assert!(why.contains("sleeps (S)"), "{why}");
        server.child.kill().unwrap();
        server.child.wait().unwrap();

        let mut shell = Command::new("sh");
        shell.args(["-c", "echo no luck >&2; exit 7"]);
        let mut server = Server::spawn("sh", shell, Stdio::piped(), None, 0).unwrap();
        let Err(Failure::Broken(why)) = server.announced(&Deadline::after(10_000)) else { panic!("sh has spoken") };
        assert!(why.contains("exit status: 7") && why.contains("no luck"), "{why}");
    }
}
