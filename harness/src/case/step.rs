//! What happens in a case, one step after another. A step waits for an event or a result, never for time to pass.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Accept, AddAddress, Asked, AttachFilter, Bind, Buffer, Capability, Compute, ConnectOn, CpuTime, Crowd, Descriptor,
    Dup2, DupUntilRefused, EpollControl, EpollCreate, EpollWait, EventName, Filter, GetOption, Inject, IoRing, Kcmp,
    Limit, Listen, ListenOn, Made, MakeSocket, Maps, NetworkPair, Number, Over, Pagemap, Peek, PingPong, PollCall,
    ProcNetTcp, Reopen, Resources, Room, SelectCall, SetOption, Snmp, Sysctl, Timer, Touch, Transfer, TwoEnds,
    WhoseLimits,
};

/// One step. The first group are clients of the server, the second the flow of the case, the rest system calls that the
/// script makes itself, under the kernel's names.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A client connects to the server, or the script to a listener of its own.
    Connect(Connect),
    /// A client sends.
    Send(Send),
    /// A client receives exactly so many bytes.
    Receive(Receive),
    /// A client sends requests of the protocol that the server speaks.
    Request(Request),
    /// A client receives the replies.
    Reply(Reply),
    /// A client, or a socket of the script, says that it will send no more (`shutdown(SHUT_WR)`).
    HalfClose(String),
    /// A client, or a socket of the script, resets its connection (`SO_LINGER` 0, `close`).
    Reset(String),

    /// Nothing goes on until this has been seen.
    Await(Await),
    /// A point in time that measures can refer to.
    Mark(String),
    /// A later stimulus, on a connection of its own: what the server does with it must be the next thing seen.
    Sentinel,
    /// `SIGSTOP`: nobody of these runs until `continue`, so that several things happen before they look.
    Stop(Whom),
    /// `SIGCONT`, after a `stop`. An `epoll_wait` that was stopped fails with EINTR; `select` and `poll` go on.
    Continue(Whom),
    /// Steps again and again.
    Repeat(Repeat),
    /// A system call on a thread of its own, which may sleep in it.
    Start(Start),
    /// Watch a word of a kernel object from here on.
    Watch(WatchStep),
    /// Read the state of a kernel object, as it is here.
    Inspect(Inspect),
    /// How many clients the machine has room for.
    Room(Room),
    /// Clients come and stay, as many as are served.
    Crowd(Crowd),
    /// What the server and its clients hold just now.
    Resources(Resources),

    /// Two connected sockets of the UNIX domain.
    Socketpair(TwoEnds),
    /// A connected pair of TCP sockets: the connecting end, then the accepted end.
    TcpPair(NetworkPair),
    /// Two UDP sockets, connected to each other.
    UdpPair(NetworkPair),
    /// A listening TCP socket on loopback.
    Listen(Listen),
    /// `accept4`.
    Accept(Accept),
    /// `socket`.
    Socket(MakeSocket),
    /// `bind`.
    Bind(Bind),
    /// `listen`, on a socket that is there.
    ListenOn(ListenOn),
    /// `connect`, of a socket that is there.
    ConnectOn(ConnectOn),
    /// `setsockopt`.
    SetOption(SetOption),
    /// `getsockopt`.
    GetOption(GetOption),
    /// From here on nothing that arrives reaches this socket, as if the network had lost it: a filter that lets nothing
    /// through (`SO_ATTACH_FILTER`).
    DropIncoming(String),
    /// Change a setting, of the experiment's own network namespace.
    Sysctl(Sysctl),
    /// Give a network device one more address.
    AddAddress(AddAddress),
    /// The TCP sockets that the kernel shows to everybody.
    ProcNetTcp(ProcNetTcp),
    /// `O_NONBLOCK` for the file of this descriptor; for each, if the name stands for several.
    Nonblock(String),
    /// A datagram or segment with a chosen checksum, through a raw socket.
    Inject(Inject),
    /// `ioctl(FIONREAD)`: how many bytes can be read.
    Fionread(Asked),
    /// A counter of the experiment's network namespace.
    Snmp(Snmp),
    /// Bytes of a buffer.
    Peek(Peek),
    /// Compute, as an actor.
    Compute(Compute),
    /// The time that an actor has had a processor.
    CpuTime(CpuTime),
    /// A pipe: the reading end, then the writing end.
    Pipe(TwoEnds),
    /// A named pipe, whose name is gone at once: the reading end, then the writing end.
    Fifo(TwoEnds),
    /// A pseudo-terminal in raw mode: the master, then the terminal.
    Pty(TwoEnds),
    /// `eventfd`: readable once eight bytes with a number other than 0 have been written.
    Eventfd(Made),
    /// `timerfd`: readable once it has expired.
    Timerfd(Timer),
    /// A regular file in memory, which cannot be waited for.
    RegularFile(Made),
    /// Make a second descriptor for the same file, with this number (`dup2`).
    Dup(Descriptor),
    /// Open the file behind a descriptor once more, through `/proc/self/fd`; sockets refuse.
    Reopen(Reopen),
    /// `kcmp`: whether two descriptors lead to the same open file, or two processes share something.
    Kcmp(Kcmp),
    /// A filter on a socket that drops what arrives (`SO_ATTACH_FILTER`), as if it had been lost on the way.
    AttachFilter(AttachFilter),
    /// Take it off again (`SO_DETACH_FILTER`).
    DetachFilter(String),
    /// `epoll_create1`.
    EpollCreate(EpollCreate),
    /// `epoll_ctl`.
    EpollCtl(EpollControl),
    /// `epoll_wait`.
    EpollWait(EpollWait),
    /// `pselect6`, the system call itself: no `fd_set` of the C library is in the way.
    Select(SelectCall),
    /// `poll`.
    Poll(PollCall),
    /// `read`.
    Read(Transfer),
    /// `write`.
    Write(Transfer),
    /// `close` of a descriptor of the script, or of a client's connection.
    Close(String),
    /// `setrlimit`, of the script's own process.
    Limit(Limit),
    /// Duplicate a descriptor until the kernel refuses; the duplicates are closed again.
    DupUntilRefused(DupUntilRefused),
    /// `dup2` to a number that may be refused.
    Dup2(Dup2),
    /// Give a capability away, for good (`capset`).
    DropCapability(Capability),
    /// Anonymous memory for a call to write to.
    Buffer(Buffer),
    /// A write to memory: the first one that a task makes to a page it shares with another gives it a page of its own.
    Touch(Touch),
    /// How many pages of an actor lie in the same frames of memory as the script's.
    Pagemap(Pagemap),
    /// How many mappings an actor has that the script has not, or the other way round.
    Maps(Maps),
    /// Two tasks on one processor, between which it switches.
    PingPong(PingPong),
    /// `mmap` of an epoll descriptor, which must be refused.
    MmapEpoll(MapEpoll),
    /// A poll request through `io_uring`, whose completion ring is memory shared with the kernel.
    IoUring(IoRing),
}

