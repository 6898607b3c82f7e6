//! The built `wakeproof cell`, driven as the harness drives it: one JSON object a line, an answer to everything it says.
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use wakeproof::case::{Case, Server, Step};
use wakeproof::cell::protocol::{Answer, Isolation, Order, Report, Rooms, Say};
use wakeproof::recording::{CallResult, End};

const WAKEPROOF: &str = env!("CARGO_BIN_EXE_wakeproof");

struct Cell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Cell {
    fn start(mut command: Command, order: &Order) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        writeln!(input, "{}", serde_json::to_string(order).unwrap()).unwrap();
        Self { child, input, output }
    }

    fn hear(&mut self) -> Say {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn answer(&mut self, answer: &Answer) {
        writeln!(self.input, "{}", serde_json::to_string(answer).unwrap()).unwrap();
    }

    /// Says "go" to everything until the report.
    fn finish(mut self) -> (Report, Vec<Say>) {
        let mut heard = Vec::new();
        loop {
            match self.hear() {
                Say::Done(report) => {
                    assert!(self.child.wait().unwrap().success());
                    return (*report, heard);
                }
                say => heard.push(say),
            }
            self.answer(&Answer::Go);
        }
    }
}

fn command() -> Command {
    let mut command = Command::new(WAKEPROOF);
    command.args(["cell", "--harness", &std::process::id().to_string()]);
    command
}

fn order(server: Option<Server>, steps: Vec<Step>) -> Order {
    Order {
        token: 7,
        server,
        stranger: None,
        steps,
        observed: false,
        rooms: Rooms::new(),
        step_millis: 20_000,
        start_millis: 20_000,
    }
}

fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(text)).unwrap()
}

fn run(server: &str, steps: &str) -> Report {
    let server = (!server.is_empty()).then(|| yaml(server));
    Cell::start(command(), &order(server, yaml(steps))).finish().0
}

fn case(text: &str, parameters: &[(&str, &str)]) -> Case {
    let put_in = |text: String, (name, value): &(&str, &str)| {
        text.replace(&format!("\"${{{name}}}\""), value).replace(&format!("${{{name}}}"), value)
    };
    yaml(&parameters.iter().fold(text.to_owned(), put_in))
}

fn why(end: &End) -> (&str, &str) {
    match end {
        End::Complete | End::LeftOut { .. } => panic!("it came to its end"),
        End::Timeout { step, why } | End::Broken { step, why } => (step, why),
    }
}

fn rets(results: &[CallResult]) -> Vec<i64> {
    results.iter().map(|result| result.ret).collect()
}

#[test]
fn the_select_system_call_watches_what_the_fd_set_refuses() {
    let text = include_str!("../../cases/select/the-system-call-watches-descriptor-1500.yaml");
    let case = case(text, &[("number", "1500")]);
    let (report, _) = Cell::start(command(), &order(None, case.steps)).finish();
    assert_eq!(report.end, End::Complete);
    let kernel_way = &report.results["kernel_way"][0];
    assert_eq!((kernel_way.ret, kernel_way.ready[0].name.as_str()), (1, "far"));
    let libc_way = &report.results["libc_way"][0];
    assert!(libc_way.refused.as_ref().unwrap().contains("FD_SETSIZE"));
    let marks: Vec<_> = report.marks.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(marks, ["idle", "start", "end"]);
}

/// What is awaited goes to the harness, with the names so far and the time of the last act.
#[test]
fn an_edge_triggered_server_is_driven_event_by_event() {
    let text = include_str!("../../cases/epoll/edge-triggered-wakes-once-per-arrival.yaml");
    let case = case(text, &[("arrivals", "5")]);
    let mut order = order(case.server, case.steps);
    order.observed = true;
    let (report, heard) = Cell::start(command(), &order).finish();
    assert_eq!(report.end, End::Complete);
    let mut times = Vec::new();
    for say in &heard {
        if let Say::Await { since, names, .. } = say {
            assert!(names.contains_key("conn"));
            times.push(*since);
        }
    }
    assert_eq!(times.len(), 2 + 5 + 1);
    assert!(times.is_sorted_by(|a, b| a < b), "each has an act of its own: {times:?}");
    assert_eq!(report.names["sentinel"].len(), 1);
    assert_eq!(report.server.unwrap().exit, None);
}

