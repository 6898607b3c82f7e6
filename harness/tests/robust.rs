//! What happens when something goes wrong: each message says what, why and what to do, and nothing is left behind.
//!
//! It has a `main` of its own, since whether a test can run is known only when it runs: root, or an eBPF object.
#[path = "robust/left.rs"]
mod left;
#[path = "robust/machine.rs"]
mod machine;

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid, setgid, setgroups, setuid};

type Tested = Result<Completion, Failed>;
/// A test by its name.
type Test = (&'static str, fn() -> Tested);

/// A case that anybody can run, and that passes at once.
const QUICK: &str = "\
title: The system call is quick
wiring: near, far
with: {bytes: 1}
steps:
  - socketpair: {as: [near, far]}
  - write: {on: near, bytes: '${bytes}', as: sent}
expect: {one byte is sent: sent.ret == 1}
control: {title: Two bytes are sent, with: {bytes: 2}, must_fail: [one byte is sent]}
";

/// A case whose client waits for an answer that never comes.
const WAITS: &str = "\
title: A client waits for a server that does not answer
wiring: client, server
server: {model: fork, options: {reply: none}}
steps:
  - connect: {as: conn}
  - send: {on: conn, bytes: 1}
  - receive: {on: conn, bytes: 1}
  - receive: {on: conn, bytes: 1, as: got}
expect: {it is answered: got.bytes == 1}
control: {title: A server that answers, server: {model: poll}, must_fail: [it is answered]}
";

/// The same, after everything has been changed that a case can change.
const CHANGES: &str = "\
title: A client that has changed all it can waits for a server that does not answer
wiring: client, server
server: {model: fork, limit: {of: nproc, to: 50}, options: {address: 0.0.0.0, reply: none}}
steps:
  - sysctl: {name: net.ipv4.tcp_fastopen, value: 519}
  - limit: {nofile: 300, hard: 300}
  - connect: {as: conn, over: veth}
  - send: {on: conn, bytes: 1}
  - receive: {on: conn, bytes: 1}
  - receive: {on: conn, bytes: 1, as: got}
expect: {it is answered: got.bytes == 1}
control: {title: A server that answers, server: {model: poll}, must_fail: [it is answered]}
";

fn main() -> ExitCode {
    let tests: [Test; 8] = [
        ("an_ordinary_user_learns_why_little_is_seen", an_ordinary_user_learns_why_little_is_seen),
        ("without_type_information_the_surface_is_tested", without_type_information_the_surface_is_tested),
        ("a_mistake_in_a_case_is_shown_where_it_is", a_mistake_in_a_case_is_shown_where_it_is),
        ("a_server_that_dies_at_its_start_is_quoted", a_server_that_dies_at_its_start_is_quoted),
        ("a_server_that_hangs_at_its_start_is_shown_where", a_server_that_hangs_at_its_start_is_shown_where),
        ("a_killed_harness_leaves_nothing", a_killed_harness_leaves_nothing),
        ("a_killed_harness_leaves_every_setting_as_it_was", a_killed_harness_leaves_every_setting_as_it_was),
        ("an_interrupted_harness_reports_and_leaves_nothing", an_interrupted_harness_reports_and_leaves_nothing),
    ];
    let trials = tests.into_iter().map(|(name, test)| Trial::ignorable_test(name, test)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A folder with cases of these names and texts.
fn cases(files: &[(&str, &str)]) -> Result<tempfile::TempDir, io::Error> {
    let folder = tempfile::tempdir()?;
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        fs::write(path, text)?;
    }
    // An ordinary user is to read them.
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(folder)
}

fn wakeproof(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wakeproof"));
    command.args(["test", "--cases"]).arg(folder).args(arguments);
    command.env_remove("RUST_LOG").env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8").current_dir("/");
    command
}

/// Whether the kernel can be watched by the command as it was built, or why not.
fn watched() -> Result<(), &'static str> {
    if !geteuid().is_root() {
        return Err("needs root");
    }
    wakeproof::object::object().map(drop).ok_or("the command was built without its eBPF object")
}

fn expect(output: &Output, status: i32, said: &[&str]) -> Result<(), Failed> {
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    // A sentence may be broken where the line ends.
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(missing) = said.iter().find(|part| !flat.contains(**part)) {
        return Err(format!("`{missing}` is not in:\n{text}").into());
    }
    if output.status.code() != Some(status) {
        return Err(format!("expected status {status}, found {}:\n{text}", output.status).into());
    }
    if text.lines().count() > 50 {
        return Err(format!("this does not fit on a screen:\n{text}").into());
    }
    Ok(())
}

fn an_ordinary_user_learns_why_little_is_seen() -> Tested {
    if let Err(why) = watched() {
        return Ok(Completion::ignored_with(why));
    }
    let trace = QUICK.replace("wiring", "grade: trace\nwiring");
    let folder = cases(&[("a/quick.yaml", QUICK), ("a/watched.yaml", &trace)])?;
    let mut command = wakeproof(folder.path(), &[]);
    // SAFETY: system calls only, in a child that has one thread.
    unsafe { command.pre_exec(as_nobody) };
    let output = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(Completion::ignored_with("an ordinary user cannot run the built command"));
        }
        output => output?,
    };
    let said = ["this is user 65534", "run as root: sudo wakeproof test", "1 passed · 1 skipped", "evidence surface"];
    expect(&output, 0, &said).map(|()| Completion::Completed)
}