/// A file and the name of the result.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapEpoll {
    /// The descriptor.
    pub of: String,
    /// Name of the result `{ret, errno}`.
    #[serde(rename = "as")]
    pub name: String,
}

/// A client connects.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// What the connection is called from now on; with `times`, all of them together.
    #[serde(rename = "as")]
    pub name: String,
    /// How many.
    #[serde(default = "one")]
    pub times: Number,
    /// `SO_RCVBUF` of the client in bytes: with it the kernel does not let the buffer grow.
    #[serde(default)]
    pub receive_buffer: Option<Number>,
    /// A listener of the script, instead of the server: then the name is that of a descriptor of the script. It need not
    /// be open any more.
    #[serde(default)]
    pub to: Option<String>,
    /// Through which network to the server, which over `veth` must not listen on loopback alone
    /// (`options: {address: 0.0.0.0}`).
    #[serde(default)]
    pub over: Over,
    /// Name of the result `{ret, errno}`: then to be refused by the listener is no error.
    #[serde(default)]
    pub result: Option<String>,
    /// `O_NONBLOCK`, with `to`: the call does not wait for the handshake, which may never end.
    #[serde(default)]
    pub nonblock: bool,
}

pub(super) fn one() -> Number {
    Number(1)
}

/// A client sends, `TCP_NODELAY`, in one `write`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Its connection; with several under one name, each sends.
    pub on: String,
    /// How many bytes.
    pub bytes: Number,
}

/// A client receives.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// Its connection.
    pub on: String,
    /// How many bytes it waits for; 0 waits for the end of the stream.
    pub bytes: Number,
    /// Name of the result `{bytes, eof}`: then what has arrived by the next step is taken without waiting, and too
    /// little is no error.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// A client sends a request, `TCP_NODELAY`, in one `write`. To a reference server that is a line of 64 bytes, which comes
/// back as it is; to a user's server it is what its protocol has.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Its connection; with several under one name, each sends.
    pub on: String,
    /// How many requests, all in the one `write`.
    #[serde(default = "one")]
    pub times: Number,
}