#[test]
fn without_an_observer_an_echo_shows_what_a_server_has_done() {
    let steps = "
        - connect: {as: conn}
        - connect: {as: idle, times: 100}
        - send: {on: conn, bytes: 100000}
        - receive: {on: conn, bytes: 100000}
        - send: {on: idle, bytes: 3}
        - receive: {on: 'idle[7]', bytes: 3}
        - sentinel
        - await: {asleep: server}
        - receive: {on: 'idle[7]', bytes: 1, as: nothing}
        - half_close: conn
        - receive: {on: conn, bytes: 0}
        - reset: 'idle[3]'
        - close: 'idle[4]'
        - sentinel";
    for model in ["select", "poll", "epoll-lt", "epoll-et", "thread", "fork"] {
        let report = run(&format!("{{model: {model}, options: {{}}}}"), steps);
        assert_eq!(report.end, End::Complete, "{model}");
        assert_eq!(report.names["sentinel"].len(), 2);
        let nothing = &report.results["nothing"][0];
        assert_eq!((nothing.ret, nothing.eof), (0, false));
    }
}

#[test]
fn an_awaited_event_that_nobody_sees_breaks_the_run() {
    let report = run("{model: poll, options: {}}", "[connect: {as: conn}, await: {event: {of: accept}}]");
    let (step, why) = why(&report.end);
    assert_eq!(step, "steps[1]: await accept");
    assert!(why.contains("nobody sees"), "{why}");
}

#[test]
fn a_server_that_dies_at_its_start_leaves_its_last_words() {
    let report = run("{model: poll, options: {address: 203.0.113.1}}", "[connect: {as: conn}]");
    let (step, why) = why(&report.end);
    assert_eq!(step, "start the server");
    assert!(why.contains("exit status: 3") && why.contains("EADDRNOTAVAIL"), "{why}");
    assert!(matches!(report.end, End::Broken { .. }));
    assert!(report.server.unwrap().stderr.contains("203.0.113.1"));
}

#[test]
fn a_server_that_hangs_before_it_announces_itself_is_shown_where_it_hangs() {
    let mut order = order(Some(yaml("{model: poll, options: {}}")), Vec::new());
    order.start_millis = 500;
    let mut cell = command();
    // SAFETY: it makes system calls only, in a child that has one thread.
    unsafe { cell.pre_exec(listen_never_returns) };
    let (report, _) = Cell::start(cell, &order).finish();
    let End::Timeout { step, why } = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(step, "start the server");
    assert!(why.contains("has not said where it listens within 500 ms") && why.contains("in listen"), "{why}");
}

/// Has every `listen` from here on wait for the verdict of a supervisor that never looks: seccomp(2).
fn listen_never_returns() -> std::io::Result<()> {
    let code = |code: u32| u16::try_from(code).unwrap_or(0);
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let listen = u32::try_from(libc::SYS_listen).unwrap_or(0);
    let mut filter = [
        step(code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS), 0, 0, 0),
        step(code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K), 0, 1, listen),
        step(code(libc::BPF_RET | libc::BPF_K), 0, 0, libc::SECCOMP_RET_USER_NOTIF),
        step(code(libc::BPF_RET | libc::BPF_K), 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
    nix::sys::prctl::set_no_new_privs()?;
    // SAFETY: the program and its four steps live until the call returns.
    let supervisor = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    let supervisor = i32::try_from(nix::errno::Errno::result(supervisor)?).unwrap_or(-1);
    // It stays open across exec: without a supervisor the call would fail instead of waiting.
    // SAFETY: fcntl with F_SETFD takes numbers.
    nix::errno::Errno::result(unsafe { libc::fcntl(supervisor, libc::F_SETFD, 0) })?;
    Ok(())
}

#[test]
fn a_reply_that_does_not_come_names_where_the_server_sleeps() {
    let steps = yaml(
        "[connect: {as: conn}, repeat: {times: 2, steps: [send: {on: conn, bytes: 1}, receive: {on: conn, bytes: 2}]}]",
    );
    let mut order = order(Some(yaml("{model: epoll-lt, options: {}}")), steps);
    order.step_millis = 300;
    let (report, _) = Cell::start(command(), &order).finish();
    let End::Timeout { step, why } = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(step, "steps[1].repeat[1]: receive");
    assert!(
        why.contains("1 bytes have arrived")
            && why.contains("epoll-lt) sleeps (S) in epoll_wait")
            && why.contains("round 1 of 2"),
        "{why}"
    );
}

