//! The queues of a `sock`: which segments are in them.
use serde_json::{Value, json};

use super::file::address;
use super::{MOST, Reader};

/// `SOCK_STREAM` and `IPPROTO_TCP`.
const STREAM: u16 = 1;
const TCP: u16 = 6;
/// `AF_INET` and `AF_INET6`.
const INET: [u16; 2] = [2, 10];

impl Reader<'_> {
    /// Every queue of a `sock`. Those that are TCP's own are empty for others.
    pub(super) fn queues(&self, sock: u64) -> Result<Value, String> {
        let at = |member: &str| Ok::<u64, String>(sock + self.offset("sock", member)?);
        let own_tree =
            |root: Result<u64, String>| if self.is_tcp(sock)? { self.skb_tree(root?) } else { Ok(Vec::new()) };
        let (receive, forth) = self.skb_list(at("sk_receive_queue")?)?;
        let (write, back) = self.skb_list(at("sk_write_queue")?)?;
        let (errors, too) = self.skb_list(at("sk_error_queue")?)?;
        Ok(json!({
            "receive": receive,
            "write": write,
            "error": errors,
            "linked": forth && back && too,
            "backlog": self.backlog(at("sk_backlog.head")?)?,
            "retransmit": own_tree(at("tcp_rtx_queue"))?,
            "out_of_order": own_tree(self.offset("tcp_sock", "out_of_order_queue").map(|offset| sock + offset))?,
        }))
    }

    fn is_tcp(&self, sock: u64) -> Result<bool, String> {
        let half = |member: &str| self.memory.bytes(sock + self.offset("sock", member)?).map(u16::from_ne_bytes);
        Ok(INET.contains(&half("__sk_common.skc_family")?) && half("sk_type")? == STREAM && half("sk_protocol")? == TCP)
    }

    /// A `sk_buff_head`, and whether every successor points back. Its links are where those of an `sk_buff` are.
    fn skb_list(&self, head: u64) -> Result<(Vec<Value>, bool), String> {
        let list = self.list(head)?;
        Ok((list.links.iter().map(|&skb| self.skb(skb)).collect::<Result<_, _>>()?, list.linked))
    }

    fn skb_tree(&self, root: u64) -> Result<Vec<Value>, String> {
        let node = self.offset("sk_buff", "rbnode")?;
        self.tree(root)?.nodes.iter().map(|found| self.skb(found.at - node)).collect()
    }

    fn backlog(&self, head: u64) -> Result<Vec<Value>, String> {
        let next = self.offset("sk_buff", "next")?;
        let mut found = Vec::new();
        let mut skb = self.memory.word(head)?;
        while skb != 0 {
            if found.len() == MOST {
                return Err("a backlog has no end: it changed while it was read".into());
            }
            found.push(self.skb(skb)?);
            skb = self.memory.word(skb + next)?;
        }
        Ok(found)
    }

    fn skb(&self, skb: u64) -> Result<Value, String> {
        let head = self.memory.word(skb + self.offset("sk_buff", "head")?)?;
        let data = self.memory.word(skb + self.offset("sk_buff", "data")?)?;
        let bytes = self.memory.half(skb + self.offset("sk_buff", "len")?)?;
        Ok(json!({"skb": address(skb), "head": address(head), "headroom": data.wrapping_sub(head), "bytes": bytes}))
    }
}
