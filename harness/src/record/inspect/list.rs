//! `struct list_head`: a ring of elements that point at each other.
use super::{MOST, Reader};

/// The elements of a list.
pub(super) struct List {
    /// Addresses of their `list_head`, in order.
    pub(super) links: Vec<u64>,
    /// Whether every element's successor points back at it.
    pub(super) linked: bool,
}

impl Reader<'_> {
    /// Walks a list from its head.
    pub(super) fn list(&self, head: u64) -> Result<List, String> {
        let (next, prev) = (self.offset("list_head", "next")?, self.offset("list_head", "prev")?);
        let mut list = List { links: Vec::new(), linked: true };
        let mut at = head;
        loop {
            let following = self.memory.word(at + next)?;
            list.linked &= self.memory.word(following + prev)? == at;
            if following == head {
                return Ok(list);
            }
            if list.links.len() == MOST {
                return Err("a list has no end: it changed while it was read".into());
            }
            list.links.push(following);
            at = following;
        }
    }
}
