//! The machine's limits, and how many clients there is room for within them. Nothing is changed.
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::wait::waitpid;
use serde_json::{Value, json};

use super::failure::Failure;
use super::process;
use super::procfs;
use super::run::Run;
use crate::case::Room;

/// Descriptors, tasks and ports that are left for everything else.
const RESERVE: u64 = 100;
/// How many processes are made to see how long that takes.
const TRIALS: usize = 16;

/// The limits as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Machine {
    memory_kb: u64,
    available_kb: u64,
    nofile: u64,
    nr_open: u64,
    file_max: u64,
    pid_max: u64,
    threads_max: u64,
    /// 0: none.
    cgroup_tasks: u64,
    tasks: u64,
    max_map_count: u64,
    ports: u64,
    emulated: bool,
    forks_per_second: u64,
}

/// Finds out how many clients there is room for, unless an earlier run of the case has.
pub fn room(run: &mut Run, step: &Room) -> Result<(), Failure> {
    let found = match run.rooms.get(&step.name) {
        Some(found) => found.clone(),
        None => Machine::read()?.room(step),
    };
    let (clients, bound) = (found["clients"].as_u64().unwrap_or(0), found["bound"].as_str().unwrap_or_default());
    let here = step.here.map(|here| here.0).filter(|here| left_out(*here, step.clients.0, clients));
    let why = here
        .map(|here| format!("no crowd of {here} beside the largest: there is room for {clients} clients ({bound})"));
    let few = step.least.filter(|least| clients < least.0);
    let few = few.map(|least| format!("there is room for {clients} clients ({bound}), and it takes {}", least.0));
    run.keep(&step.name, found);
    why.or(few).map_or(Ok(()), |why| Err(Failure::LeftOut(why)))
}

/// Whether a crowd of several up to `wanted` tells nothing beside the largest that there is room for.
fn left_out(here: u64, wanted: u64, clients: u64) -> bool {
    here < wanted && clients < 2 * here
}

impl Machine {
    fn read() -> Result<Self, Failure> {
        let meminfo = text("/proc/meminfo")?;
        let (nofile, _) =
            getrlimit(Resource::RLIMIT_NOFILE).map_err(|errno| Failure::call("read RLIMIT_NOFILE", errno))?;
        Ok(Self {
            memory_kb: field(&meminfo, "MemTotal:"),
            available_kb: field(&meminfo, "MemAvailable:"),
            nofile,
            nr_open: number("/proc/sys/fs/nr_open")?,
            file_max: number("/proc/sys/fs/file-max")?,
            pid_max: number("/proc/sys/kernel/pid_max")?,
            threads_max: number("/proc/sys/kernel/threads-max")?,
            cgroup_tasks: cgroup_tasks(),
            tasks: tasks(&text("/proc/loadavg")?),
            max_map_count: number("/proc/sys/vm/max_map_count")?,
            ports: ports(&text("/proc/sys/net/ipv4/ip_local_port_range")?),
            emulated: emulated(),
            forks_per_second: forks_per_second()?,
        })
    }

    /// The result of the step.
    fn room(&self, step: &Room) -> Value {
        let (clients, bound) = self.fits(step);
        json!({
            "wanted": step.clients.0,
            "clients": clients,
            "bound": bound,
            "memory_kb": self.memory_kb,
            "available_kb": self.available_kb,
            "nofile": self.nofile,
            "nr_open": self.nr_open,
            "file_max": self.file_max,
            "pid_max": self.pid_max,
            "threads_max": self.threads_max,
            "cgroup_tasks": self.cgroup_tasks,
            "tasks": self.tasks,
            "max_map_count": self.max_map_count,
            "ports": self.ports,
            "emulated": self.emulated,
            "forks_per_second": self.forks_per_second,
        })
    }

    /// How many there is room for, and what bounds them.
    fn fits(&self, step: &Room) -> (u64, &'static str) {
        let wanted = step.clients.0;
        let of_cgroup = if self.cgroup_tasks == 0 { u64::MAX } else { self.cgroup_tasks };
        let tasks = self.pid_max.min(self.threads_max).min(of_cgroup).saturating_sub(self.tasks);
        let bounds = [
            ("descriptors", self.nofile.saturating_sub(RESERVE)),
            ("ports", self.ports.saturating_sub(RESERVE)),
            ("tasks", tasks.saturating_sub(RESERVE)),
            ("memory", self.available_kb / 2 / step.kilobytes.0.max(1)),
            ("emulation", step.emulated.filter(|_| self.emulated).map_or(u64::MAX, |clients| clients.0)),
            ("speed", self.forks_per_second.saturating_mul(step.seconds.0)),
        ];
        match bounds.into_iter().filter(|bound| bound.1 < wanted).min_by_key(|bound| bound.1) {
            Some((what, clients)) => (round(clients), what),
            None => (wanted, ""),
        }
    }
}

/// How many processes can be made and collected in a second, from the quickest of a few: the others were held up.
fn forks_per_second() -> Result<u64, Failure> {
    let failed = |errno| Failure::call("make a process", errno);
    let mut quickest = Duration::from_secs(1);
    for _ in 0..TRIALS {
        let began = Instant::now();
        match process::split().map_err(failed)? {
            // SAFETY: leaves without running anything of the parent's.
            None => unsafe { libc::_exit(0) },
            Some(child) => waitpid(child, None).map_err(failed)?,
        };
        quickest = quickest.min(began.elapsed());
    }
    Ok(u64::try_from(Duration::from_secs(1).as_nanos() / quickest.as_nanos().max(1)).unwrap_or(u64::MAX))
}

