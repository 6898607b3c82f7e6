//! `struct rb_root_cached`: a red-black tree.
use super::{MOST, Reader};

/// A node with its place in the tree.
pub(super) struct Node {
    /// Address of the `rb_node`.
    pub(super) at: u64,
    /// The root is 1.
    pub(super) depth: u32,
    pub(super) red: bool,
}

/// A tree, and whether it obeys the rules of its kind.
#[derive(Default)]
pub(super) struct Tree {
    /// In the tree's own order.
    pub(super) nodes: Vec<Node>,
    /// Red nodes with a red child.
    pub(super) red_red: u32,
    /// The number of black nodes on the way to each leaf, smallest and greatest.
    black: Option<(u32, u32)>,
}

impl Tree {
    pub(super) fn depth(&self) -> u32 {
        self.nodes.iter().map(|node| node.depth).max().unwrap_or(0)
    }

    /// Whether every way to a leaf has as many black nodes.
    pub(super) fn balanced(&self) -> bool {
        self.black.is_none_or(|(least, most)| least == most)
    }

    fn leaf(&mut self, black: u32) {
        let (least, most) = self.black.unwrap_or((black, black));
        self.black = Some((least.min(black), most.max(black)));
    }
}

/// A node that is still to be visited.
struct Visit {
    at: u64,
    depth: u32,
    black: u32,
    under_red: bool,
}

impl Reader<'_> {
    /// Walks a tree from its root, in order.
    pub(super) fn tree(&self, root: u64) -> Result<Tree, String> {
        let color = self.offset("rb_node", "__rb_parent_color")?;
        let (left, right) = (self.offset("rb_node", "rb_left")?, self.offset("rb_node", "rb_right")?);
        let mut tree = Tree::default();
        // Nodes whose left side is under way, and the one to go down from.
        let mut open: Vec<(Node, u64, u32)> = Vec::new();
        let mut next = Visit { at: self.memory.word(root)?, depth: 1, black: 0, under_red: false };
        loop {
            while next.at != 0 {
                if tree.nodes.len() + open.len() == MOST {
                    return Err("a tree has no end: it changed while it was read".into());
                }
                // lib/rbtree.c: the lowest bit of the parent pointer is 1 for black.
                let red = self.memory.word(next.at + color)? & 1 == 0;
                tree.red_red += u32::from(red && next.under_red);
                let black = next.black + u32::from(!red);
                let (lower, higher) = (self.memory.word(next.at + left)?, self.memory.word(next.at + right)?);
                open.push((Node { at: next.at, depth: next.depth, red }, higher, black));
                next = Visit { at: lower, depth: next.depth + 1, black, under_red: red };
            }
            tree.leaf(next.black);
            let Some((node, higher, black)) = open.pop() else { return Ok(tree) };
            next = Visit { at: higher, depth: node.depth + 1, black, under_red: node.red };
            tree.nodes.push(node);
        }
    }
}
