//! System calls of a script, each as a sentence.
use super::{code, many, network};
use crate::case::{
    Access, EpollControl, EpollFlag, EpollWait, Kcmp, Kinship, Number, Over, Pages, PollCall, SelectCall, Shared, Step,
    Transfer,
};

/// The call in words. One that has no sentence here is shown as the file has it.
pub(super) fn call(step: &Step) -> String {
    match step {
        Step::Compute(compute) => {
            let place = compute.on_processor.map_or_else(String::new, |number| format!(" on processor {}", number.0));
            format!(
                "Compute{place}, without any system call, until all steps have been made{}.",
                result(compute.name.as_ref())
            )
        }
        Step::CpuTime(time) => format!("Read how long {} has had a processor{}.", time.of, result(Some(&time.name))),
        Step::Socketpair(ends) => pair(&ends.names, ends.times, "Two connected sockets of the UNIX domain"),
        Step::TcpPair(ends) => {
            pair(&ends.names, ends.times, &format!("A TCP connection {}, with both its ends", over(ends.over)))
        }
        Step::UdpPair(ends) => {
            pair(&ends.names, ends.times, &format!("Two UDP sockets {}, connected to each other", over(ends.over)))
        }
        Step::Fifo(ends) => pair(&ends.names, ends.times, "A named pipe, with its reading and its writing end"),
        Step::Pty(ends) => pair(&ends.names, ends.times, "A pseudo-terminal, with its master and its terminal"),
        Step::Pipe(ends) => pair(&ends.names, ends.times, "A pipe, with its reading and its writing end"),
        Step::Dup(dup) => {
            let number = dup.number.map_or_else(String::new, |number| format!(" with the number {}", number.0));
            format!("A second descriptor for the file of {}{number}: {}.", dup.of, dup.name)
        }
        Step::Reopen(reopen) => format!("Open the file behind {} once more: {}.", reopen.of, reopen.name),
        Step::Kcmp(kcmp) => compares(kcmp),
        Step::AttachFilter(filter) => match filter.up_to {
            None => format!("From here on segments with data that come to {} are dropped.", filter.on),
            Some(most) => format!(
                "From here on segments that come to {} with at most {} of data are dropped.",
                filter.on,
                many(most.0, "byte")
            ),
        },
        Step::DetachFilter(of) => format!("From here on nothing that comes to {of} is dropped."),
        Step::EpollCreate(create) => format!("An epoll descriptor: {}.", create.name),
        Step::EpollCtl(control) => controls(control),
        Step::EpollWait(wait) => waits(wait),
        Step::Select(select) => selects(select),
        Step::Poll(poll) => polls(poll),
        Step::Read(read) => transfers("read", "from", read),
        Step::Write(write) => transfers("write", "to", write),
        Step::Close(of) => format!("{} {of}.", code("close")),
        Step::Limit(_) | Step::DupUntilRefused(_) | Step::Dup2(_) | Step::DropCapability(_) => bounds(step),
        Step::Buffer(buffer) => match buffer.state {
            Access::Untouched => {
                format!("Memory that nobody has touched, so that the first access faults: {}.", buffer.name)
            }
            Access::Written => format!("Memory that has been written to, so that no access faults: {}.", buffer.name),
        },
        Step::Touch(touch) => match &touch.of {
            Pages::Code => "Write to a page of the program's own code what is there already.".to_owned(),
            Pages::Buffer(of) => format!("Write to {} of {of}.", many(touch.pages.0, "page")),
        },
        Step::Pagemap(pagemap) => {
            let (with, name) = (&pagemap.with, result(Some(&pagemap.name)));
            match &pagemap.of {
                Pages::Code => {
                    format!("Count the pages of code, of one, that {with} executes from the same frame{name}.")
                }
                Pages::Buffer(of) => format!("Count the pages of {of} that lie in the same frames for {with}{name}."),
            }
        }
        Step::Maps(maps) => {
            format!("Count the mappings that only one has, the script or {}{}.", maps.with, result(Some(&maps.name)))
        }
        Step::PingPong(game) => {
            let who = match game.between {
                Kinship::Processes => "Parent and child",
                Kinship::Threads => "Two threads of one process",
                Kinship::SharingMemory => "Two processes with one address space",
            };
            let name = result(Some(&game.name));
            format!("{who} hand a byte to and fro {} times, on one processor{name}.", game.rounds.0)
        }
        Step::MmapEpoll(map) => format!("Try to map {} into memory (`mmap`){}.", map.of, result(Some(&map.name))),
        Step::IoUring(ring) => format!(
            "Ask for readability of {} through the ring {}, and read the completion from shared memory{}.",
            ring.on,
            ring.ring,
            result(Some(&ring.name))
        ),
        other => network::call(other).unwrap_or_else(|| as_written(other)),
    }
}

/// A call about how many descriptors there may be.
fn bounds(step: &Step) -> String {
    match step {
        Step::Limit(limit) => format!(
            "Limit the numbers of new descriptors to less than {} (`RLIMIT_NOFILE`){}{}.",
            limit.nofile.0,
            limit.hard.map_or_else(String::new, |hard| format!(", and what this can be raised to, to {}", hard.0)),
            result(limit.name.as_ref())
        ),
        Step::DupUntilRefused(dup) => {
            format!("Duplicate {} until the kernel refuses{}.", dup.of, result(Some(&dup.name)))
        }
        Step::Dup2(dup) => {
            format!(
                "Ask for a duplicate of {} with the number {} (`dup2`){}.",
                dup.of,
                dup.number.0,
                result(Some(&dup.name))
            )
        }
        Step::DropCapability(capability) => {
            let name = serde_json::to_value(capability).unwrap_or_default();
            format!("Give {} away.", code(format!("CAP_{}", name.as_str().unwrap_or_default())))
        }
        other => as_written(other),
    }
}