fn as_nobody() -> io::Result<()> {
    setgroups(&[])?;
    setgid(65534.into())?;
    Ok(setuid(65534.into())?)
}

fn without_type_information_the_surface_is_tested() -> Tested {
    if let Err(why) = watched() {
        return Ok(Completion::ignored_with(why));
    }
    let folder = cases(&[("a/quick.yaml", QUICK)])?;
    let mut command = wakeproof(folder.path(), &[]);
    // SAFETY: system calls only, in a child that has one thread.
    unsafe { command.pre_exec(hide_btf) };
    let said = ["type information", "guest: cargo xtask test --kernel guest", "1 passed"];
    expect(&command.output()?, 0, &said).map(|()| Completion::Completed)
}

/// An empty file in the place of the kernel's type information, for this process alone.
fn hide_btf() -> io::Result<()> {
    let none: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    Ok(mount(Some("/dev/null"), "/sys/kernel/btf/vmlinux", none, MsFlags::MS_BIND, none)?)
}

fn a_mistake_in_a_case_is_shown_where_it_is() -> Tested {
    let wrong = WAITS.replace("- connect", "- conect");
    let folder = cases(&[("a/quick.yaml", QUICK), ("a/wrong.yaml", &wrong)])?;
    let output = wakeproof(folder.path(), &[]).output()?;
    if !output.stdout.is_empty() {
        return Err("something ran".into());
    }
    expect(&output, 2, &["wrong.yaml:5:5", "^^^^^^", "did you mean `connect`?"]).map(|()| Completion::Completed)
}

fn a_server_that_dies_at_its_start_is_quoted() -> Tested {
    let dies = WAITS.replace("reply: none", "address: 203.0.113.1");
    let folder = cases(&[("a/dies.yaml", &dies)])?;
    let output = wakeproof(folder.path(), &["--evidence", "surface"]).output()?;
    let said = ["start the server", "exit status: 3", "203.0.113.1", "EADDRNOTAVAIL (99)", "1 broken"];
    expect(&output, 3, &said).map(|()| Completion::Completed)
}

fn a_server_that_hangs_at_its_start_is_shown_where() -> Tested {
    let folder = cases(&[("a/hangs.yaml", WAITS)])?;
    let mut command = wakeproof(folder.path(), &["--evidence", "surface", "--step-deadline", "1"]);
    // SAFETY: system calls only, in a child that has one thread.
    unsafe { command.pre_exec(left::listen_never_returns) };
    let said = ["has not said where it listens within 1000 ms", "in listen", "1 out of time"];
    expect(&command.output()?, 1, &said).map(|()| Completion::Completed)
}

/// Starts a run that waits, tells what it holds, has somebody look at it, and ends it with a signal.
fn ended_by(
    signal: Signal,
    waits: &str,
    look: impl FnOnce(i32) -> Result<(), Failed>,
) -> Result<(Output, Duration, left::Holdings), Failed> {
    let folder = cases(&[("a/quick.yaml", QUICK), ("b/waits.yaml", waits)])?;
    let scratch = tempfile::tempdir()?;
    let mut command = wakeproof(folder.path(), &[]);
    let mut child = command.env("TMPDIR", scratch.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = i32::try_from(child.id())?;
    // The server forks a child for the connection: then the run is where it waits.
    let deadline = Instant::now() + Duration::from_secs(30);
    while left::servers_below(pid) < 2 {
        if Instant::now() > deadline {
            child.kill()?;
            return Err("the run did not begin".into());
        }
        std::thread::yield_now();
    }
    let holdings = left::Holdings::of(pid);
    if let Err(why) = holdings.are_seen(watched().is_ok()).and_then(|()| look(pid)) {
        child.kill()?;
        return Err(why);
    }
    let began = Instant::now();
    kill(Pid::from_raw(pid), signal)?;
    let output = child.wait_with_output()?;
    let took = began.elapsed();
    if fs::read_dir(scratch.path())?.next().is_some() {
        return Err("files are left in the folder for temporary ones".into());
    }
    Ok((output, took, holdings))
}

fn a_killed_harness_leaves_nothing() -> Tested {
    let (_, _, holdings) = ended_by(Signal::SIGKILL, WAITS, |_| Ok(()))?;
    holdings.are_gone()?;
    Ok(Completion::Completed)
}

fn a_killed_harness_leaves_every_setting_as_it_was() -> Tested {
    if let Err(why) = watched() {
        return Ok(Completion::ignored_with(why));
    }
    let before = machine::now();
    let (_, _, holdings) = ended_by(Signal::SIGKILL, CHANGES, |harness| {
        let changed = left::family(harness)
            .into_iter()
            .any(|pid| machine::setting_of(pid, "net.ipv4.tcp_fastopen").as_deref() == Some("519"));
        if changed { Ok(()) } else { Err("the setting was not changed".into()) }
    })?;
    holdings.are_gone()?;
    let differences = machine::differences(&before, &machine::now());
    if !differences.is_empty() {
        return Err(differences.join("\n").into());
    }
    Ok(Completion::Completed)
}

fn an_interrupted_harness_reports_and_leaves_nothing() -> Tested {
    let (output, took, holdings) = ended_by(Signal::SIGINT, WAITS, |_| Ok(()))?;
    holdings.are_gone()?;
    if took > Duration::from_secs(2) {
        return Err(format!("it took {took:?} to end").into());
    }
    expect(&output, 130, &["interrupted", "b/waits", "1 passed"]).map(|()| Completion::Completed)
}