#[test]
fn a_server_that_spins_is_named() {
    let steps = yaml("[connect: {as: conn}, send: {on: conn, bytes: 1}, await: {asleep: server}]");
    let mut order = order(Some(yaml("{model: epoll-lt, options: {read: never}}")), steps);
    order.step_millis = 300;
    let (report, _) = Cell::start(command(), &order).finish();
    let End::Timeout { step, why } = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(step, "steps[2]: await asleep server");
    assert!(why.contains("task ") && why.contains("(R)"), "{why}");
}

#[test]
fn of_several_actors_on_one_edge_triggered_epoll_one_is_woken() {
    let report = run(
        "",
        "
        - socketpair: {as: [near, far]}
        - epoll_create: {as: ep}
        - epoll_ctl: {ep: ep, add: far, events: [IN, ET]}
        - start: {actor: t, times: 4, call: {epoll_wait: {ep: ep, as: woken}}}
        - await: {asleep: {actor: t}}
        - write: {on: near, bytes: 1}",
    );
    assert_eq!(report.end, End::Complete);
    assert_eq!(report.actors, ["t[0]", "t[1]", "t[2]", "t[3]"]);
    let woken = &report.results["woken"];
    assert_eq!(rets(woken), [1]);
    assert!(report.actors.contains(woken[0].actor.as_ref().unwrap()));
    assert_eq!(woken[0].ready[0].name, "far");
}

#[test]
fn an_actor_returns_and_can_be_given_another_call() {
    let report = run(
        "",
        "
        - pipe: {as: [out, in]}
        - repeat:
            times: 3
            steps:
              - start: {actor: reader, call: {read: {on: out, bytes: 8, as: got}}}
              - await: {asleep: {actor: reader}}
              - write: {on: in, bytes: 2}
              - await: {returned: reader}
        - close: in
        - read: {on: out, bytes: 8, as: end}",
    );
    assert_eq!(report.end, End::Complete);
    assert_eq!(report.actors, ["reader"]);
    assert_eq!(rets(&report.results["got"]), [2, 2, 2]);
    assert!(report.results["end"][0].eof);
}

#[test]
fn wait_calls_report_names_and_bits_wherever_their_memory_is() {
    for buffer in ["", ", buffer: b"] {
        for state in ["untouched", "written"] {
            let report = run(
                "",
                &format!(
                    "
        - buffer: {{as: b, state: {state}}}
        - socketpair: {{as: [near, far], times: 2}}
        - epoll_create: {{as: ep}}
        - epoll_ctl: {{ep: ep, add: far, events: [IN]}}
        - write: {{on: 'near[1]', bytes: 1}}
        - epoll_wait: {{ep: ep, timeout: 0, as: epoll{buffer}}}
        - select: {{read: [far, ep], timeout: 0, as: select{buffer}}}
        - poll: {{fds: [{{fd: far, events: [IN]}}], timeout: 0, as: poll{buffer}}}"
                ),
            );
            assert_eq!(report.end, End::Complete);
            let ready = |name: &str| {
                let ready = &report.results[name][0].ready;
                ready.iter().map(|ready| format!("{} {}", ready.name, ready.bits.join(" "))).collect::<Vec<_>>()
            };
            assert_eq!(ready("epoll"), ["far[1] IN"]);
            assert_eq!(ready("select"), ["far[1] IN", "ep IN"]);
            assert_eq!(ready("poll"), ["far[1] IN"]);
            assert!(report.buffers["b"].bytes >= 4096);
        }
    }
}

#[test]
fn a_set_that_is_used_again_is_what_the_last_call_left() {
    let report = run(
        "",
        "- tcp_pair: {as: [a, b], times: 2}\n- buffer: {as: set, state: written}\n- write: {on: 'a[0]', bytes: 1}\n\
         - select: {read: [b], timeout: 0, buffer: set, as: first}\n- write: {on: 'a[1]', bytes: 1}\n\
         - select: {read: [b], timeout: 0, buffer: set, reuse: true, as: second}\n\
         - select: {read: [b], write: ['b[0]'], timeout: 0, as: both}",
    );
    assert_eq!(report.end, End::Complete);
    assert_eq!([rets(&report.results["first"]), rets(&report.results["second"])], [[1], [1]]);
    assert_eq!(rets(&report.results["both"]), [3]);
}

