//! What a predicate may ask of one event, one result and one entry of a measure. Loading checks predicates against
//! these lists, and judging provides exactly them.
use super::EventName;

/// What kind of value a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A whole number.
    Int,
    /// A word.
    Text,
    /// Yes or no.
    Bool,
    /// A list of whole numbers.
    Ints,
    /// A list of words.
    Texts,
    /// A list of things with fields of their own.
    Entries(&'static [Field]),
}

/// A field's name and what it holds.
pub type Field = (&'static str, FieldType);

use FieldType::{Bool, Entries, Int, Ints, Text, Texts};

/// What every event has: the running task (`pid`, `tid`), what its process is there for (`by`: `server`, `client` or
/// empty), the processor, in which context it runs (`task`, `hardirq`, or the name of the soft interrupt that is being
/// served, such as `NET_RX`), the ports of the connection it is about (or 0), and its time on `CLOCK_MONOTONIC` (`ns`).
const COMMON: &[Field] = &[
    ("pid", Int),
    ("tid", Int),
    ("by", Text),
    ("cpu", Int),
    ("context", Text),
    ("local", Int),
    ("remote", Int),
    ("ns", Int),
];

/// A system call's return: the result (a negative errno on failure), the call's name, its first argument.
const RETURN: &[Field] = &[("ret", Int), ("call", Text), ("fd", Int)];

/// The fields of one event, those that every event has not among them.
fn own(event: EventName) -> &'static [Field] {
    match event {
        // the payload's length and the TCP flags byte
        EventName::TcpV4Rcv => &[("len", Int), ("flags", Int)],
        // the waker's mask, also as names (`IN`, `HUP`, …), and the watched descriptor
        EventName::EpPollCallback => &[("mask", Int), ("bits", Texts), ("fd", Int)],
        EventName::SkDataReady => &[("family", Int)],
        // the reported bits of all ready descriptors, by name
        EventName::EpollWait => &[("ret", Int), ("call", Text), ("fd", Int), ("bits", Texts)],
        // 1 add, 2 delete, 3 modify; the target descriptor; the bits asked for
        EventName::EpollCtl => {
            &[("ret", Int), ("call", Text), ("fd", Int), ("op", Int), ("target", Int), ("mask", Int), ("bits", Texts)]
        }
        EventName::Select
        | EventName::Poll
        | EventName::Accept
        | EventName::Read
        | EventName::Write
        | EventName::Close
        | EventName::Wait4 => RETURN,
        // it is given no descriptor that anything is about
        EventName::Mmap => &[("ret", Int), ("call", Text)],
        // the user's instruction and stack with which the task goes on
        EventName::Clone => &[("ret", Int), ("call", Text), ("ip", Int), ("sp", Int)],
        // the word's address; `wait`, `wake`, `wait_bitset`, or the number of another operation
        EventName::SysEnterFutex => &[("call", Text), ("address", Int), ("op", Text)],
        // how many entries, or one more than the greatest descriptor, the kernel is given
        EventName::SysEnterSelect | EventName::SysEnterPoll => &[("call", Text), ("fd", Int), ("nfds", Int)],
        EventName::SysEnterEpollWait | EventName::SysEnterAccept | EventName::SysEnterRead => {
            &[("call", Text), ("fd", Int)]
        }
        // the child's tid and tgid; 1 for a process, 0 for a thread
        EventName::Fork => &[("child", Int), ("group", Int), ("process", Int)],
        EventName::Exit => &[("code", Int)],
        // who is being woken
        EventName::SchedWaking | EventName::SchedWakeup => &[("woken", Int), ("group", Int)],
        // 0 if it was preempted; whether it enters the processor instead of leaving it; the task before or after it, whether
        // that one is the experiment's, too, and whether both have one address space
        EventName::SchedSwitch => {
            &[("state", Int), ("enters", Bool), ("other", Int), ("ours", Bool), ("same_memory", Bool)]
        }
        // 0 at a switch of tasks (include/linux/mm_types.h: enum tlb_flush_reason): then about the next task as above
        EventName::TlbFlush => &[("reason", Int), ("other", Int), ("ours", Bool), ("same_memory", Bool)],
        // whether the access was a write, and its distance from the start of the buffer it fell into
        EventName::PageFaultKernel => &[("address", Int), ("write", Bool), ("code", Int)],
        // the packet as an address, its length, its buffer, and how far in its data begins; on the way up also the number of
        // the device it came through, of which loopback is 1
        EventName::NetifRx | EventName::NetifReceiveSkb | EventName::IpRcv => {
            &[("skb", Int), ("len", Int), ("head", Int), ("headroom", Int), ("dev", Int)]
        }
        // of a copy the length is how many bytes were copied
        EventName::IpQueueXmit
        | EventName::NetDevQueue
        | EventName::NetDevStartXmit
        | EventName::SkbCopyDatagramIovec => &[("skb", Int), ("len", Int), ("head", Int), ("headroom", Int)],
        EventName::TcpProbe => &[("skb", Int), ("head", Int), ("headroom", Int)],
        // the name of the soft interrupt
        EventName::SoftirqRaise | EventName::SoftirqEntry | EventName::SoftirqExit => &[("vec", Text)],
        // the interrupt's number
        EventName::IrqHandlerEntry => &[("irq", Int)],
        EventName::LocalTimerEntry => &[("vector", Int)],
        // the kernel function that wrote, the watch's name, the descriptor of the list's last item
        EventName::Watch => &[("writer", Text), ("watch", Text), ("fd", Int), ("empty", Bool)],
        // both states by name, and which socket, as its address in hexadecimal
        EventName::InetSockSetState => &[("old", Text), ("new", Text), ("sock", Text)],
    }
}

