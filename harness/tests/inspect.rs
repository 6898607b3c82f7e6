//! `wakeproof inspect` on every reference server, on every defect, and on the servers of the distribution that are
//! installed: the three axes must be right, defects must be found, and nobody else accused. Prints a confusion matrix.
//!
//! What is not installed, or cannot be watched here, is ignored and not passed. `cargo xtask check inspect` unpacks the
//! distribution's packages first and says where in `WAKEPROOF_SERVERS`: then what is missing fails. With `WAKEPROOF_RUNS`
//! every server is inspected so many times.
#[path = "inspect/guard.rs"]
mod guard;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use serde_json::Value;

const WAKEPROOF: &str = env!("CARGO_BIN_EXE_wakeproof");

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    name: String,
    half: String,
    program: String,
    #[serde(default)]
    package: Option<String>,
    is: Is,
    #[serde(default)]
    prepare: Option<String>,
    command: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Is {
    accept: String,
    connection: String,
    unit: String,
}

/// A reference server, its axes, and the hazards it must have.
const REFERENCE: &[(&str, [&str; 3], &[&str])] = &[
    ("blocking", ["blocking", "blocking", "iterative"], &[]),
    ("fork", ["blocking", "blocking", "fork-per-connection"], &[]),
    ("thread", ["blocking", "blocking", "thread-per-connection"], &[]),
    ("pool", ["blocking", "blocking", "thread-pool"], &[]),
    ("select", ["select", "select", "single-loop"], &[]),
    ("poll", ["poll", "poll", "single-loop"], &[]),
    ("epoll-lt", ["epoll-lt", "epoll-lt", "single-loop"], &[]),
    ("epoll-et", ["epoll-et", "epoll-et", "single-loop"], &[]),
    ("spin", ["spin", "spin", "single-loop"], &[]),
    ("prefork", ["blocking", "blocking", "pre-fork"], &[]),
    ("epoll-shared", ["epoll-lt", "epoll-lt", "shared-loop"], &[]),
    ("epoll-oneshot", ["epoll-oneshot", "epoll-oneshot", "shared-loop"], &[]),
    ("epoll-each", ["epoll-lt", "epoll-lt", "several-loops-threads"], &[]),
    ("epoll-each --exclusive", ["epoll-exclusive", "epoll-lt", "several-loops-threads"], &[]),
    ("epoll-lt --max-events 2 --read once", ["epoll-lt", "epoll-lt", "single-loop"], &[]),
    ("reuseport", ["epoll-lt", "epoll-lt", "several-loops-threads"], &[]),
    ("io-uring", ["io-uring", "io-uring", "single-loop"], &[]),
    ("tokio", ["epoll-et", "epoll-et", "single-loop"], &[]),
    ("epoll-et --defect not-drained", ["epoll-et", "epoll-et", "single-loop"], &["edge-not-drained"]),
    ("epoll-et --defect blocking-descriptor", ["epoll-et", "epoll-et", "single-loop"], &["edge-blocking-descriptor"]),
    ("epoll-et --defect accept-once-per-edge", ["epoll-et", "epoll-et", "single-loop"], &["accept-once-per-edge"]),
    ("epoll-lt --defect never-reads", ["epoll-lt", "epoll-lt", "unknown"], &["level-spin"]),
    ("epoll-lt --defect partial-write-as-whole", ["epoll-lt", "epoll-lt", "single-loop"], &["partial-write-lost"]),
    ("epoll-lt --defect ignores-hangup", ["epoll-lt", "epoll-lt", "single-loop"], &["hangup-ignored"]),
    ("epoll-lt --defect closes-one-copy", ["epoll-lt", "epoll-lt", "single-loop"], &["closed-still-reported"]),
    ("epoll-lt --defect lists-anew", ["epoll-lt", "epoll-lt", "single-loop"], &["maxevents-starvation"]),
    ("fork --defect not-reaped", ["blocking", "blocking", "fork-per-connection"], &["children-not-reaped"]),
    ("fork --defect parent-keeps-connection", ["blocking", "blocking", "fork-per-connection"], &["descriptor-leak"]),
    ("select --defect forgets-descriptor", ["select", "select", "single-loop"], &["connection-not-watched"]),
    ("select --defect reuses-set", ["select", "select", "unknown"], &["listener-not-watched"]),
    ("select --defect beyond-fd-setsize", ["select", "select", "single-loop"], &["beyond-fd-setsize"]),
];

