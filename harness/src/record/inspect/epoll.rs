//! `struct eventpoll`: interest tree, ready list, wait queues.
use serde_json::{Value, json};

use super::Reader;
use super::tree::Node;

/// `EP_UNACTIVE_PTR` (fs/eventpoll.c): no scan is under way, new events go to the ready list.
const NO_SCAN: u64 = u64::MAX;

impl Reader<'_> {
    /// Everything a case can ask of an eventpoll.
    pub(super) fn epoll(&self, eventpoll: u64) -> Result<Value, String> {
        let at = |member: &str| Ok::<u64, String>(eventpoll + self.offset("eventpoll", member)?);
        let tree = self.tree(at("rbr.rb_root.rb_node")?)?;
        let items = tree.nodes.iter().map(|node| self.item(node)).collect::<Result<Vec<_>, _>>()?;
        let ready = self.list(at("rdllist")?)?;
        let link = self.offset("epitem", "rdllink")?;
        let names = ready.links.iter().map(|entry| self.watched(entry - link).map(|(name, _)| name));
        Ok(json!({
            "size": items.len(),
            "items": items,
            "depth": tree.depth(),
            "red_red": tree.red_red,
            "black_balanced": tree.balanced(),
            "ready": names.collect::<Result<Vec<_>, _>>()?,
            "ready_linked": ready.linked,
            "scanning": self.memory.word(at("ovflist")?)? != NO_SCAN,
            "waiters": self.queue(at("wq")?)?,
            "pollers": self.queue(at("poll_wait")?)?,
        }))
    }

    fn item(&self, node: &Node) -> Result<Value, String> {
        let item = node.at - self.offset("epitem", "rbn")?;
        let (name, fd) = self.watched(item)?;
        let mask = self.memory.half(item + self.offset("epitem", "event.events")?)?;
        Ok(json!({"name": name, "fd": fd, "mask": mask, "depth": node.depth, "red": node.red}))
    }

    /// Name and descriptor of what an `epitem` watches.
    fn watched(&self, item: u64) -> Result<(String, i32), String> {
        let file = self.memory.word(item + self.offset("epitem", "ffd.file")?)?;
        let fd = self.memory.half(item + self.offset("epitem", "ffd.fd")?)?.cast_signed();
        Ok((self.name(file, fd), fd))
    }
}