/// Every field of an event that `where` may ask and `take` may list.
pub fn event_fields(event: EventName) -> impl Iterator<Item = Field> + Clone {
    own(event).iter().chain(COMMON).copied()
}

/// The fields of the result of a call. `errno` and `refused` are empty on success; `bytes` is `ret` under the name it
/// has for a client that receives; `replies` are those that `reply` has found complete; `data` is what `peek` has read, and `rows` what `proc_net_tcp` has.
pub const RESULT: &[Field] = &[
    ("ret", Int),
    ("errno", Text),
    ("ready", Entries(READY)),
    ("refused", Text),
    ("eof", Bool),
    ("bytes", Int),
    ("replies", Int),
    ("actor", Text),
    ("data", Ints),
    ("rows", Entries(ROW)),
];

/// One line of `/proc/net/tcp`: a socket's state by name, its own address and port and those of its peer, and its inode's
/// number.
const ROW: &[Field] = &[
    ("state", Text),
    ("local_address", Text),
    ("local", Int),
    ("remote_address", Text),
    ("remote", Int),
    ("inode", Int),
];

/// One object that a wait call reported.
pub const READY: &[Field] = &[("name", Text), ("bits", Texts)];

/// One entry of a `chain` measure: the events' names in order, and the time from the first to the last.
pub const CHAIN: &[Field] = &[("steps", Texts), ("ns", Int)];

/// One entry of a `packets` measure: the event's name; the addresses of the `sk_buff` and of its buffer, in hexadecimal; how
/// far in the data begins, and how many bytes there are.
pub const PACKET: &[Field] = &[("at", Text), ("skb", Text), ("head", Text), ("headroom", Int), ("bytes", Int)];

/// One entry of a `faults` measure: distance from the start of the buffer, whether it was a write, and the kernel
/// function that faulted.
pub const FAULT: &[Field] = &[("offset", Int), ("write", Bool), ("by", Text)];

/// One entry of a `writes` measure: the kernel function that wrote, its kernel stack, the name of the object that the
/// list's last item leads to, and whether the list is empty.
pub const WRITE: &[Field] = &[("by", Text), ("stack", Texts), ("target", Text), ("empty", Bool)];
/// Who waits on a queue: the wake-up function of its entry (which tells the I/O model), whether it is exclusive, and the
/// sleeping task's number (0 if the entry belongs to no task); whether the entry lies on that task's own kernel stack, and
/// whether that task can be chosen from a run queue.
pub const WAITER: &[Field] =
    &[("by", Text), ("exclusive", Bool), ("sleeper", Int), ("on_stack", Bool), ("runnable", Bool)];

