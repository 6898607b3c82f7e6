//! From a descriptor's place in the table to the file, its inode, and the socket.
use serde_json::{Value, json};
use wakeproof_abi::WalkItem;

use super::Reader;

/// `S_IFMT` and its values (include/uapi/linux/stat.h).
const FORMATS: [(u16, &str); 7] = [
    (0o140_000, "socket"),
    (0o120_000, "link"),
    (0o100_000, "file"),
    (0o060_000, "block device"),
    (0o040_000, "directory"),
    (0o020_000, "character device"),
    (0o010_000, "pipe"),
];
const FORMAT: u16 = 0o170_000;

/// An address as people write it; empty if it is none.
pub(super) fn address(at: u64) -> String {
    if at == 0 { String::new() } else { format!("{at:#x}") }
}

impl Reader<'_> {
    /// What stands at a descriptor's place in the table of a task, and what it leads to. `found` is what the kernel's own
    /// iterator has found for it.
    pub(super) fn file(&self, task: u64, fd: i32, found: Option<&WalkItem>) -> Result<Value, String> {
        let table = self.table(task)?;
        let slot = match u64::try_from(fd) {
            Ok(place) if place < table.room => self.memory.word(table.array + place * 8)?,
            _ => 0,
        };
        let mut way = Way::default();
        if slot != 0 {
            way.inode = self.memory.word(slot + self.offset("file", "f_inode")?)?;
            way.kind = self.kind(way.inode)?;
            way.filesystem = self.filesystem(way.inode)?;
        }
        if way.kind == "socket" {
            // include/net/sock.h: `SOCKET_I` goes the other way by the same distance.
            way.around =
                way.inode - self.offset("socket_alloc", "vfs_inode")? + self.offset("socket_alloc", "socket")?;
            way.socket = self.memory.word(slot + self.offset("file", "private_data")?)?;
            way.socket_file = self.memory.word(way.socket + self.offset("socket", "file")?)?;
            way.sock = self.memory.word(way.socket + self.offset("socket", "sk")?)?;
            way.sock_socket = self.memory.word(way.sock + self.offset("sock", "sk_socket")?)?;
        }
        Ok(json!({
            "fd": fd,
            "slot": address(slot),
            "file": address(found.map_or(0, |item| item.file)),
            "inode": address(way.inode),
            "kind": way.kind,
            "filesystem": way.filesystem,
            "around": address(way.around),
            "socket": address(way.socket),
            "socket_file": address(way.socket_file),
            "sock": address(way.sock),
            "sock_socket": address(way.sock_socket),
        }))
    }

    /// What kind of file an inode is of; empty if of none, as those that have no name anywhere.
    pub(super) fn kind(&self, inode: u64) -> Result<&'static str, String> {
        let mode = self.memory.bytes(inode + self.offset("inode", "i_mode")?).map(u16::from_ne_bytes)?;
        Ok(FORMATS.iter().find(|(format, _)| mode & FORMAT == *format).map_or("", |(_, kind)| kind))
    }

    /// The name of the filesystem that an inode belongs to.
    fn filesystem(&self, inode: u64) -> Result<String, String> {
        let superblock = self.memory.word(inode + self.offset("inode", "i_sb")?)?;
        let of_type = self.memory.word(superblock + self.offset("super_block", "s_type")?)?;
        let name = self.memory.word(of_type + self.offset("file_system_type", "name")?)?;
        let mut text = String::new();
        // No longer in one piece: the name may end just before memory does.
        for at in 0..32 {
            match self.memory.bytes(name + at)? {
                [0] => break,
                [byte] => text.push(char::from(byte)),
            }
        }
        Ok(text)
    }
}

/// Addresses on the way.
#[derive(Default)]
struct Way {
    inode: u64,
    kind: &'static str,
    filesystem: String,
    around: u64,
    socket: u64,
    socket_file: u64,
    sock: u64,
    sock_socket: u64,
}
