//! The cell's end of the conversation with the harness.
use std::io::{BufRead as _, Write as _};

use anyhow::{Context as _, bail};

use super::failure::Failure;
use super::protocol::{Answer, Order, Say};

/// The conversation, over standard input and output.
#[derive(Debug)]
pub struct Link {
    input: std::io::StdinLock<'static>,
    output: std::io::StdoutLock<'static>,
}

impl Link {
    /// Takes standard input and output for itself.
    pub fn open() -> Self {
        Self { input: std::io::stdin().lock(), output: std::io::stdout().lock() }
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            bail!("the harness closed the conversation");
        }
        Ok(line)
    }

    /// The order, which comes first.
    pub fn order(&mut self) -> anyhow::Result<Order> {
        serde_json::from_str(&self.line()?).context("failed to read the order")
    }

    /// Says something that has no answer.
    pub fn say(&mut self, say: &Say) -> anyhow::Result<()> {
        let mut line = serde_json::to_string(say)?;
        line.push('\n');
        self.output
            .write_all(line.as_bytes())
            .and_then(|()| self.output.flush())
            .context("failed to speak to the harness")
    }

    /// Says something and waits for the answer.
    pub fn ask(&mut self, say: &Say) -> Result<(), Failure> {
        let answer = self.say(say).and_then(|()| self.line()).and_then(|line| Ok(serde_json::from_str(&line)?));
        match answer.map_err(|error| Failure::Broken(format!("failed to talk to the harness: {error:#}")))? {
            Answer::Go => Ok(()),
            Answer::No { why, timeout: true } => Err(Failure::Timeout(why)),
            Answer::No { why, timeout: false } => Err(Failure::Broken(why)),
        }
    }
}
