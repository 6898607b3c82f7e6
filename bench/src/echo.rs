//! The load: an edge-triggered echo server, and a client that keeps every connection busy with one request at a time.
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use wakeproof::record::Tap;
use wakeproof_abi::Role;
use wakeproof_servers::{Model, Options};

use crate::cpu;

/// How long a request and its answer are.
const MESSAGE: [u8; 64] = [b'w'; 64];

/// The echo server's processor and the client's.
const PROCESSORS: (usize, usize) = (0, 1);

/// A running echo server.
pub struct Server {
    child: Child,
    address: String,
}

/// What one window gave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// Requests answered.
    pub requests: u64,
    /// Wall time.
    pub wall: Duration,
    /// Processor time of server and client.
    pub cpu: Duration,
}

impl Window {
    /// Answered requests in a second.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn throughput(&self) -> f64 {
        self.requests as f64 / self.wall.as_secs_f64()
    }

    /// Processor time of server and client for a request, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn cpu_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests.max(1) as f64
    }
}

/// Is the echo server, until it is killed.
pub fn serve() -> Result<ExitCode> {
    cpu::pin(PROCESSORS.0);
    let Err(error) = wakeproof_servers::serve(Model::EpollEt, &Options::default());
    Err(anyhow::Error::new(error).context("the echo server has ended"))
}

impl Server {
    /// Starts one that belongs to the experiment with this token, and waits until it listens. It ends with us.
    pub fn start(token: u64) -> Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.arg("server").stdout(Stdio::piped()).stdin(Stdio::null());
        // SAFETY: both calls are async-signal-safe.
        unsafe {
            command.pre_exec(move || {
                set_pdeathsig(Signal::SIGKILL)?;
                Tap::join(Role::Server, token);
                Ok(())
            });
        }
        let mut child = command.spawn().context("failed to start the echo server")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the echo server has no output")?;
        BufReader::new(stdout).read_line(&mut line).context("failed to hear from the echo server")?;
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let mut server = Self { child, address: String::new() };
        server.address = address.with_context(|| format!("the echo server said `{}`", line.trim()))?;
        Ok(server)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Connects so many clients.
    pub fn connect(&self, connections: u16) -> Result<Client> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut streams = Vec::new();
        for number in 0..u64::from(connections) {
            let stream = TcpStream::connect(&self.address).context("failed to connect to the echo server")?;
            stream.set_nodelay(true)?;
            epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
            streams.push(stream);
        }
        Ok(Client { epoll, streams })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connected clients, driven by one thread.
pub struct Client {
    epoll: Epoll,
    streams: Vec<TcpStream>,
}

impl Client {
    /// Sends requests on every connection, each as soon as the one before is answered, for so long.
    pub fn run(&mut self, server: &Server, window: Duration) -> Result<Window> {
        cpu::pin(PROCESSORS.1);
        let mut answer = MESSAGE;
        let mut waiting = vec![0_usize; self.streams.len()];
        let before = cpu::of_process(server.pid())? + cpu::of_thread();
        let started = Instant::now();
        for stream in &mut self.streams {
            stream.write_all(&MESSAGE)?;
        }
        let mut events = vec![EpollEvent::empty(); self.streams.len()];
        let mut requests = 0;
        let mut open = self.streams.len();
        while open > 0 {
            let ready = self.epoll.wait(&mut events, EpollTimeout::from(10_000_u16))?;
            ensure!(ready > 0, "the echo server has not answered for 10 s");
            let over = started.elapsed() >= window;
            for event in &events[..ready] {
                let place = usize::try_from(event.data())?;
                let read = self.streams[place].read(&mut answer)?;
                ensure!(read > 0, "the echo server has closed a connection");
                waiting[place] += read;
                if waiting[place] < MESSAGE.len() {
                    continue;
                }
                waiting[place] = 0;
                requests += 1;
                if over {
                    open -= 1;
                } else {
                    self.streams[place].write_all(&MESSAGE)?;
                }
            }
        }
        let wall = started.elapsed();
        let cpu = (cpu::of_process(server.pid())? + cpu::of_thread()).saturating_sub(before);
        Ok(Window { requests, wall, cpu })
    }
}
