//! `wakeproof guard`: the cases of the suite that a file promises are run with the user's server.
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{WAKEPROOF, installed};

const ACCEPTS_ALL: &str = "epoll/an-edge-triggered-server-accepts-all-that-one-edge-announces";
const READS_ALL: &str = "epoll/an-edge-triggered-server-leaves-nothing-unread";
const NO_DESCRIPTOR: &str = "fd/a-server-keeps-no-descriptor-of-clients-that-have-gone";
const SEES_THE_END: &str = "process/a-client-of-a-fork-server-sees-the-end";
const NO_ZOMBIE: &str = "process/a-fork-server-collects-every-child";
const HEARD: &str = "select/the-select-server-makes-its-sets-anew";
const ALL: [&str; 6] = [ACCEPTS_ALL, READS_ALL, NO_DESCRIPTOR, SEES_THE_END, NO_ZOMBIE, HEARD];

/// A server of ours, and those of the cases that must be broken; the others are kept.
const SERVERS: &[(&str, &[&str])] = &[
    ("epoll-et", &[]),
    ("fork", &[]),
    ("io-uring", &[]),
    ("epoll-et --defect not-drained", &[ACCEPTS_ALL, READS_ALL, NO_DESCRIPTOR, SEES_THE_END, HEARD]),
    ("epoll-et --defect accept-once-per-edge", &[ACCEPTS_ALL]),
    ("fork --defect not-reaped", &[NO_ZOMBIE]),
    ("fork --defect parent-keeps-connection", &[NO_DESCRIPTOR, SEES_THE_END]),
    ("select --defect reuses-set", &[NO_DESCRIPTOR, HEARD]),
];

/// An edge-triggered server of somebody else: right, or with the mistake of one small read for each report.
const PYTHON: &str = r#"
import select, socket, sys
drain = sys.argv[1] == "drain"
listener = socket.create_server(("127.0.0.1", 8080), backlog=64)
listener.setblocking(False)
epoll = select.epoll()
epoll.register(listener, select.EPOLLIN | select.EPOLLET)
clients = {}

def accept():
    while True:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        clients[client.fileno()] = client
        epoll.register(client, select.EPOLLIN | select.EPOLLET)

def converse(client):
    while True:
        try:
            data = client.recv(4096 if drain else 100)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            del clients[client.fileno()]
            return client.close()
        client.sendall(data)
        if not drain:
            return

while True:
    for fd, _ in epoll.poll():
        if fd == listener.fileno():
            accept()
        elif fd in clients:
            converse(clients[fd])
"#;

pub fn trials(can: bool) -> Vec<Trial> {
    let ours = SERVERS.iter().map(|(line, broken)| {
        let command: Vec<String> = [WAKEPROOF, "serve"].into_iter().chain(line.split(' ')).map(str::to_owned).collect();
        let name = format!("inspect/guard/{}", line.replace(" --", "+").replace(' ', "="));
        Trial::test(name, move || guard(&command, broken)).with_ignored_flag(!can)
    });
    let python = [("drain", &[][..]), ("once", &[READS_ALL][..])].map(|(how, broken)| {
        let command = ["python3", "-c", PYTHON, how].map(str::to_owned);
        let run = move || guard(&command, broken);
        Trial::test(format!("inspect/guard/python-{how}"), run).with_ignored_flag(!can || !installed("python3"))
    });
    ours.chain(python).collect()
}

/// Promises all cases of a server, of which these are broken, each with events that show it.
fn guard(command: &[String], broken: &[&str]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("server.yaml");
    std::fs::write(&file, format!("cases: [{}]\n", ALL.join(", ")))?;
    let mut all = Command::new(WAKEPROOF);
    let output = all.args(["guard", "--format", "json"]).arg(&file).arg("--").args(command).output()?;
    let status = i32::from(!broken.is_empty());
    if output.status.code() != Some(status) {
        let (said, shown) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        return Err(format!("{} instead of {status}\n{said}{shown}", output.status).into());
    }
    let guarded: Value = serde_json::from_slice(&output.stdout)?;
    let promises = guarded["promises"].as_array().map(Vec::as_slice).unwrap_or_default();
    if promises.len() != ALL.len() {
        return Err(format!("{} promises were judged: {guarded}", promises.len()).into());
    }
    for (promise, id) in promises.iter().zip(ALL) {
        let wanted = if broken.contains(&id) { "fail" } else { "pass" };
        if promise["promise"] != format!("case {id}") || promise["outcome"] != wanted {
            return Err(format!("{id} is not {wanted}: {promise:#}").into());
        }
        if wanted == "fail" && !promise["because"].to_string().contains("what the server did last") {
            return Err(format!("no event shows it: {promise:#}").into());
        }
    }
    Ok(())
}