/// Whether QEMU emulates this processor, which says so where a hypervisor gives its name.
#[cfg(target_arch = "x86_64")]
fn emulated() -> bool {
    let hypervisor = raw_cpuid::CpuId::new().get_hypervisor_info();
    hypervisor.is_some_and(|hypervisor| hypervisor.identify() == raw_cpuid::Hypervisor::QEMU)
}

/// Other architectures have no instruction that tells it: there the speed bounds the crowd.
#[cfg(not(target_arch = "x86_64"))]
fn emulated() -> bool {
    false
}

/// Down to two digits, so that a machine whose free memory varies a little has room for the same number again.
fn round(number: u64) -> u64 {
    let digit = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(1));
    number / digit * digit
}

/// A file of `/proc`.
pub fn text(path: &str) -> Result<String, Failure> {
    procfs::read(path).map_err(|error| Failure::Broken(format!("failed to read {path}: {error}")))
}

fn number(path: &str) -> Result<u64, Failure> {
    let text = text(path)?;
    text.trim().parse().map_err(|_| Failure::Broken(format!("expected a number in {path}, found `{}`", text.trim())))
}

/// The number behind a name, as in `/proc/meminfo`; 0 if this kernel does not have it.
pub fn field(text: &str, name: &str) -> u64 {
    let value = |line: &str| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok();
    text.lines().find_map(value).unwrap_or(0)
}

/// All tasks of the machine: the number behind the slash in `/proc/loadavg`.
fn tasks(loadavg: &str) -> u64 {
    let counts = loadavg.split_whitespace().nth(3).and_then(|counts| counts.split_once('/'));
    counts.and_then(|(_, all)| all.parse().ok()).unwrap_or(0)
}

/// How many numbers `32768 60999` holds.
fn ports(range: &str) -> u64 {
    let mut ends = range.split_whitespace().map_while(|end| end.parse::<u64>().ok());
    let (first, last) = (ends.next().unwrap_or(1), ends.next().unwrap_or(0));
    (last + 1).saturating_sub(first)
}

/// The smallest `pids.max` of the cgroups that this process is in, in either hierarchy; 0 if there is none.
fn cgroup_tasks() -> u64 {
    let Ok(groups) = fs::read_to_string("/proc/self/cgroup") else { return 0 };
    let paths = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        match controllers {
            "" => Some(("/sys/fs/cgroup", path)),
            list if list.split(',').any(|name| name == "pids") => Some(("/sys/fs/cgroup/pids", path)),
            _ => None,
        }
    });
    let limits = paths.flat_map(|(root, path)| {
        std::path::Path::new(path)
            .ancestors()
            .filter_map(|group| fs::read_to_string(format!("{root}{}/pids.max", group.display())).ok())
            .filter_map(|limit| limit.trim().parse::<u64>().ok())
            .collect::<Vec<_>>()
    });
    limits.min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: Machine = Machine {
        memory_kb: 24_000_000,
        available_kb: 20_000_000,
        nofile: 20_000,
        nr_open: 1 << 20,
        file_max: 1 << 40,
        pid_max: 32_768,
        threads_max: 190_000,
        cgroup_tasks: 0,
        tasks: 200,
        max_map_count: 65_530,
        ports: 28_232,
        emulated: false,
        forks_per_second: 3_000,
    };

    /// 160 kB each, and the seconds that a case which says nothing of them has.
    fn ten_thousand(emulated: Option<u64>) -> Room {
        serde_json::from_value(json!({"as": "room", "clients": 10_000, "kilobytes": 160, "emulated": emulated}))
            .expect("this is a step")
    }

    #[test]
    fn the_scarcest_resource_bounds_the_crowd() {
        let step = ten_thousand(None);
        assert_eq!(LARGE.fits(&step), (10_000, ""));
        assert_eq!(Machine { forks_per_second: 77, ..LARGE }.fits(&step), (770, "speed"));
        assert_eq!(Machine { available_kb: 1_000_000, ..LARGE }.fits(&step), (3_100, "memory"));
        assert_eq!(Machine { nofile: 4_096, ..LARGE }.fits(&step), (3_900, "descriptors"));
        assert_eq!(Machine { cgroup_tasks: 800, ..LARGE }.fits(&step), (500, "tasks"));
        assert_eq!(Machine { ports: 50, ..LARGE }.fits(&step), (0, "ports"));
    }

    #[test]
    fn an_emulated_processor_has_room_for_the_same_number_however_busy_its_machine_is() {
        let step = ten_thousand(Some(600));
        for forks_per_second in [100, 270, 1_700] {
            let machine = Machine { emulated: true, forks_per_second, ..LARGE };
            assert_eq!(machine.fits(&step), (600, "emulation"));
            assert_ne!(machine.fits(&ten_thousand(None)), (600, "emulation"), "the case does not say so");
        }
        assert_eq!(LARGE.fits(&step), (10_000, ""));
    }

    #[test]
    fn a_crowd_is_left_out_where_the_largest_is_hardly_larger() {
        let left_out = |here, clients| left_out(here, 10_000, clients);
        assert!(!left_out(1_000, 10_000) && !left_out(100, 250) && !left_out(1_000, 2_000));
        assert!(left_out(1_000, 1_300) && left_out(1_000, 700));
        assert!(!left_out(10_000, 700), "the largest is always tried");
    }

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        assert_eq!(tasks("0.20 0.59 1.21 2/187 5903\n"), 187);
        assert_eq!(ports("32768\t60999\n"), 28_232);
        assert_eq!(field("MemTotal:       24684084 kB\nMemFree: 7 kB\n", "MemFree:"), 7);
        let here = Machine::read().expect("this is Linux");
        assert!(here.memory_kb > here.available_kb / 2 && here.pid_max > 0 && here.tasks > 0, "{here:?}");
    }
}
