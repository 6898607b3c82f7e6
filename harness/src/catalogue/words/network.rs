//! Calls on sockets, settings and what is read of the kernel, each as a sentence.
use super::calls::result;
use super::{code, many};
use crate::case::{
    Accept, Bind, ConnectOn, Family, Inspected, MakeSocket, Over, SocketOption, SocketType, Step, Whose, WhoseLimits,
};

/// The step in words, if it is one of these.
pub(super) fn call(step: &Step) -> Option<String> {
    Some(match step {
        Step::Listen(listen) => {
            format!(
                "A listening TCP socket, on which {} may wait: {}.",
                many(listen.backlog.0, "connection"),
                listen.name
            )
        }
        Step::Accept(accept) => accepts(accept),
        Step::Socket(socket) => makes(socket),
        Step::Bind(bind) => binds(bind),
        Step::ListenOn(listen) => {
            let backlog = code(format!("listen(…, {})", listen.backlog.0));
            format!("{backlog} on {}{}.", listen.on, result(listen.name.as_ref()))
        }
        Step::ConnectOn(connect) => connects(connect),
        Step::SetOption(set) => {
            let value = set.device.clone().unwrap_or_else(|| set.value.0.to_string());
            format!("Set {} of {} to {value}.", option(set.option), set.on)
        }
        Step::GetOption(get) => format!("Ask {} for {}{}.", get.on, option(get.option), result(Some(&get.name))),
        Step::DropIncoming(of) => {
            format!("From here on nothing that arrives reaches {of}, as if the network had lost it.")
        }
        Step::Sysctl(sysctl) => {
            format!("Set {} to {}, in the experiment's own network namespace.", code(&sysctl.name), sysctl.value)
        }
        Step::AddAddress(add) => format!("Give the device {} the address {}, too.", code(&add.device), add.address),
        Step::ProcNetTcp(table) => {
            let place = if table.elsewhere { " in another network namespace" } else { "" };
            format!("Read {}{place}{}.", code("/proc/net/tcp"), result(Some(&table.name)))
        }
        Step::Inspect(inspect) => {
            format!("Read {} in kernel memory{}.", state(&inspect.state), result(Some(&inspect.name)))
        }
        _ => return None,
    })
}

fn state(state: &Inspected) -> String {
    let of = |name: &str| if name == "server" { "the server's listener".to_owned() } else { name.to_owned() };
    match state {
        Inspected::Epoll(name) if name == "server" => "the server's eventpoll".to_owned(),
        Inspected::Epoll(name) => format!("the eventpoll of {name}"),
        Inspected::WaitQueue(name) => format!("the wait queue of {}", of(name)),
        Inspected::Tcp(name) => format!("the TCP socket of {} with its accept queue", of(name)),
        Inspected::Established(name) => format!("the table of connections around {}", of(name)),
        Inspected::File(name) => format!("what the descriptor of {} leads to", of(name)),
        Inspected::Files(Whose::Client) => "the table of the script's open files".to_owned(),
        Inspected::Files(Whose::Server) => "the table of the server's open files".to_owned(),
        Inspected::Tasks(Whose::Client) => "the tasks of the script".to_owned(),
        Inspected::Tasks(Whose::Server) => "the tasks of the server, also those that nobody has collected".to_owned(),
        Inspected::Queues(name) => format!("the queues of {}", of(name)),
        Inspected::Limits(whose) => {
            let whose = match whose {
                WhoseLimits::Client => "the script's process",
                WhoseLimits::Server => "the server",
                WhoseLimits::Init => "the machine's first process",
                WhoseLimits::Kernel => "the kernel's own task, from which all others descend",
            };
            format!("the limit of open files of {whose}")
        }
        Inspected::Layout(structure) => format!("the layout of {}", code(format!("struct {structure}"))),
    }
}

fn option(option: SocketOption) -> String {
    code(serde_json::to_value(option).unwrap_or_default().as_str().unwrap_or_default())
}

fn makes(socket: &MakeSocket) -> String {
    let kind = match (socket.family, socket.kind) {
        (Family::Inet, SocketType::Stream) => "A TCP socket over IPv4",
        (Family::Inet, SocketType::Dgram) => "A UDP socket over IPv4",
        (Family::Inet6, SocketType::Stream) => "A TCP socket over IPv6",
        (Family::Inet6, SocketType::Dgram) => "A UDP socket over IPv6",
    };
    let place = match socket.over {
        Over::Veth => " at the far end of the wire",
        Over::Loopback if socket.elsewhere => " in another network namespace",
        Over::Loopback => "",
    };
    match socket.times.0 {
        1 => format!("{kind}{place}: {}.", socket.name),
        times => format!("{times} times: {}{}{place}: {}.", kind[..1].to_lowercase(), &kind[1..], socket.name),
    }
}

fn binds(bind: &Bind) -> String {
    let port = bind.port_of.as_ref().map_or_else(|| "a free port".to_owned(), |of| format!("the port of {of}"));
    format!("`bind` {} to {} and {port}{}.", bind.on, bind.address, result(bind.name.as_ref()))
}

fn connects(connect: &ConnectOn) -> String {
    let address = connect.address.map_or_else(String::new, |address| format!(" by the address {address}"));
    let length = connect.length.map_or_else(String::new, |length| {
        format!(", with an address that is said to have {}", many(length.0, "byte"))
    });
    format!("`connect` {} to {}{address}{length}{}.", connect.on, connect.to, result(connect.name.as_ref()))
}

fn accepts(accept: &Accept) -> String {
    let into = accept.into.as_ref().map_or_else(String::new, |into| format!(", which gives {into}"));
    format!("`accept` on {}{into}{}.", accept.on, result(accept.name.as_ref()))
}
