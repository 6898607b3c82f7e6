//! A TCP socket, and the accept queue that it has if it listens.
use serde_json::{Value, json};

use super::file::address;
use super::{MOST, Reader};
use crate::case::tcp_state;

impl Reader<'_> {
    /// Everything a case can ask of a TCP socket.
    pub(super) fn tcp(&self, sock: u64) -> Result<Value, String> {
        let family = self.memory.bytes::<2>(sock + self.offset("sock", "__sk_common.skc_family")?)?;
        let protocol = self.memory.bytes::<2>(sock + self.offset("sock", "sk_protocol")?)?;
        let is_inet = matches!(i32::from(u16::from_ne_bytes(family)), libc::AF_INET | libc::AF_INET6);
        if !is_inet || i32::from(protocol[0]) != libc::IPPROTO_TCP {
            return Err("the descriptor is no TCP socket".into());
        }
        let queue = sock + self.offset("inet_connection_sock", "icsk_accept_queue")?;
        let at = |member: &str| Ok::<u64, String>(queue + self.offset("request_sock_queue", member)?);
        let socket = self.memory.word(sock + self.offset("sock", "sk_socket")?)?;
        let wait_queue = self.memory.word(sock + self.offset("sock", "sk_wq")?)?;
        let mut state = self.common(sock)?;
        let more = json!({
            "socket": address(socket),
            "inode": if socket == 0 { 0 } else { self.inode(socket)? },
            "queue_in_socket": socket != 0 && wait_queue == socket + self.offset("socket", "wq")?,
            "backlog": self.memory.half(sock + self.offset("sock", "sk_ack_backlog")?)?,
            "max_backlog": self.memory.half(sock + self.offset("sock", "sk_max_ack_backlog")?)?,
            "half_open": self.memory.half(at("qlen.counter")?)?,
            "fast_open": self.memory.half(at("fastopenq.qlen")?)?,
            "queued": self.queued(at("rskq_accept_head")?)?,
        });
        if let (Value::Object(state), Value::Object(more)) = (&mut state, more) {
            state.extend(more);
        }
        Ok(state)
    }

    /// What every kind of socket has (`struct sock_common`), request sockets among them.
    pub(super) fn common(&self, sock: u64) -> Result<Value, String> {
        let at = |member: &str| Ok::<u64, String>(sock + self.offset("sock_common", member)?);
        let [state] = self.memory.bytes::<1>(at("skc_state")?)?;
        let local = self.memory.bytes::<2>(at("skc_num")?)?;
        let remote = self.memory.bytes::<2>(at("skc_dport")?)?;
        Ok(json!({
            "state": tcp_state(state.into()),
            "local": u16::from_ne_bytes(local),
            "remote": u16::from_be_bytes(remote),
            "sock": address(sock),
        }))
    }

    /// `i_ino` of a socket's inode: `SOCK_INODE` in include/net/sock.h.
    fn inode(&self, socket: u64) -> Result<u64, String> {
        let beside = self.offset("socket_alloc", "vfs_inode")? - self.offset("socket_alloc", "socket")?;
        self.memory.word(socket + beside + self.offset("inode", "i_ino")?)
    }

    /// The accept queue: requests whose sockets wait for `accept`, in the order in which they will be taken.
    fn queued(&self, head: u64) -> Result<Vec<Value>, String> {
        let (next, child) = (self.offset("request_sock", "dl_next")?, self.offset("request_sock", "sk")?);
        let mut queued = Vec::new();
        let mut request = self.memory.word(head)?;
        while request != 0 {
            if queued.len() == MOST {
                return Err("a queue has no end: it changed while it was read".into());
            }
            queued.push(self.common(self.memory.word(request + child)?)?);
            request = self.memory.word(request + next)?;
        }
        Ok(queued)
    }
}
