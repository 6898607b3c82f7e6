//! What a harness holds while it runs, and whether it is gone afterwards; and a server that hangs.
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use nix::errno::Errno;

/// Everything of one harness that could be left behind. Others may use the machine meanwhile: only its own is looked for.
#[derive(Debug, Default)]
pub struct Holdings {
    /// Processes, with the time at which they started: a number can be given to another.
    processes: BTreeSet<(i32, String)>,
    /// Network namespaces that are not ours.
    networks: BTreeSet<PathBuf>,
    /// eBPF programs, maps and links: the command of bpf(2) that opens one, and its number.
    bpf: BTreeSet<(i64, u32)>,
}

/// Commands of bpf(2), by the word that fdinfo has for the number (include/uapi/linux/bpf.h).
const OPEN: [(&str, i64); 3] = [("prog_id:", 13), ("map_id:", 14), ("link_id:", 30)];

impl Holdings {
    /// What this harness and everything below it holds now.
    pub fn of(harness: i32) -> Self {
        let mut holdings = Self::default();
        let ours = network(std::process::id().cast_signed());
        for pid in family(harness) {
            holdings.processes.extend(start(pid).map(|start| (pid, start)));
            holdings.networks.extend(network(pid).filter(|network| Some(network) != ours.as_ref()));
            for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten() {
                let text = fs::read_to_string(entry.path()).unwrap_or_default();
                for (word, open) in OPEN {
                    let number = text.lines().find_map(|line| line.strip_prefix(word)?.trim().parse().ok());
                    holdings.bpf.extend(number.map(|number| (open, number)));
                }
            }
        }
        holdings
    }

    /// Whether this look at the machine sees what there must be: else it would not see what is left behind either.
    pub fn are_seen(&self, watched: bool) -> Result<(), Failed> {
        let programs = self.bpf.iter().filter(|(open, _)| *open == OPEN[0].1).count();
        let seen = self.processes.len() >= 5 && (!watched || programs > 10 && !self.networks.is_empty());
        let all = self.processes.len() + self.networks.len() + self.bpf.len();
        if seen && self.left().len() == all { Ok(()) } else { Err(format!("the look misses things: {self:?}").into()) }
    }

    /// Whether all of it goes. The kernel frees some of it a moment after the last process has ended.
    pub fn are_gone(&self) -> Result<(), Failed> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let left = self.left();
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("left behind: {}", left.join(", ")).into());
            }
            std::thread::yield_now();
        }
    }

    fn left(&self) -> Vec<String> {
        let lives = |(pid, began): &&(i32, String)| start(*pid).as_ref() == Some(began);
        let mut left: Vec<String> =
            self.processes.iter().filter(lives).map(|(pid, _)| format!("process {pid}")).collect();
        let networks: BTreeSet<PathBuf> = numbers().filter_map(network).collect();
        left.extend(self.networks.intersection(&networks).map(|network| format!("network {}", network.display())));
        left.extend(self.bpf.iter().filter(|(open, number)| exists(*open, *number)).map(|it| format!("bpf {it:?}")));
        left
    }
}

/// Whether an eBPF object of this number is there.
fn exists(open: i64, number: u32) -> bool {
    let attributes = [number, 0, 0, 0];
    // SAFETY: the attributes are four numbers, of which the kernel reads as many bytes as it is told.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, open, attributes.as_ptr(), size_of_val(&attributes)) };
    match Errno::result(fd) {
        Ok(fd) => i32::try_from(fd).is_ok_and(|fd| nix::unistd::close(fd).is_ok()),
        Err(errno) => errno != Errno::ENOENT,
    }
}

fn numbers() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A field of `/proc/PID/stat`, counted as in `proc_pid_stat(5)`.
fn stat(pid: i32, field: usize) -> Option<String> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = line.rsplit_once(") ")?;
    after.split(' ').nth(field - 3).map(ToOwned::to_owned)
}

fn start(pid: i32) -> Option<String> {
    stat(pid, 22).filter(|_| stat(pid, 3).is_some_and(|state| state != "Z"))
}

fn network(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}

/// A process and all that descend from it.
pub fn family(root: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = numbers().filter_map(|pid| Some((pid, stat(pid, 4)?.parse().ok()?))).collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

/// How many processes of a fork server run below this one.
pub fn servers_below(root: i32) -> usize {
    let name = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_end() == "fork");
    family(root).iter().filter(|pid| name(pid)).count()
}

/// Has every `listen` from here on wait for the verdict of a supervisor that never looks: seccomp(2).
pub fn listen_never_returns() -> std::io::Result<()> {
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
    let supervisor = i32::try_from(Errno::result(supervisor)?).unwrap_or(-1);
    // It stays open across exec: without a supervisor the call would fail instead of waiting.
    // SAFETY: fcntl with F_SETFD takes numbers.
    Errno::result(unsafe { libc::fcntl(supervisor, libc::F_SETFD, 0) })?;
    Ok(())
}
