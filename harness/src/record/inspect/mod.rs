//! The state of kernel objects, read from memory by names that the kernel's type information gives.
mod epoll;
mod established;
mod file;
mod files;
mod limits;
mod list;
mod queue;
mod queues;
mod steady;
mod task;
mod tcp;
mod tree;

use indexmap::IndexMap;
use serde_json::{Value, json};
use wakeproof_abi::{Role, WalkItem};

use super::memory::Memory;
use super::probes::Probes;
use crate::case::{Whose, WhoseLimits};
use crate::cell::protocol::{Object, Socket};
use crate::kernel::{Btf, Symbols};
use crate::recording::Named;

/// More elements than any experiment has: whoever finds more walks in circles.
const MOST: usize = 1 << 17;

/// What reading needs.
struct Reader<'a> {
    memory: Memory<'a>,
    types: &'a Btf,
    symbols: &'a Symbols,
    names: &'a IndexMap<String, Vec<Named>>,
    /// Open descriptors of the experiment.
    items: &'a [WalkItem],
    /// The processes of the client.
    clients: &'a [u32],
}

impl Probes {
    /// The state of an object, with the fields that `case::fields` lists for it.
    pub(super) fn inspect(
        &mut self,
        object: &Object,
        names: &IndexMap<String, Vec<Named>>,
        token: u64,
    ) -> Result<Value, String> {
        if let Object::Layout(structure) = object {
            return self.layout(structure);
        }
        let clients = self.tracked(Role::Client)?;
        let servers = self.tracked(Role::Server)?;
        let items = self.walk()?;
        let tasks = if matches!(object, Object::Tasks(_)) { self.walk_tasks()? } else { Vec::new() };
        let ops = self.epoll_ops;
        let find = |processes: &[u32], wanted: &dyn Fn(&WalkItem) -> bool| {
            let found = items.iter().find(|item| processes.contains(&item.tgid) && wanted(item));
            found.copied().ok_or("no such descriptor was found among the open files of the experiment")
        };
        let file = |at: Socket| match at {
            Socket::Descriptor(fd) => find(&clients, &|item| item.fd.cast_signed() == fd),
            Socket::Connection { client, server } => {
                find(&servers, &|item| (item.local, item.remote) == (server, client))
            }
            Socket::Listener(port) => find(&servers, &|item| item.sock != 0 && (item.local, item.remote) == (port, 0)),
        };
        let socket = |at: Socket| match file(at)?.sock {
            0 => Err("the descriptor is no socket"),
            sock => Ok(sock),
        };
        let reader = Reader {
            memory: Memory::new(&self.ebpf, token)?,
            types: self.types.get(),
            symbols: self.symbols.get(),
            names,
            items: &items,
            clients: &clients,
        };
        match *object {
            Object::ServerEpoll => reader.epoll(find(&servers, &|item| item.ops == ops)?.private),
            Object::Epoll(fd) => {
                reader.epoll(find(&clients, &|item| item.ops == ops && item.fd.cast_signed() == fd)?.private)
            }
            Object::WaitQueue(at) => reader.socket_queue(socket(at)?),
            Object::Tcp(at) => reader.tcp(socket(at)?),
            Object::Established(at) => reader.established(socket(at)?),
            Object::Queues(at) => {
                let sock = socket(at)?;
                steady::steady(|| reader.queues(sock))
            }
            // A closed descriptor has no item, but a place in the table of the process all the same.
            Object::File(Socket::Descriptor(fd)) => {
                let item = file(Socket::Descriptor(fd)).ok();
                let task = item.map_or_else(|| reader.first_task(&clients), |item| Ok(item.task))?;
                reader.file(task, fd, item.as_ref())
            }
            Object::File(at) => {
                let item = file(at)?;
                reader.file(item.task, item.fd.cast_signed(), Some(&item))
            }
            Object::Files(Whose::Client) => reader.files(reader.first_task(&clients)?),
            Object::Files(Whose::Server) => reader.files(reader.first_task(&servers)?),
            Object::Limits(WhoseLimits::Server) => reader.limits(reader.first_task(&servers)?),
            Object::Limits(whose) => reader.limits_of(whose, reader.first_task(&clients)?),
            Object::Tasks(whose) => {
                let processes = if whose == Whose::Server { &servers } else { &clients };
                let ours = tasks.iter().filter(|task| processes.contains(&task.tgid));
                ours.map(|task| reader.task(task)).collect::<Result<_, _>>().map(Value::Array)
            }
            Object::Layout(_) => Ok(Value::Null),
        }
    }

    fn layout(&self, structure: &str) -> Result<Value, String> {
        let members = self.types.get().members(structure).map_err(|error| error.to_string())?;
        let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let with_types: Vec<Value> = members.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
        Ok(json!({"names": names, "members": with_types}))
    }
}

impl Reader<'_> {
    fn offset(&self, structure: &str, member: &str) -> Result<u64, String> {
        self.types.offset(structure, member).map(u64::from).map_err(|error| error.to_string())
    }

    /// What the case calls the file behind a descriptor that is watched; empty if nothing.
    fn name(&self, file: u64, fd: i32) -> String {
        let holds = |item: &&WalkItem| item.file == file && item.fd.cast_signed() == fd;
        let Some(item) = self.items.iter().find(holds).or_else(|| self.items.iter().find(|item| item.file == file))
        else {
            return String::new();
        };
        let ours = self.clients.contains(&item.tgid);
        let is = |named: &Named| match *named {
            Named::Connection { client, server } => (item.local, item.remote) == (server, client),
            Named::Descriptor { fd: known, .. } => ours && known == fd,
        };
        for (name, list) in self.names {
            match list.iter().position(is) {
                Some(index) if list.len() > 1 => return format!("{name}[{index}]"),
                Some(_) => return name.clone(),
                None => {}
            }
        }
        String::new()
    }
}