/// A client receives replies.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Its connection; with several under one name, each receives.
    pub on: String,
    /// How many replies it waits for.
    #[serde(default = "one")]
    pub times: Number,
    /// Name of the result `{bytes, replies, eof}`: then what has arrived by the next step is taken without waiting, and too
    /// little is no error.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
}

/// What to wait for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Await {
    /// Until so many events of this kind have been seen since the last step that did something, or since the mark `from`.
    Event(AwaitEvent),
    /// Until a task sleeps in the kernel: seen there.
    Asleep(Asleep),
    /// Until every task of these sleeps while no TCP socket has a byte under way that its peer has not acknowledged. Then
    /// all answers have arrived: on a busy machine a segment can wait for the soft interrupt.
    Quiet(Whom),
    /// Until the call of this actor has returned.
    Returned(String),
}

/// An awaited event.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwaitEvent {
    /// Which event.
    pub of: EventName,
    /// Which of them.
    #[serde(default)]
    pub only: Filter,
    /// How many.
    #[serde(default = "one")]
    pub times: Number,
}

/// Who must be asleep.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Asleep {
    /// Every task of the server.
    Server,
    /// This actor.
    Actor(String),
}

/// Who is stopped.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Every process of the server.
    Server,
}

/// Steps again and again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    pub times: Number,
    /// Which steps.
    pub steps: Vec<Step>,
}

/// A system call on a thread of its own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The actor: a thread that lives as long as the case; with `times`, several under one name.
    pub actor: String,
    /// How many.
    #[serde(default = "one")]
    pub times: Number,
    /// Each is a process of its own, a child of the script's: it shares files, and no memory.
    #[serde(default)]
    pub process: bool,
    /// What the actor does before, on the same task; each of these calls must succeed.
    #[serde(default)]
    pub first: Vec<Step>,
    /// The call.
    pub call: Box<Step>,
}

/// Watch a word.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchStep {
    /// What measures call it.
    #[serde(rename = "as")]
    pub name: String,
    /// Where it is.
    pub word: WatchTarget,
}

/// A word that can be watched.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchTarget {
    /// `eventpoll.rdllist.prev`, which every insertion into the ready list writes, of this epoll descriptor or of the
    /// server's (`server`).
    ReadyList(String),
    /// `socket_wq.wait.head.prev`, which every joining of a socket's wait queue writes.
    WaitQueue(String),
    /// `sock.sk_receive_queue.prev`, which every packet that is queued for this socket, or for the server's end of this
    /// connection, writes.
    ReceiveQueue(String),
    /// The first eight bytes of a buffer of the script.
    Buffer(String),
}

/// Read kernel memory. The experiment stands still meanwhile; no lock is taken.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inspect {
    /// What predicates call it; inside `repeat` it is a list.
    #[serde(rename = "as")]
    pub name: String,
    /// What is read.
    pub state: Inspected,
}

/// A kernel object whose state can be read.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Inspected {
    /// The eventpoll behind this epoll descriptor, or behind the server's (`server`): its interest tree, ready list and
    /// wait queue.
    Epoll(String),
    /// The wait queue of the socket behind this descriptor, of the server's end of this connection, or of the socket on
    /// which the server listens (`server`): who waits there, known by its wake-up function.
    WaitQueue(String),
    /// The TCP socket behind this descriptor, the server's end of this connection, or the one on which the server listens
    /// (`server`): its state, and what waits in its accept queue.
    Tcp(String),
    /// The kernel's table of connections (`ehash`), of which those in the network namespace of this socket; it is named as
    /// for `tcp`.
    Established(String),
    /// The file behind this descriptor, from the slot in its process's table to the inode and the socket: named as for
    /// `tcp`.
    File(String),
    /// The open files of a process: the script's (`client`) or the server's (`server`).
    Files(Whose),
    /// The queues of the socket behind this descriptor: named as for `tcp`.
    Queues(String),
    /// The limit of open files (`RLIMIT_NOFILE`) of a process.
    Limits(WhoseLimits),
    /// The tasks of the script (`client`) or of the server (`server`), as the kernel has them: also those that have ended
    /// and that nobody has collected.
    Tasks(Whose),
    /// The members of a structure, as the kernel's type information has them.
    Layout(String),
}

/// Whose files and tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Those of the process that makes the script's calls and drives the clients; its tasks are also those of its actors.
    Client,
    /// Those of the server: the files of its first process, the tasks of all.
    Server,
}
