//! `ehash`, the kernel's table of TCP connections, in which request sockets stand, too.
use std::collections::BTreeSet;

use serde_json::Value;

use super::Reader;

/// How many buckets are read at once: as many words as one peek carries.
const AT_ONCE: usize = 31;
const WORD: usize = 8;
/// The longest chain that is believed.
const CHAIN: usize = 1024;
/// How often a chain is read again that changed meanwhile.
const TRIES: usize = 64;

impl Reader<'_> {
    /// All entries in the network namespace of a socket, with their buckets.
    ///
    /// Other namespaces go on meanwhile. A chain ends with the number of its bucket (`hlist_nulls`), so one that was left
    /// on the way is known, and read again.
    pub(super) fn established(&self, sock: u64) -> Result<Value, String> {
        let net_at = self.offset("sock_common", "skc_net.net")?;
        let net = self.memory.word(sock + net_at)?;
        let table = self.memory.word(net + self.offset("net", "ipv4.tcp_death_row.hashinfo")?)?;
        let buckets = self.memory.word(table + self.offset("inet_hashinfo", "ehash")?)?;
        let mask = u64::from(self.memory.half(table + self.offset("inet_hashinfo", "ehash_mask")?)?);
        let mut found = Vec::new();
        for first in (0..=mask).step_by(AT_ONCE) {
            // the last round begins so that it ends with the table
            let first = first.min((mask + 1).saturating_sub(AT_ONCE as u64));
            let heads = self.memory.bytes::<{ AT_ONCE * WORD }>(buckets + first * WORD as u64)?;
            for (bucket, head) in (first..).zip(heads.chunks_exact(WORD)) {
                if head[0] & 1 == 0 {
                    self.bucket(buckets, bucket, (net_at, net), &mut found)?;
                }
            }
        }
        let mut seen = BTreeSet::new();
        found.retain(|(sock, _)| seen.insert(*sock));
        Ok(found.into_iter().map(|(_, entry)| entry).collect())
    }

    fn bucket(
        &self,
        buckets: u64,
        bucket: u64,
        (net_at, net): (u64, u64),
        found: &mut Vec<(u64, Value)>,
    ) -> Result<(), String> {
        let link = self.offset("sock_common", "skc_nulls_node")?;
        for _ in 0..TRIES {
            let mut chain = Vec::new();
            let mut at = self.memory.word(buckets + bucket * WORD as u64)?;
            while at & 1 == 0 && chain.len() < CHAIN {
                let sock = at - link;
                if self.memory.word(sock + net_at)? == net {
                    let mut entry = self.common(sock)?;
                    entry["bucket"] = bucket.into();
                    chain.push((sock, entry));
                }
                at = self.memory.word(at)?;
            }
            if at & 1 == 1 && at >> 1 == bucket {
                found.extend(chain);
                return Ok(());
            }
        }
        Err(format!("bucket {bucket} of the table of connections changes faster than it can be read"))
    }
}