/// By server: what it is, and as what it was seen, how often.
type Matrix = Arc<Mutex<BTreeMap<String, (String, BTreeMap<String, u32>)>>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The probes see one server at a time.
    arguments.test_threads = Some(1);
    let can = wakeproof::object::object().is_some() && nix::unistd::geteuid().is_root();
    let matrix = Matrix::default();
    let reference = REFERENCE.iter().map(|(line, is, hazards)| {
        let seen = Arc::clone(&matrix);
        let run = move || times(|| reference(line, is, hazards, &seen));
        Trial::test(format!("inspect/reference/{}", line.replace(" --", "+").replace(' ', "=")), run)
            .with_ignored_flag(!can)
    });
    let servers: Vec<Server> =
        serde_yaml::from_str(include_str!("inspect/servers.yaml")).expect("the list of servers is well formed");
    let unpacked = std::env::var_os("WAKEPROOF_SERVERS").filter(|_| can);
    if let Some(folder) = &unpacked {
        show_below_usr(Path::new(folder)).expect("the unpacked servers can be shown below /usr");
    }
    let real = servers.into_iter().map(|server| {
        let seen = Arc::clone(&matrix);
        let wanted = unpacked.is_some() && server.package.is_some();
        let ignored = !can || !wanted && !installed(&server.program);
        Trial::test(format!("inspect/real/{}", server.name), move || times(|| real(&server, &seen)))
            .with_ignored_flag(ignored)
    });
    let running = Trial::test("inspect/running", || times(running)).with_ignored_flag(!can);
    let trials: Vec<Trial> = reference.chain(real).chain([running]).chain(guard::trials(can)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    for (name, (is, seen)) in matrix.lock().expect("no trial is running").iter() {
        let runs: u32 = seen.values().sum();
        let good = seen.get(is).copied().unwrap_or(0);
        let others: Vec<String> =
            seen.iter().filter(|(other, _)| *other != is).map(|(other, count)| format!("; {other} {count}")).collect();
        println!("{} {name:<48} {is:<60} {good} of {runs}{}", if good == runs { "=" } else { "≠" }, others.concat());
    }
    conclusion.exit_code()
}

/// Shows what was unpacked together with what is installed, to this process and its children only.
fn show_below_usr(folder: &Path) -> nix::Result<()> {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    const NONE: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    let layers = format!("lowerdir={}:/usr", folder.join("usr").display());
    mount(Some("servers"), "/usr", Some("overlay"), MsFlags::MS_RDONLY, Some(layers.as_str()))
}

/// Whether a shell finds the program; its path may have a `*`.
fn installed(program: &str) -> bool {
    let look = Command::new("sh").args(["-c", "for found in $0; do command -v $found; done", program]).output();
    look.is_ok_and(|output| output.status.success())
}