#[test]
fn a_limit_is_that_of_the_script() {
    let report = run(
        "",
        "- socketpair: {as: [a, b], times: 8}\n- limit: {nofile: 7}\n\
         - poll: {fds: [{fd: a, events: [IN]}], timeout: 0, as: beyond}\n- limit: {nofile: 8}\n\
         - poll: {fds: [{fd: a, events: [IN]}], timeout: 0, as: within}",
    );
    assert_eq!(report.results["beyond"][0].errno.as_deref(), Some("EINVAL"));
    assert_eq!(rets(&report.results["within"]), [0]);
}

#[test]
fn an_epoll_cannot_be_mapped_and_a_ring_can() {
    let report = run(
        "",
        "
        - tcp_pair: {as: [near, far]}
        - write: {on: near, bytes: 1}
        - epoll_create: {as: ep}
        - mmap_epoll: {of: ep, as: mapped}
        - io_uring: {on: far, ring: ring, as: polled}",
    );
    assert_eq!(report.end, End::Complete);
    assert_eq!(report.results["mapped"][0].errno.as_deref(), Some("ENODEV"));
    let polled = &report.results["polled"][0];
    // Where io_uring is switched off, that is the result.
    assert!(polled.ret == 1 && report.buffers.contains_key("ring") || polled.errno.is_some(), "{polled:?}");
}

#[test]
fn a_call_without_a_name_must_succeed() {
    let report =
        run("", "[pipe: {as: [out, in]}, close: out, repeat: {times: 1, steps: [mark: m, write: {on: in, bytes: 1}]}]");
    let End::Broken { step, why } = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(step, "steps[2].repeat[1]: write");
    assert!(why.starts_with("write to in: EPIPE (32)"), "{why}");
    let report = run("", "[pipe: {as: [out, in]}, close: out, close: in, write: {on: in, bytes: 1, as: w}]");
    assert_eq!(report.results["w"][0].errno.as_deref(), Some("EBADF"));
}

#[test]
fn a_call_that_sleeps_too_long_ends_the_run_at_its_deadline() {
    let mut order = order(None, yaml("[pipe: {as: [out, in]}, read: {on: out, bytes: 1, as: r}]"));
    order.step_millis = 100;
    let (report, _) = Cell::start(command(), &order).finish();
    let End::Timeout { why, .. } = &report.end else { panic!("{:?}", report.end) };
    assert!(why.contains("read from out has not returned within 100 ms"), "{why}");
}

/// All processes that run our program, or that carry this word among their arguments.
fn processes_with(word: &str) -> Vec<i32> {
    let numbers =
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has_it = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    };
    numbers.filter(has_it).collect()
}

fn await_none(word: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let left = processes_with(word);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "still there: {left:?}");
        std::thread::yield_now();
    }
}

/// A shell, in the place of the harness, that can be killed.
fn harness() -> Command {
    let mut shell = Command::new("sh");
    // A background process of a shell reads /dev/null unless it is told otherwise.
    shell.args(["-c", "exec 3<&0; \"$0\" cell --harness $$ <&3 3<&- & wait", WAKEPROOF]);
    shell
}

/// Kills the first process with SIGKILL in the middle of a run. Its pipes stay open, so that no end of file tells the cell.
fn nothing_survives(mut first: Command, prepare: fn() -> std::io::Result<()>, expected: Option<Isolation>, port: u16) {
    // SAFETY: it makes system calls only, in a child that has one thread.
    unsafe { first.pre_exec(prepare) };
    let server = yaml(&format!("{{model: fork, options: {{port: {port}}}}}"));
    let steps = yaml(
        "[connect: {as: conn, times: 3}, send: {on: conn, bytes: 1}, receive: {on: conn, bytes: 1}, await: {event: {of: accept}}]",
    );
    let mut order = order(Some(server), steps);
    order.observed = true;
    let mut cell = Cell::start(first, &order);
    let Say::Joined { isolation } = cell.hear() else { panic!("it did not join first") };
    assert!(expected.is_none_or(|expected| isolation == expected), "{isolation:?}");
    cell.answer(&Answer::Go);
    assert!(matches!(cell.hear(), Say::Idle));
    cell.answer(&Answer::Go);
    assert!(matches!(cell.hear(), Say::Await { .. }));
    let server = format!("--port={port}");
    assert_eq!(processes_with(&server).len(), 1 + 3, "the server and a child for each connection");
    // The cell's processes are found by the number of the shell. Those of a cell of our own would be those of all tests.
    let shell = cell.child.id().to_string();

    cell.child.kill().unwrap();
    cell.child.wait().unwrap();
    await_none(&server);
    await_none(&shell);
}

