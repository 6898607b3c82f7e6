//! What the command expects to find: file systems, the loopback interface, limits and settings.

use std::{
    fs::{self, File},
    io::Write as _,
    mem,
    os::fd::AsRawFd as _,
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sys::resource::{RLIM_INFINITY, Resource, setrlimit},
    unistd,
};
use wakeproof_init::MODULES;

/// File systems: type, place, and whether the guest is of any use without.
const MOUNTS: &[(&str, &str, bool)] = &[
    ("proc", "/proc", true),
    ("sysfs", "/sys", true),
    ("devtmpfs", "/dev", true),
    ("devpts", "/dev/pts", false),
    ("tmpfs", "/dev/shm", false),
    ("tmpfs", "/tmp", true),
    ("tmpfs", "/run", true),
    ("bpf", "/sys/fs/bpf", false),
    ("cgroup2", "/sys/fs/cgroup", false),
    ("debugfs", "/sys/kernel/debug", false),
    ("tracefs", "/sys/kernel/tracing", false),
];

/// Settings of the kernel, and why.
const SETTINGS: &[(&str, &str)] = &[
    // An oops must end the guest, not leave it half alive.
    ("kernel/panic_on_oops", "1"),
    // Whatever the kernel would kill for want of memory, what is left of the suite would say nothing.
    ("vm/panic_on_oom", "1"),
    // Stacks are read by name, and names need addresses.
    ("kernel/kptr_restrict", "0"),
    ("kernel/perf_event_paranoid", "-1"),
];

/// Descriptors that a program has without asking; it may ask for all that the kernel allows.
const OPEN_FILES: u64 = 20_000;

/// Mounts every file system.
pub fn mount_all() -> Result<()> {
    for &(kind, place, needed) in MOUNTS {
        let mounted = fs::create_dir_all(place)
            .map_err(anyhow::Error::from)
            .and_then(|()| Ok(mount(Some(kind), place, Some(kind), MsFlags::empty(), None::<&str>)?));
        if needed {
            mounted.with_context(|| format!("failed to mount {kind} on {place}"))?;
        }
    }
    Ok(())
}

/// Settings, limits and the loopback interface.
pub fn tune() -> Result<()> {
    for (name, value) in SETTINGS {
        fs::write(format!("/proc/sys/{name}"), value).with_context(|| format!("failed to set {name} to {value}"))?;
    }
    unistd::sethostname("guest").context("failed to set the host name")?;
    let most =
        fs::read_to_string("/proc/sys/fs/nr_open").ok().and_then(|text| text.trim().parse().ok()).unwrap_or(OPEN_FILES);
    setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES.min(most), most)
        .context("failed to raise the limit of open files")?;
    // Before 5.11 BPF maps count as locked memory.
    setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY)
        .context("failed to lift the limit of locked memory")?;
    loopback_up().context("failed to bring the loopback interface up")
}

/// Loads the kernel modules that came along. One that the kernel does not take is missed only by who needs it.
pub fn load_modules() -> Result<()> {
    let (folder, prefix) = MODULES.rsplit_once('/').unwrap_or(("", MODULES));
    let entries = fs::read_dir(format!("{folder}/")).context("failed to look for modules")?;
    let is_module = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    let mut modules: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_module).collect();
    modules.sort();
    for path in modules {
        let loaded = File::open(&path).map_err(anyhow::Error::from).and_then(|file| Ok(load_module(&file)?));
        if let Err(error) = loaded {
            let _ = writeln!(std::io::stderr(), "failed to load the module {}: {error:#}", path.display());
        }
    }
    Ok(())
}

fn load_module(file: &File) -> nix::Result<()> {
    // SAFETY: a descriptor that is open, an empty string of parameters, and no flags.
    let loaded = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    Errno::result(loaded).map(drop)
}

/// What `ip link set lo up` does.
fn loopback_up() -> Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: all zeroes is a valid ifreq: an empty name and a union of plain numbers.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo\0") {
        *to = from.cast_signed();
    }
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&socket);
    // SAFETY: the descriptor is open, and the kernel reads and writes one ifreq.
    Errno::result(unsafe { libc::ioctl(descriptor, libc::SIOCGIFFLAGS, &raw mut request) })?;
    // SAFETY: the call above filled the flags.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | i16::try_from(libc::IFF_UP).expect("a small number");
    // SAFETY: as above.
    Errno::result(unsafe { libc::ioctl(descriptor, libc::SIOCSIFFLAGS, &raw const request) })?;
    Ok(())
}