/// Runs a trial as often as `WAKEPROOF_RUNS` says; each time must be good.
fn times(trial: impl Fn() -> Result<(), Failed>) -> Result<(), Failed> {
    let runs: u32 = std::env::var("WAKEPROOF_RUNS").map_or(Ok(1), |runs| runs.parse())?;
    let run = |run| trial().err().and_then(|failed| Some(format!("run {run} of {runs}: {}", failed.message()?)));
    let failed: Vec<String> = (1..=runs).filter_map(run).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

fn inspect(command: &[String]) -> Result<Value, Failed> {
    let mut all = Command::new(WAKEPROOF);
    let output = all.args(["inspect", "--format", "json", "--"]).args(command).output()?;
    if !output.status.success() {
        return Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The three axes, as the matrix has them.
fn axes(report: &Value) -> String {
    ["accept", "connection", "unit"].map(|axis| report["model"][axis]["is"].as_str().unwrap_or("?")).join(" ")
}

fn hazards(report: &Value) -> Vec<&str> {
    let all = report["hazards"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|hazard| hazard["severity"] == "danger").filter_map(|hazard| hazard["kind"].as_str()).collect()
}

fn compare(name: &str, is: &str, report: &Value, matrix: &Matrix) -> Result<(), Failed> {
    let seen = axes(report);
    let mut matrix = matrix.lock().map_err(|_| "a trial has panicked")?;
    *matrix.entry(name.to_owned()).or_insert((is.to_owned(), BTreeMap::new())).1.entry(seen.clone()).or_default() += 1;
    if seen == is { Ok(()) } else { Err(format!("expected {is}, seen {seen}: {}", report["model"]).into()) }
}

fn reference(line: &str, is: &[&str; 3], wanted: &[&str], matrix: &Matrix) -> Result<(), Failed> {
    let command: Vec<String> = [WAKEPROOF, "serve"].into_iter().chain(line.split(' ')).map(str::to_owned).collect();
    let report = inspect(&command)?;
    compare(line, &is.join(" "), &report, matrix)?;
    let found = hazards(&report);
    if let Some(missing) = wanted.iter().find(|kind| !found.contains(kind)) {
        return Err(format!("{missing} was not found, but {found:?}").into());
    }
    if wanted.is_empty() && !found.is_empty() {
        return Err(format!("a healthy server is accused: {}", report["hazards"]).into());
    }
    Ok(())
}

/// A server that is ended with the test, whatever becomes of it.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A request and its answer, again and again, until told to stop; counts them.
fn echo(port: u16, stop: &AtomicBool, answers: &AtomicU64) -> std::io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(&[7; 64])?;
        stream.read_exact(&mut [0; 64])?;
        answers.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// The programs of this machine's kernel that descriptors of `process` keep.
fn programs(process: u32) -> usize {
    let targets = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let target = |entry: std::fs::DirEntry| std::fs::read_link(entry.path()).ok();
    targets.filter_map(target).filter(|target| target.to_string_lossy().contains("bpf-prog")).count()
}

/// `--pid` comes and goes while clients are served, once to its end, and then ended by a signal: none of them sees an error.
fn running() -> Result<(), Failed> {
    let mut command = Command::new(WAKEPROOF);
    let mut server = Served(command.args(["serve", "epoll-lt"]).stdout(Stdio::piped()).spawn()?);
    let pid = server.0.id();
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().ok_or("the server has no output")?).read_line(&mut line)?;
    let port: u16 = line.trim().rsplit(':').next().and_then(|port| port.parse().ok()).ok_or(line)?;
    let (stop, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(|| echo(port, &stop, &answers))).collect();
        let watched = come_and_go(pid, &answers);
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| "a client has panicked")??;
        }
        watched
    })?;
    if server.0.try_wait()?.is_some() { Err("the server has ended".into()) } else { Ok(()) }
}

fn come_and_go(pid: u32, answers: &AtomicU64) -> Result<(), Failed> {
    let watch = |seconds: &str| {
        let mut command = Command::new(WAKEPROOF);
        command.args(["inspect", "--format", "json", "--seconds", seconds, "--pid", &pid.to_string()]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let output = watch("2").output()?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let seen = axes(&report);
    if seen != "epoll-lt epoll-lt single-loop" && seen != "unknown epoll-lt single-loop" {
        return Err(format!("seen {seen}: {}", report["model"]).into());
    }
    let mut watcher = Served(watch("60").spawn()?);
    let deadline = Instant::now() + Duration::from_secs(20);
    // It watches once all its programs are in the kernel.
    while programs(watcher.0.id()) < 5 {
        if Instant::now() > deadline {
            return Err("inspect has loaded no program".into());
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let interrupted = nix::sys::signal::Signal::SIGINT;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(watcher.0.id())?), interrupted)?;
    // The kernel may take seconds to give the programs back.
    watcher.0.wait()?;
    // The clients go on.
    let deadline = Instant::now() + Duration::from_secs(20);
    let before = answers.load(Ordering::Relaxed);
    while answers.load(Ordering::Relaxed) < before + 100 {
        if Instant::now() > deadline {
            return Err("nobody is served any more".into());
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(())
}

fn real(server: &Server, matrix: &Matrix) -> Result<(), Failed> {
    if !installed(&server.program) {
        return Err(format!("there is no {}", server.program).into());
    }
    let folder = tempfile::tempdir()?;
    // Servers that give up their privileges read there too.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let here = folder.path().to_str().ok_or("the temporary folder has a strange name")?;
    let placed = |text: &str| text.replace("{W}", here);
    for (name, text) in &server.files {
        std::fs::write(folder.path().join(name), placed(text))?;
    }
    if let Some(prepare) = &server.prepare {
        let output = Command::new("sh").args(["-ec", &placed(prepare)]).output()?;
        if !output.status.success() {
            return Err(format!("`{prepare}`: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
    }
    let command: Vec<String> = server.command.iter().map(|word| placed(word)).collect();
    let report = inspect(&command)?;
    let Is { accept, connection, unit } = &server.is;
    compare(&format!("{} ({})", server.name, server.half), &format!("{accept} {connection} {unit}"), &report, matrix)?;
    let found = hazards(&report);
    if found.is_empty() { Ok(()) } else { Err(format!("accused of {found:?}: {}", report["hazards"]).into()) }
}