/// One registration in an eventpoll's interest tree: what is watched (its name, or empty), the descriptor, the mask asked
/// for, how deep in the tree (the root is 1), and its colour.
const ITEM: &[Field] = &[("name", Text), ("fd", Int), ("mask", Int), ("depth", Int), ("red", Bool)];

/// An eventpoll: its interest tree with the greatest depth, the number of red nodes with a red child, and whether every
/// way to a leaf has as many black nodes; the ready list in order, and whether every element's successor points back;
/// whether a scan is under way; who sleeps in `epoll_wait` (`wq`) and who polls the eventpoll itself (`poll_wait`).
pub const EPOLL: &[Field] = &[
    ("items", Entries(ITEM)),
    ("size", Int),
    ("depth", Int),
    ("red_red", Int),
    ("black_balanced", Bool),
    ("ready", Texts),
    ("ready_linked", Bool),
    ("scanning", Bool),
    ("waiters", Entries(WAITER)),
    ("pollers", Entries(WAITER)),
];

/// What there is room for: the wanted number of clients, how many of them there is room for, and what bounds it
/// (`descriptors`, `ports`, `tasks`, `memory`, `emulation`, `speed`; empty if nothing does). The limits: memory in all and
/// available; descriptors of a process (soft limit), the most that limit can be (`fs.nr_open`) and those of the machine
/// (`fs.file-max`); process numbers (`pid_max`), tasks of the machine (`threads-max`), of the pids cgroup (0: no limit)
/// and those that exist; mappings of a process (`vm.max_map_count`); ports of an address (`ip_local_port_range`);
/// whether QEMU emulates the processor, and how many processes can be made and collected in a second, one after the
/// other.
pub const ROOM: &[Field] = &[
    ("wanted", Int),
    ("clients", Int),
    ("bound", Text),
    ("memory_kb", Int),
    ("available_kb", Int),
    ("nofile", Int),
    ("nr_open", Int),
    ("file_max", Int),
    ("pid_max", Int),
    ("threads_max", Int),
    ("cgroup_tasks", Int),
    ("tasks", Int),
    ("max_map_count", Int),
    ("ports", Int),
    ("emulated", Bool),
    ("forks_per_second", Int),
];

/// What became of a crowd: how many were wanted, came (are connected), were served (got their answer), were refused (the
/// server ended the connection) and wait without an answer; and what stopped it, empty if nothing did.
pub const CROWD: &[Field] =
    &[("wanted", Int), ("came", Int), ("served", Int), ("refused", Int), ("waiting", Int), ("stopped", Text)];

/// What is held. By the server alone: its processes, threads, descriptors, resident and private memory, page tables of
/// the lowest level (`VmPTE`), and context switches so far. In the network namespace: TCP sockets, connections in the
/// accept queues, and those that found them full. By the whole machine, with whatever else runs there: kernel memory
/// (the sum of the four behind it: slab, kernel stacks, page tables, per-processor memory) and memory available. Objects
/// of the whole machine, by their slab: TCP sockets, socket inodes, open files, tasks, address spaces.
pub const RESOURCES: &[Field] = &[
    ("processes", Int),
    ("threads", Int),
    ("descriptors", Int),
    ("resident_kb", Int),
    ("private_kb", Int),
    ("pte_kb", Int),
    ("switches", Int),
    ("sockets", Int),
    ("queued", Int),
    ("overflows", Int),
    ("kernel_kb", Int),
    ("slab_kb", Int),
    ("stacks_kb", Int),
    ("tables_kb", Int),
    ("percpu_kb", Int),
    ("available_kb", Int),
    ("tcp_sock", Int),
    ("sock_inode", Int),
    ("filp", Int),
    ("task_struct", Int),
    ("mm_struct", Int),
];

