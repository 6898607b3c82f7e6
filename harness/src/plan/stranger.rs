//! A server that nobody here wrote, in the place of a case's own.
use serde::{Deserialize, Serialize};

use super::Plan;

/// A user's server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stranger {
    /// Its command line.
    pub command: Vec<String>,
    /// The port, if it is not the first on which it listens.
    pub port: Option<u16>,
    /// What it is asked.
    pub exchange: Exchange,
}

/// What goes to and fro between a client and its server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// One request. Empty: the server speaks first, and a connection is the request.
    pub request: Vec<u8>,
    /// The bytes that stand once in each reply; none: the request comes back as it was sent.
    pub mark: Option<Vec<u8>>,
    /// A connection takes one request only.
    pub once: bool,
}

/// What reference servers are asked: they send back whatever they get. 64 bytes, so that a buffer that is too small shows.
impl Default for Exchange {
    fn default() -> Self {
        let mut request = b"0123456789abcdef".repeat(4);
        request[63] = b'\n';
        Self { request, mark: None, once: false }
    }
}

impl Exchange {
    /// How many replies are complete.
    pub fn replies(&self, received: &[u8]) -> usize {
        match &self.mark {
            Some(mark) if mark.is_empty() => 0,
            Some(mark) => received.windows(mark.len()).filter(|here| here == mark).count(),
            None => received.len() / self.request.len().max(1),
        }
    }
}

/// Has a user's server take the place of the case's own, in every run.
pub fn serve_with(plan: &mut Plan, stranger: &Stranger) {
    for run in &mut plan.runs {
        run.stranger = Some(stranger.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_by_their_mark_or_by_their_length() {
        let echo = Exchange::default();
        assert_eq!(echo.replies(&echo.request.repeat(3)[..191]), 2);
        let redis = Exchange { request: b"PING\r\n".to_vec(), mark: Some(b"+PONG\r\n".to_vec()), once: false };
        assert_eq!(redis.replies(b"+PONG\r\n+PONG\r\n+PON"), 2);
        assert_eq!(redis.replies(b""), 0);
    }
}