#[test]
fn nothing_survives_a_harness_that_is_killed() {
    nothing_survives(harness(), || Ok(()), None, 24_711);
}

#[test]
fn nothing_survives_a_cell_that_is_killed() {
    nothing_survives(command(), || Ok(()), None, 24_714);
}

/// As an ordinary user, whose namespaces begin with one of users, if the machine lets it have one.
#[test]
fn nothing_survives_the_harness_of_an_ordinary_user() {
    nothing_survives(harness(), as_nobody, None, 24_712);
}

fn as_nobody() -> std::io::Result<()> {
    if nix::unistd::getuid().is_root() {
        nix::unistd::setgroups(&[])?;
        nix::unistd::setgid(65534.into())?;
        nix::unistd::setuid(65534.into())?;
    }
    Ok(())
}

/// In a user namespace that allows no further namespaces there is no isolation to be had: the guardian does the killing.
#[test]
fn nothing_survives_where_no_namespaces_can_be_had() {
    let none = Isolation { network: false, processes: false };
    nothing_survives(harness(), without_namespaces, Some(none), 24_713);
    nothing_survives(command(), without_namespaces, Some(none), 24_715);
}

fn without_namespaces() -> std::io::Result<()> {
    let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER)?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    for kind in ["user", "net", "pid", "mnt", "ipc"] {
        std::fs::write(format!("/proc/sys/user/max_{kind}_namespaces"), "0")?;
    }
    Ok(())
}

#[test]
fn a_server_that_is_stopped_does_nothing_until_it_goes_on() {
    let steps = "
        - connect: {as: early}
        - stop: server
        - connect: {as: conn, times: 3}
        - send: {on: conn, bytes: 1}
        - receive: {on: conn, bytes: 1, as: stopped}
        - continue: server
        - receive: {on: conn, bytes: 1}";
    for model in ["epoll-et", "select", "fork", "pool"] {
        let report = run(&format!("{{model: {model}, options: {{}}}}"), steps);
        assert_eq!(report.end, End::Complete, "{model}");
        assert_eq!(rets(&report.results["stopped"]), [0, 0, 0]);
    }
}

#[test]
fn a_script_makes_sockets_of_its_own_and_asks_them() {
    let steps = "
    - listen: {as: listener}
    - connect: {as: near, to: listener, times: 2}
    - accept: {on: listener, as: accepted}
    - accept: {on: listener, as: accepted}
    - nonblock: listener
    - accept: {on: listener, as: none}
    - udp_pair: {as: [one, other]}
    - write: {on: one, bytes: 5}
    - fionread: {on: other, as: unread}
    - buffer: {as: page, state: written, fill: 90}
    - poll: {fds: [{fd: other, events: [IN]}], buffer: page, as: reported}
    - peek: {of: page, from: 6, bytes: 4, as: seen}
    - snmp: {counter: Udp.NoPorts, as: counted}
    ";
    let report = run("", steps);
    assert_eq!(report.end, End::Complete);
    assert!(rets(&report.results["accepted"]).iter().all(|fd| *fd > 2));
    assert_eq!(report.results["none"][0].errno.as_deref(), Some("EAGAIN"));
    assert_eq!(rets(&report.results["unread"]), [5]);
    assert_eq!(report.results["seen"][0].data, [1, 0, 90, 90], "POLLIN, and what stood there before");
    assert_eq!(report.results["counted"][0].refused, None);
}

/// Only where the cell has a network of its own: elsewhere injecting is refused.
#[test]
fn a_datagram_with_a_bad_checksum_is_counted_and_gone() {
    let steps = "
    - udp_pair: {as: [one, other]}
    - nonblock: other
    - inject: {to: other, bytes: 20, checksum: bad}
    - snmp: {counter: Udp.InCsumErrors, as: dropped}
    - inject: {to: other, bytes: 20, checksum: good}
    - read: {on: other, bytes: 300, as: taken}
    ";
    let report = run("", steps);
    if matches!(&report.end, End::Broken { why, .. } if why.contains("network namespace")) {
        return;
    }
    assert_eq!(report.end, End::Complete);
    assert_eq!((rets(&report.results["dropped"]), rets(&report.results["taken"])), (vec![1], vec![20]));
}