/// A task: its own number, its process, its parent's process; whether it has ended and nobody has collected it; the
/// addresses of its address space, table of descriptors, `fs_struct`, signal handlers and kernel stack (0 if it has none any
/// more); and the bytes of its page tables.
pub const TASK: &[Field] = &[
    ("tid", Int),
    ("pid", Int),
    ("parent", Int),
    ("zombie", Bool),
    ("memory", Int),
    ("files", Int),
    ("fs", Int),
    ("sighand", Int),
    ("stack", Int),
    ("page_tables", Int),
];

/// A structure: the names of its members, also with their types.
pub const LAYOUT: &[Field] = &[("names", Texts), ("members", Entries(&[("name", Text), ("type", Text)]))];

/// A TCP socket in a queue: its state by name, its own and its peer's port, and its address in hexadecimal.
const QUEUED: &[Field] = &[("state", Text), ("local", Int), ("remote", Int), ("sock", Text)];

/// A TCP socket, as in a queue; then the `struct socket` that it belongs to, as an address (empty: nobody has accepted it),
/// with its inode's number; whether the wait queue that it uses is the one in there; how many connections wait for
/// `accept` and how many may; half-open connections; those that wait since a Fast Open; and the accept queue itself, the
/// next one first.
pub const TCP: &[Field] = &[
    ("state", Text),
    ("local", Int),
    ("remote", Int),
    ("sock", Text),
    ("socket", Text),
    ("inode", Int),
    ("queue_in_socket", Bool),
    ("backlog", Int),
    ("max_backlog", Int),
    ("half_open", Int),
    ("fast_open", Int),
    ("queued", Entries(QUEUED)),
];

/// An entry of the table of connections: a socket as in a queue, and the number of its bucket.
pub const ESTABLISHED: &[Field] = &[("state", Text), ("local", Int), ("remote", Int), ("sock", Text), ("bucket", Int)];

/// What stands at a descriptor's place, and what it leads to; addresses in hexadecimal, empty where there is none. `slot`
/// is what stands in the table at the descriptor's number, `file` what the kernel finds for it; `kind` and `filesystem` are
/// the inode's. For a socket, `around` is the `struct socket` that the inode lies in, `socket` the one that the file points
/// to, `socket_file` the file that this one points back to, and `sock` the protocol's part, with its way back in
/// `sock_socket`.
pub const FILE: &[Field] = &[
    ("fd", Int),
    ("slot", Text),
    ("file", Text),
    ("inode", Text),
    ("kind", Text),
    ("filesystem", Text),
    ("around", Text),
    ("socket", Text),
    ("socket_file", Text),
    ("sock", Text),
    ("sock_socket", Text),
];

/// A process's open files: `files` (`task_struct.files`), `table` (`files_struct.fdt`), `array` (`fdtable.fd`) and its
/// `room`; the files in it, of which `open` is the number and `sockets` those that are sockets; and each task of the
/// process with its own `files`.
pub const FILES: &[Field] = &[
    ("files", Text),
    ("table", Text),
    ("array", Text),
    ("room", Int),
    ("open", Int),
    ("sockets", Int),
    ("tasks", Entries(&[("tid", Int), ("files", Text)])),
];

/// A segment in a queue: the address of its `sk_buff`, of its buffer, how far in the data begins, and how many bytes there
/// are.
const SEGMENT: &[Field] = &[("skb", Text), ("head", Text), ("headroom", Int), ("bytes", Int)];

/// The queues of a socket. `receive`, `write` and `error` are doubly linked lists, and `linked` says whether in each of
/// them every successor points back; `backlog` is a singly linked one. `retransmit` and `out_of_order` are trees, which
/// only TCP has.
pub const QUEUES: &[Field] = &[
    ("receive", Entries(SEGMENT)),
    ("write", Entries(SEGMENT)),
    ("error", Entries(SEGMENT)),
    ("linked", Bool),
    ("backlog", Entries(SEGMENT)),
    ("retransmit", Entries(SEGMENT)),
    ("out_of_order", Entries(SEGMENT)),
];

/// `RLIMIT_NOFILE` of a process.
pub const LIMITS: &[Field] = &[("soft", Int), ("hard", Int)];