/// `inspect: as state, state epoll ep`.
fn as_written(step: &Step) -> String {
    let written = serde_json::to_string(step).unwrap_or_default();
    let plain: String = written.chars().filter(|c| !matches!(c, '"' | '{' | '}')).collect();
    let plain = plain.replace(',', ", ").replace(':', " ");
    format!(
        "{}.",
        plain.split_once(' ').map_or_else(|| plain.clone(), |(word, rest)| format!("{}: {rest}", code(word)))
    )
}

/// What the result is called from now on.
pub(super) fn result(name: Option<&String>) -> String {
    name.map_or_else(String::new, |name| format!(": the result is {}", code(name)))
}

fn pair([one, other]: &[String; 2], times: Number, what: &str) -> String {
    match times.0 {
        1 => format!("{what}: {one} and {other}."),
        times => format!("{times} times: {}{}: {one} and {other}.", what[..1].to_lowercase(), &what[1..]),
    }
}

fn compares(kcmp: &Kcmp) -> String {
    let with = kcmp.with.as_ref().map_or_else(String::new, |actor| format!(" in the process of {actor}"));
    let what = match (kcmp.what, &kcmp.one, &kcmp.other) {
        (Shared::File, Some(one), Some(other)) => format!("{one} and {other}{with} are one open file"),
        (Shared::Vm, ..) => format!("the script and {} share their memory", kcmp.with.as_deref().unwrap_or_default()),
        (what, ..) => {
            let what = serde_json::to_value(what).unwrap_or_default();
            let what = code(what.as_str().unwrap_or_default());
            format!("the script and {} share {what}", kcmp.with.as_deref().unwrap_or_default())
        }
    };
    format!("Ask the kernel whether {what} (`kcmp`){}.", result(Some(&kcmp.name)))
}

/// Through which network.
pub(super) fn over(over: Over) -> &'static str {
    match over {
        Over::Loopback => "over loopback",
        Over::Veth => "over a pair of virtual Ethernet devices, the far one in a second network namespace",
    }
}

fn controls(control: &EpollControl) -> String {
    let what = match (&control.add, &control.modify, &control.delete) {
        (Some(add), _, _) => format!("add {add} to {}", control.ep),
        (_, Some(modify), _) => format!("change {modify} in {}", control.ep),
        (_, _, Some(delete)) => format!("remove {delete} from {}", control.ep),
        _ => format!("on {}", control.ep),
    };
    format!("`epoll_ctl`: {what}{}{}.", flags(&control.events, "EPOLL"), result(control.name.as_ref()))
}

fn flags(events: &[EpollFlag], prefix: &str) -> String {
    let names: Vec<_> = events
        .iter()
        .map(|flag| format!("{prefix}{}", serde_json::to_value(flag).unwrap_or_default().as_str().unwrap_or_default()))
        .collect();
    if names.is_empty() { String::new() } else { format!(", for {}", code(names.join(" | "))) }
}

fn timeout(timeout: Option<Number>) -> String {
    match timeout {
        None => ", for as long as it takes".to_owned(),
        Some(Number(0)) => ", without waiting".to_owned(),
        Some(Number(millis)) => format!(", for at most {millis} ms"),
    }
}

fn memory(buffer: Option<&String>) -> String {
    buffer.map_or_else(String::new, |buffer| format!(", in the memory {buffer}"))
}

fn waits(wait: &EpollWait) -> String {
    let room = many(wait.max.0, "event");
    format!(
        "`epoll_wait` on {}, with room for {room}{}{}{}.",
        wait.ep,
        memory(wait.buffer.as_ref()),
        timeout(wait.timeout),
        result(wait.name.as_ref())
    )
}

fn selects(select: &SelectCall) -> String {
    let mut sets = Vec::new();
    if !select.read.is_empty() {
        sets.push(format!("for reading {}", select.read.join(", ")));
    }
    if !select.write.is_empty() {
        sets.push(format!("for writing {}", select.write.join(", ")));
    }
    let mut out = format!("`select`, watching {}{}", sets.join(" and "), memory(select.buffer.as_ref()));
    if select.reuse {
        out += ", with the set as the last call left it";
    }
    if select.libc {
        out += ", with the set of the C library";
    }
    format!("{out}{}{}.", timeout(select.timeout), result(select.name.as_ref()))
}

fn polls(poll: &PollCall) -> String {
    let fds: Vec<_> = poll
        .fds
        .iter()
        .map(|entry| format!("{}{}", entry.fd, flags(&entry.events, "POLL").replace(", for", " for")))
        .collect();
    format!(
        "`poll`, watching {}{}{}{}.",
        fds.join(", "),
        memory(poll.buffer.as_ref()),
        timeout(poll.timeout),
        result(poll.name.as_ref())
    )
}

fn transfers(call: &str, from: &str, transfer: &Transfer) -> String {
    format!(
        "{} {} {from} {}{}.",
        code(call),
        many(transfer.bytes.0, "byte"),
        transfer.on,
        result(transfer.name.as_ref())
    )
}
