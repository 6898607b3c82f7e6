//! Clients that have always something to read, and behind them one with a single request: is it heard?
use super::Load;
use crate::observe::calls::Class;
use crate::observe::driver::Until;
use crate::observe::observation::Client;

/// Waits with more room than this report everybody at once under this load.
const LITTLE: u64 = 16;
/// How many requests each of the first sends at once.
const FLOOD: usize = 4096;
/// The clients, by how often each asks at once.
const CLIENTS: [usize; 4] = [FLOOD, FLOOD, FLOOD, 1];

impl Load<'_> {
    /// For servers whose waits have little room, and whose requests may have any length.
    pub(super) fn flood(&mut self) -> anyhow::Result<()> {
        let events = &self.watcher.events;
        let little = events.iter().any(|event| event.class() == Some(Class::EpollWait) && event.args[1] <= LITTLE);
        if !little || !self.adapter.echoes() {
            return Ok(());
        }
        let mut open = Vec::new();
        self.phase("flood", |load| {
            let request = load.adapter.request.bytes().to_vec();
            let (connected, time) = load.before_it_runs(&request, &CLIENTS)?;
            let ids: Vec<u32> = connected.iter().map(|(id, _)| *id).collect();
            let got = load.drive.receive(&ids, Until::Sent, load.patience)?;
            let client = |((_, port), got): (&(u32, u16), _)| Client { sent: time, ..load.client(*port, 1, got) };
            let clients = connected.iter().zip(&got).map(client).collect();
            open = connected;
            Ok(clients)
        })?;
        self.close(&open, crate::observe::driver::How::Close)
    }
}
