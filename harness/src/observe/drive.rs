//! The harness's end of the [driver](super::driver): orders and answers, one line each.
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context as _, bail};

use super::driver::{self, Answer, Got, How, Order, Until};

/// A running driver.
pub struct Drive {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    next: u32,
}

impl Drive {
    /// Starts one: in namespaces of its own, or in the network namespace of a process.
    pub fn start(network_of: Option<u32>) -> anyhow::Result<Self> {
        let mut command = driver::command(network_of);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("failed to start this program again")?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else { bail!("the driver has no pipes") };
        Ok(Self { child, stdin, stdout: BufReader::new(stdout), next: 0 })
    }

    /// Its process, from which all others descend.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn ask(&mut self, order: &Order) -> anyhow::Result<Answer> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.stdin.write_all(&line).context("the driver has ended")?;
        let mut answer = String::new();
        if self.stdout.read_line(&mut answer)? == 0 {
            bail!("the driver has ended");
        }
        match serde_json::from_str(&answer)? {
            Answer::Failed(why) => bail!("{why}"),
            answer => Ok(answer),
        }
    }

    /// Starts the server.
    pub fn serve(&mut self, command: &[String], token: u64) -> anyhow::Result<()> {
        self.ask(&Order::Start { command: command.to_vec(), token }).map(drop)
    }

    /// Makes connections, which may send something at once. Their names, and their ports.
    pub fn connect(&mut self, count: u32, port: u16, send: &[u8]) -> anyhow::Result<Vec<(u32, u16)>> {
        self.connect_as(&vec![1; count as usize], port, send, None).map(|(connected, _)| connected)
    }

    /// The same ahead of everything else that runs on a processor, each so often what is to be sent. Also when all of it was
    /// sent.
    pub fn connect_as(
        &mut self,
        repeat: &[usize],
        port: u16,
        send: &[u8],
        ahead: Option<usize>,
    ) -> anyhow::Result<(Vec<(u32, u16)>, u64)> {
        let ids: Vec<u32> = (self.next..).take(repeat.len()).collect();
        self.next += u32::try_from(repeat.len())?;
        let order = Order::Connect { ids: ids.clone(), port, send: send.to_vec(), repeat: repeat.to_vec(), ahead };
        match self.ask(&order)? {
            Answer::Connected { ports, time } => Ok((ids.into_iter().zip(ports).collect(), time)),
            other => bail!("the driver answered {other:?}"),
        }
    }

    /// Sends; how many bytes went.
    pub fn send(&mut self, ids: &[u32], bytes: &[u8], times: u32) -> anyhow::Result<Vec<u64>> {
        match self.ask(&Order::Send { ids: ids.to_vec(), bytes: bytes.to_vec(), times })? {
            Answer::Sent(sent) => Ok(sent),
            other => bail!("the driver answered {other:?}"),
        }
    }

    /// Reads replies.
    pub fn receive(&mut self, ids: &[u32], until: Until, millis: u64) -> anyhow::Result<Vec<Got>> {
        match self.ask(&Order::Receive { ids: ids.to_vec(), until, millis })? {
            Answer::Got(got) => Ok(got),
            other => bail!("the driver answered {other:?}"),
        }
    }

    /// Ends connections.
    pub fn end(&mut self, ids: &[u32], how: How) -> anyhow::Result<()> {
        self.ask(&Order::End { ids: ids.to_vec(), how }).map(drop)
    }

    /// How the server has ended, if it has, and the end of what it said.
    pub fn server(&mut self) -> anyhow::Result<(Option<String>, String)> {
        match self.ask(&Order::Alive)? {
            Answer::Server { exit, stderr } => Ok((exit, stderr)),
            other => bail!("the driver answered {other:?}"),
        }
    }

    /// Ends everything it has started, and itself.
    pub fn stop(&mut self) {
        let _ = self.ask(&Order::Stop);
        let _ = self.child.wait();
    }
}
