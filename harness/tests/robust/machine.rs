//! What belongs to the whole machine and must be the same before and after.
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use nix::sched::{CloneFlags, setns};

/// Settings that change by themselves, by the beginning of their paths.
const RESTLESS: [&str; 10] = [
    "/proc/sys/fs/dentry-state",
    "/proc/sys/fs/file-nr",
    "/proc/sys/fs/inode-",
    "/proc/sys/fs/quota",
    "/proc/sys/fs/aio-nr",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/kernel/pty/nr",
    "/proc/sys/kernel/random",
    "/proc/sys/net/netfilter/nf_conntrack_count",
    "/proc/sys/vm/stat_refresh",
];

/// Settings, mounts, devices, control groups and limits, each as the kernel writes it.
pub fn now() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    settings(Path::new("/proc/sys"), &mut all);
    for path in ["/proc/self/mountinfo", "/proc/self/limits", "/proc/self/cgroup"] {
        all.insert(path.to_owned(), fs::read_to_string(path).unwrap_or_default());
    }
    for folder in ["/sys/class/net", "/sys/fs/bpf", "/sys/fs/cgroup", "/run/netns"] {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        all.insert(folder.to_owned(), names.join(" "));
    }
    all
}

fn settings(folder: &Path, all: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        if RESTLESS.iter().any(|restless| name.starts_with(restless)) {
            continue;
        }
        if path.is_dir() {
            settings(&path, all);
        } else if let Ok(value) = fs::read_to_string(&path) {
            all.insert(name, value);
        }
    }
}

/// What is not as it was.
pub fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let changed = names.filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| format!("{name}: {:?}, before {:?}", after.get(name), before.get(name))).collect()
}

/// A setting as a process has it in its network namespace.
pub fn setting_of(pid: i32, name: &str) -> Option<String> {
    let namespace = File::open(format!("/proc/{pid}/ns/net")).ok()?;
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    // A thread of its own enters the namespace: this one stays where it is.
    let thread = std::thread::spawn(move || {
        setns(namespace, CloneFlags::CLONE_NEWNET).ok()?;
        fs::read_to_string(path).ok()
    });
    thread.join().ok()?.map(|text| text.trim().to_owned())
}
