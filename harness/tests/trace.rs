//! `wakeproof trace` follows a command, or a server that runs, and leaves the server as it was.
//!
//! It has a `main` of its own, since whether a test can run is known only when it runs: root, or an eBPF object.
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde_json::Value;

type Tested = Result<Completion, Failed>;

/// By when something must have been seen, on a machine that does other things too.
const DEADLINE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let trials = vec![
        Trial::ignorable_test("a_command_is_followed_until_ctrl_c", || watched(a_command_is_followed)),
        Trial::ignorable_test("a_server_is_watched_and_goes_on", || watched(a_server_is_watched)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs a test where the kernel can be watched by the command as it was built.
fn watched(test: fn() -> Result<(), Failed>) -> Tested {
    if !geteuid().is_root() {
        return Ok(Completion::ignored_with("needs root"));
    }
    if wakeproof::object::object().is_none() {
        return Ok(Completion::ignored_with("the command was built without its eBPF object"));
    }
    test().map(|()| Completion::Completed)
}

/// A program, which is ended with the test.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Program {
    fn start(arguments: &[&str]) -> Result<Self, Failed> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wakeproof"));
        command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let out = child.stdout.take().ok_or("there is no pipe")?;
        Ok(Self { child, lines: lines(out) })
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// The port that a server says it listens on, whatever else is printed before.
    fn port(&self) -> Result<u16, Failed> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))?;
            if let Some((_, port)) = line.split_once("127.0.0.1:") {
                return Ok(port.trim().parse()?);
            }
        }
    }

    /// Ctrl-C: how it then ends.
    fn interrupt(&mut self) -> Result<Option<i32>, Failed> {
        kill(self.pid(), Signal::SIGINT)?;
        Ok(self.child.wait()?.code())
    }
}

fn lines(out: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}

/// Sends a byte and waits until it is back.
fn ping(stream: &mut TcpStream) -> Result<(), Failed> {
    stream.write_all(b"x")?;
    Ok(stream.read_exact(&mut [0])?)
}

/// Sends bytes, one after the other, until an event comes that is looked for.
fn ping_until(
    stream: &mut TcpStream,
    trace: &Program,
    mut found: impl FnMut(&Value) -> bool,
) -> Result<Vec<Value>, Failed> {
    let deadline = Instant::now() + DEADLINE;
    let mut events = Vec::new();
    while Instant::now() < deadline {
        ping(stream)?;
        while let Ok(line) = trace.lines.recv_timeout(Duration::from_millis(100)) {
            events.push(serde_json::from_str(&line).map_err(|error| format!("{error} in {line}"))?);
            if events.last().is_some_and(&mut found) {
                return Ok(events);
            }
        }
    }
    Err(format!("{} events came, but not the one looked for: {events:?}", events.len()).into())
}

fn a_command_is_followed() -> Result<(), Failed> {
    let own = env!("CARGO_BIN_EXE_wakeproof");
    let mut trace = Program::start(&["trace", "--", own, "serve", "epoll-et"])?;
    let port = trace.port()?;
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let of_the_read = |event: &Value| event["name"] == "read" && event["value"] == 1 && event["local"] == port;
    let events = ping_until(&mut stream, &trace, of_the_read)?;
    for name in ["accept", "epoll_wait", "epoll_ctl"] {
        if !events.iter().any(|event| event["name"] == name) {
            return Err(format!("{name} is missing in {events:?}").into());
        }
    }
    let status = trace.interrupt()?;
    if status != Some(130) || TcpStream::connect(("127.0.0.1", port)).is_ok() {
        return Err(format!("the command was to end with it, which ended with {status:?}").into());
    }
    Ok(())
}

fn a_server_is_watched() -> Result<(), Failed> {
    let server = Program::start(&["serve", "epoll-et"])?;
    let port = server.port()?;
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    ping(&mut stream)?;
    let pid = server.pid().to_string();
    let mut trace = Program::start(&["trace", "--pid", &pid, "--event", "epoll_wait", "--event", "tcp_v4_rcv"])?;
    // What arrives for it comes before the wait ends.
    let mut arrived = false;
    let events = ping_until(&mut stream, &trace, |event| {
        arrived |= event["name"] == "tcp_v4_rcv" && event["local"] == port;
        arrived && event["name"] == "epoll_wait" && event["value"] == 1
    })?;
    let asked = |event: &&Value| event["name"] == "epoll_wait" || event["name"] == "tcp_v4_rcv";
    if let Some(other) = events.iter().find(|event| !asked(event)) {
        return Err(format!("nobody asked for {other}").into());
    }
    let status = trace.interrupt()?;
    if status != Some(130) {
        return Err(format!("expected status 130, found {status:?}").into());
    }
    // It is there, and so is its connection.
    ping(&mut stream)
}
