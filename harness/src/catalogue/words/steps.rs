//! Each step as a sentence.
use super::events::{filter, happening};
use super::{Line, calls, code, many};
use crate::case::{
    Asleep, Await, AwaitEvent, Connect, Crowd, Over, Receive, Repeat, Reply, Request, Send, Start, Step, WatchTarget,
};

/// The steps, one sentence after another.
pub(in super::super) fn steps(steps: &[Step]) -> Vec<Line> {
    steps.iter().map(step).collect()
}

fn step(step: &Step) -> Line {
    let text = match step {
        Step::Connect(connect) => connects(connect),
        Step::Send(send) => sends(send),
        Step::Receive(receive) => receives(receive),
        Step::Request(request) => requests(request),
        Step::Reply(reply) => replies(reply),
        Step::HalfClose(on) => format!("The client of {on} says that it will send no more."),
        Step::Reset(on) => format!("The client of {on} resets the connection."),
        Step::Await(Await::Event(event)) => awaits(event),
        Step::Await(Await::Quiet(_)) => {
            "Wait until every task of the server sleeps and no byte is under way.".to_owned()
        }
        Step::Await(Await::Asleep(Asleep::Server)) => "Wait until every task of the server sleeps.".to_owned(),
        Step::Await(Await::Asleep(Asleep::Actor(actor))) => format!("Wait until {actor} sleeps in the kernel."),
        Step::Await(Await::Returned(actor)) => format!("Wait until the call of {actor} has returned."),
        Step::Mark(name) => format!("Set the mark “{name}”."),
        Step::Sentinel => "A byte arrives on another connection, and is served before anything else happens: nothing more was under way.".to_owned(),
        Step::Repeat(repeat) => return repeats(repeat),
        Step::Start(start) => return starts(start),
        Step::Watch(watch) => {
            let word = match &watch.word {
                WatchTarget::ReadyList(of) => format!("the ready list of {}", owner(of)),
                WatchTarget::WaitQueue(of) => format!("the wait queue of {}", owner(of)),
                WatchTarget::ReceiveQueue(of) => format!("the receive queue of {of}"),
                WatchTarget::Buffer(of) => format!("the first eight bytes of {of}"),
            };
            format!("From here on watch {word} for writes, as {}.", code(&watch.name))
        }
        Step::Room(room) => format!(
            "Find out how many of {} clients this machine has room for, at {} kB each and within its limits{}, as {}.",
            room.clients.0,
            room.kilobytes.0,
            room.emulated.map_or_else(String::new, |most| format!(" ({} if its processor is emulated)", most.0)),
            code(&room.name)
        ),
        Step::Crowd(crowd) => comes(crowd),
        Step::Resources(resources) => {
            format!("Read what the server and its clients hold just now, from `/proc`, as {}.", code(&resources.name))
        }
        call => calls::call(call),
    };
    Line::new(text)
}

fn owner(name: &str) -> String {
    if name == "server" { "the server's epoll descriptor".to_owned() } else { name.to_owned() }
}

fn connects(connect: &Connect) -> String {
    if let (Some(listener), Some(result)) = (&connect.to, &connect.result) {
        return format!("Try to connect to {listener}: {}, with the result {}.", connect.name, code(result));
    }
    let way = match connect.over {
        Over::Loopback => String::new(),
        over @ Over::Veth => format!(" {}", calls::over(over)),
    };
    match connect.times.0 {
        1 => format!("A client connects{way}: {}.", connect.name),
        times => format!("{times} clients connect{way}: {}.", connect.name),
    }
}

fn comes(crowd: &Crowd) -> String {
    let within =
        crowd.within.as_ref().map_or_else(String::new, |room| format!(", but no more than {} allows", code(room)));
    format!(
        "{} clients come{within}, {} at a time, and stay: {}. Each sends a byte and waits for its answer; the first that get \
         none are the last to come. What became of them is {}.",
        crowd.clients.0,
        crowd.together.0,
        crowd.name,
        code(&crowd.result)
    )
}

fn sends(send: &Send) -> String {
    format!("The client of {} sends {} in one write.", send.on, many(send.bytes.0, "byte"))
}

fn receives(receive: &Receive) -> String {
    let on = &receive.on;
    let bytes = many(receive.bytes.0, "byte");
    match (&receive.name, receive.bytes.0) {
        (Some(name), 0) => format!("Take what the client of {on} has received by now, as {}.", code(name)),
        (Some(name), _) => {
            format!("Take what the client of {on} has received by now, at most {bytes}, as {}.", code(name))
        }
        (None, 0) => format!("The client of {on} receives until the end of the stream."),
        (None, _) => format!("The client of {on} receives {bytes}."),
    }
}

fn requests(request: &Request) -> String {
    format!("The client of {} sends {} in one write.", request.on, many(request.times.0, "request"))
}

fn replies(reply: &Reply) -> String {
    let on = &reply.on;
    match &reply.name {
        Some(name) => format!("Take what the client of {on} has received of the replies by now, as {}.", code(name)),
        None if reply.times.0 == 1 => format!("The client of {on} receives the reply."),
        None => format!("The client of {on} receives {} replies.", reply.times.0),
    }
}

fn awaits(event: &AwaitEvent) -> String {
    let times = match event.times.0 {
        1 => String::new(),
        times => format!(", {times} times"),
    };
    format!(
        "Wait until {}{}{times}.",
        happening(event.of).replace(" was ", " has been ").replace(" returned", " has returned"),
        filter(&event.only)
    )
}

fn repeats(repeat: &Repeat) -> Line {
    Line { text: format!("{} times:", repeat.times.0), below: steps(&repeat.steps) }
}

fn starts(start: &Start) -> Line {
    let text = match (start.times.0, start.process) {
        (1, false) => format!("On a thread of its own, {}, which may sleep in it:", start.actor),
        (1, true) => format!("In a child process, {}, which may sleep in it:", start.actor),
        (times, false) => format!("On {times} threads of their own, {}, which may sleep in it:", start.actor),
        (times, true) => format!("In {times} child processes, {}, which may sleep in it:", start.actor),
    };
    Line { text, below: start.first.iter().chain([&*start.call]).map(step).collect() }
}
