//! Watching words of kernel objects and of user buffers.
use wakeproof_abi::{Role, WATCHES, WalkItem, Watch};

use super::arm::array;
use super::breakpoint::{Breakpoint, Stop, Whose};
use super::memory::Memory;
use super::probes::Probes;
use super::reason::reason;
use crate::cell::protocol::Word;

/// Set watchpoints; they go when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// Their names, by number.
    pub(super) names: Vec<String>,
    set: Vec<Breakpoint>,
}

/// The processors of this machine.
pub(super) fn processors() -> impl Iterator<Item = i32> {
    aya::util::online_cpus()
        .unwrap_or_else(|_| vec![0])
        .into_iter()
        .filter_map(|processor| i32::try_from(processor).ok())
}

impl Probes {
    /// Watches a word from now on.
    pub(super) fn watch(&mut self, watches: &mut Watches, name: &str, word: &Word, token: u64) -> Result<(), String> {
        let number = watches.names.len();
        if number == WATCHES {
            return Err(format!("a processor has {WATCHES} watchpoints, and all are taken"));
        }
        let (address, mut watch) = self.locate(word)?;
        if !matches!(word, Word::Address(_)) {
            watch.word = address;
            watch.last = Memory::new(&self.ebpf, token)?.word(address)?;
        }
        let at = u32::try_from(number).map_err(|error| error.to_string())?;
        array::<Watch>(&mut self.ebpf, "WATCHED")?.set(at, watch, 0).map_err(|error| reason(&error))?;
        let whose: Vec<Whose> = match word {
            Word::Address(_) => {
                let clients = self.tracked(Role::Client)?;
                clients.into_iter().filter_map(|process| i32::try_from(process).ok()).map(Whose::Task).collect()
            }
            _ => processors().map(Whose::Everyone).collect(),
        };
        let program = self.watch_program(number)?;
        for whose in whose {
            watches.set.push(Breakpoint::set(Stop::Write(address), whose, program).map_err(|error| reason(&error))?);
        }
        watches.names.push(name.into());
        Ok(())
    }

    /// The address of the word, and what the program looks at when it is written.
    fn locate(&mut self, word: &Word) -> Result<(u64, Watch), String> {
        let prev = u64::from(self.member("list_head", "prev")?);
        Ok(match *word {
            Word::Address(address) => (address, Watch { object: address, ..Watch::default() }),
            Word::ServerReadyList => self.ready_list(Role::Server, None, prev)?,
            Word::ReadyList(fd) => self.ready_list(Role::Client, Some(fd), prev)?,
            Word::WaitQueue(fd) => {
                let item = self.descriptor(Role::Client, |item| item.fd.cast_signed() == fd)?;
                // struct socket → wq.wait.head.prev; the queue lies in the socket itself since 5.3 (333f7909a857).
                let head = item.private + u64::from(self.member("socket", "wq.wait.head")?);
                (head + prev, Watch { object: head, sock: item.sock, ..Watch::default() })
            }
            Word::ReceiveQueue(fd) => {
                let item = self.descriptor(Role::Client, |item| item.fd.cast_signed() == fd)?;
                self.receive_queue(item.sock, prev)?
            }
            Word::ServerReceiveQueue { client, server } => {
                let ends = |item: &WalkItem| (item.local, item.remote) == (server, client);
                let item = self.descriptor(Role::Server, ends)?;
                self.receive_queue(item.sock, prev)?
            }
        })
    }

    /// A `sk_buff_head` begins as a list's head does.
    fn receive_queue(&self, sock: u64, prev: u64) -> Result<(u64, Watch), String> {
        let head = sock + u64::from(self.member("sock", "sk_receive_queue")?);
        Ok((head + prev, Watch { object: head, sock, ..Watch::default() }))
    }

    /// Whether the server has made an epoll descriptor.
    pub(super) fn server_has_epoll(&mut self) -> bool {
        let ops = self.epoll_ops;
        self.descriptor(Role::Server, |item| item.ops == ops).is_ok()
    }

    fn ready_list(&mut self, role: Role, fd: Option<i32>, prev: u64) -> Result<(u64, Watch), String> {
        let ops = self.epoll_ops;
        let item = self.descriptor(role, |item| item.ops == ops && fd.is_none_or(|fd| item.fd.cast_signed() == fd))?;
        let head = item.private + u64::from(self.member("eventpoll", "rdllist")?);
        Ok((head + prev, Watch { object: item.private, ready_list: 1, ..Watch::default() }))
    }

    fn descriptor(&mut self, role: Role, wanted: impl Fn(&WalkItem) -> bool) -> Result<WalkItem, String> {
        let processes = self.tracked(role)?;
        let items = self.walk()?;
        items
            .into_iter()
            .find(|item| processes.contains(&item.tgid) && wanted(item))
            .ok_or_else(|| "no such descriptor was found among the open files of the experiment".into())
    }

    fn member(&self, structure: &str, member: &str) -> Result<u32, String> {
        self.types.get().offset(structure, member).map_err(|error| error.to_string())
    }
}
