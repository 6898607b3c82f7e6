//! A server process under test, and what /proc says about it.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::yield_now;
use std::time::{Duration, Instant};

use nix::libc::linger;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{setsockopt, sockopt::Linger};
use nix::unistd::Pid;

/// How long anything may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The models, by name. `io-uring` needs a kernel that allows it, or its tests fail with the reason.
pub const MODELS: [&str; 20] = [
    "blocking",
    "fork",
    "fork-autoreap",
    "thread",
    "pool",
    "pool-lazy",
    "pool-each",
    "pool-lock-free",
    "select",
    "poll",
    "epoll-lt",
    "epoll-et",
    "spin",
    "prefork",
    "epoll-shared",
    "epoll-oneshot",
    "epoll-each",
    "reuseport",
    "io-uring",
    "tokio",
];

/// A running server. It ends with the test.
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts `serve` with the given words and waits for its announcement.
    pub fn start(words: &str) -> Self {
        Self::start_with_descriptors(words, 4096)
    }

    /// As `start`, with a limit on the descriptors of the server.
    pub fn start_with_descriptors(words: &str, limit: u32) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" {words}")]).arg(example());
        Self::start_command(words, command)
    }

    /// As `start`, with a limit that lets it have no children: of a user of its own, as root has no such limit.
    pub fn start_without_children(words: &str) -> Self {
        let mut command = Command::new(example());
        command.args(words.split(' '));
        if nix::unistd::geteuid().is_root() {
            command.uid(1_900_000_000 + std::process::id() % 100_000_000);
        }
        let limit = || Ok(setrlimit(Resource::RLIMIT_NPROC, 0, 0)?);
        // SAFETY: between fork and exec it makes one system call.
        unsafe { command.pre_exec(limit) };
        Self::start_command(words, command)
    }

    fn start_command(words: &str, mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("failed to start the server");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ");
        let address: SocketAddr = address.unwrap_or_else(|| panic!("`{words}` announced {line:?}")).parse().unwrap();
        Self { child, port: address.port() }
    }

    /// A client whose reads fail at the deadline.
    pub fn connect(&self) -> TcpStream {
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("failed to connect");
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client
    }

    /// A client that has sent something.
    pub fn connect_and_send(&self, text: &str) -> TcpStream {
        let mut client = self.connect();
        client.write_all(text.as_bytes()).unwrap();
        client
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// The first line on standard error from now on.
    pub fn complaint(&mut self) -> String {
        let mut line = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        let mut ready = [nix::poll::PollFd::new(std::os::fd::AsFd::as_fd(stderr), nix::poll::PollFlags::POLLIN)];
        let reported = nix::poll::poll(&mut ready, 20_000u16).unwrap();
        assert_eq!(reported, 1, "the server did not complain within 20 s");
        BufReader::new(stderr).read_line(&mut line).unwrap();
        line
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// S asleep, R running, T stopped: from /proc/PID/stat.
    pub fn state(&self) -> char {
        stat(self.child.id()).unwrap()[0].chars().next().unwrap()
    }

    /// CPU time so far, in clock ticks.
    pub fn ticks(&self) -> u64 {
        let stat = stat(self.child.id()).unwrap();
        stat[11].parse::<u64>().unwrap() + stat[12].parse::<u64>().unwrap()
    }

    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// The states of its children, `Z` for a zombie.
    pub fn children(&self) -> String {
        let parent = self.child.id().to_string();
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        pids.filter_map(stat).filter(|stat| stat[1] == parent).map(|mut stat| stat.swap_remove(0)).collect()
    }

    /// How many of its threads are in this system call.
    pub fn threads_in(&self, call: i64) -> usize {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let calls = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("syscall")).ok());
        calls.filter(|line| line.split(' ').next() == Some(&call.to_string())).count()
    }

    /// Connections that wait to be accepted.
    pub fn accept_queue(&self) -> u64 {
        self.receive_queue_where(|remote| remote == 0)
    }

    /// Bytes that have arrived from the client and were not read.
    pub fn unread_from(&self, client: &TcpStream) -> u64 {
        let port = client.local_addr().unwrap().port();
        self.receive_queue_where(|remote| remote == port)
    }

    /// `rx_queue` of the server's socket in /proc/net/tcp: for a listener it is the accept queue.
    fn receive_queue_where(&self, remote: impl Fn(u16) -> bool) -> u64 {
        let port = |address: &str| u16::from_str_radix(address.rsplit(':').next().unwrap(), 16).unwrap();
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let mut rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| port(row[1]) == self.port && remote(port(row[2])));
        row.map_or(0, |row| u64::from_str_radix(row[4].rsplit(':').next().unwrap(), 16).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fields of /proc/PID/stat from the state on; none if the process is gone.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

/// The example that runs a server; cargo builds it together with the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().with_file_name("examples").join("serve")
}

/// Waits until something holds, and fails at the deadline.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        yield_now();
    }
}

/// Reads exactly the given answer.
#[track_caller]
pub fn expect_answer(client: &mut TcpStream, text: &str) {
    let mut answer = vec![0; text.len()];
    client.read_exact(&mut answer).expect("no answer");
    assert_eq!(String::from_utf8_lossy(&answer), text);
}

/// Says whether nothing has arrived at the client, without waiting.
pub fn heard_nothing(client: &TcpStream) -> bool {
    client.set_nonblocking(true).unwrap();
    let peeked = client.peek(&mut [0]);
    client.set_nonblocking(false).unwrap();
    peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Sends everything, then end of file, and reads until the server's end of file.
pub fn exchange(mut client: &TcpStream, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    client.write_all(bytes).expect("failed to send");
    client.shutdown(Shutdown::Write).expect("failed to send end of file");
    client.read_to_end(&mut answer).expect("no end of file from the server");
    answer
}

/// Closes with a reset instead of an end of file.
pub fn reset(client: TcpStream) {
    setsockopt(&client, Linger, &linger { l_onoff: 1, l_linger: 0 }).unwrap();
    drop(client);
}
