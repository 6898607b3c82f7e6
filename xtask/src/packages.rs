//! System packages: which are missing, why each is needed, and how to get them.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// A system package that some part of the work needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// Its name in Debian.
    pub name: &'static str,
    /// What it is needed for, as the end of "needed to …".
    pub reason: &'static str,
    /// What it costs.
    pub cost: &'static str,
}

/// The compiler of the eBPF program.
pub const RUSTC_WEB: Package = Package {
    name: "rustc-web",
    reason: "compile the eBPF program with an LLVM that the eBPF linker can read",
    cost: "about 90 MB to download with its libraries",
};
/// The sources of `core`, which the eBPF target has no built copy of.
pub const RUST_WEB_SRC: Package =
    Package { name: "rust-web-src", reason: "build `core` for the eBPF target", cost: "45 MB to download" };
/// The linter that belongs to the compiler of the eBPF program.
pub const RUST_WEB_CLIPPY: Package = Package {
    name: "rust-web-clippy",
    reason: "lint the eBPF program with its own compiler's lints",
    cost: "4 MB to download",
};
/// What bpf-linker is built against.
pub const LLVM_DEV: Package = Package {
    name: "llvm-22-dev",
    reason: "build bpf-linker, which links the eBPF program",
    cost: "about 90 MB to download with what it depends on",
};
/// The linker and headers every Rust program needs.
pub const BUILD_ESSENTIAL: Package =
    Package { name: "build-essential", reason: "link any Rust program", cost: "some 40 MB to download" };
/// A library that LLVM's static parts name.
pub const ZLIB_DEV: Package = Package {
    name: "zlib1g-dev",
    reason: "build bpf-linker, which links the eBPF program",
    cost: "under 1 MB to download",
};
/// The browser that reads the report.
pub const CHROMIUM: Package = Package {
    name: "chromium",
    reason: "look at the report in a real browser",
    cost: "about 110 MB to download with its libraries",
};
/// The machine that guests run on.
pub const QEMU: Package = Package {
    name: "qemu-system-x86",
    reason: "run a kernel that allows every probe, in a guest",
    cost: "18 MB to download, 15 s",
};

/// Installs the packages, or fails with the command that would.
///
/// Installs only as root, since nothing here asks for a password.
pub fn install(packages: &[Package]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "this machine has no apt-get to install what is missing:\n{}\n\
             install the equivalents with this system's own package manager, then run the same command again",
            reasons(packages)
        );
    }
    if !nix::unistd::geteuid().is_root() {
        bail!(
            "some system packages are missing, and only root may install them:\n{}\n\
             type this, then run the same command again:\n\n    sudo {}\n",
            reasons(packages),
            spelled(&names)
        );
    }
    anstream::eprintln!("installing system packages:\n{}", reasons(packages));
    know(&names)?;
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(&names);
    apt_get(&arguments)
}

/// Sees to it that apt knows all of these packages.
fn know(names: &[&str]) -> Result<()> {
    if !names.iter().all(|name| has_candidate(name)) {
        apt_get(&["update", "-q"])?;
    }
    if let Some(name) = names.iter().find(|name| !has_candidate(name)) {
        bail!(
            "the package {name} is not in this machine's package lists, even after `apt-get update`\n\
             it is in Debian 12 and later with the security suite enabled"
        );
    }
    Ok(())
}

/// The archives that an installation of these packages would fetch, with all that they need and this machine has not.
pub fn missing(names: &[&str]) -> Result<Vec<String>> {
    know(names)?;
    let mut command = Command::new("apt-get");
    command.args(["install", "--print-uris", "-qq", "-y", "--no-install-recommends"]).args(names);
    let printed = process::output(command.env("LC_ALL", "C"))?;
    Ok(archives(&printed))
}

/// The names of the files in lines such as `'https://…/x_1%3a2_amd64.deb' x_1%3a2_amd64.deb 1234 SHA256:…`.
fn archives(printed: &str) -> Vec<String> {
    let archive = |name: &&str| Path::new(name).extension().is_some_and(|extension| extension == "deb");
    let name = |line: &str| line.split_whitespace().nth(1).filter(archive).map(str::to_owned);
    printed.lines().filter_map(name).collect()
}

/// Fetches these archives into a folder, and installs nothing.
pub fn download(names: &[&str], folder: &Path) -> Result<()> {
    let cache = format!("Dir::Cache::archives={}", folder.display());
    let mut arguments = vec!["install", "--download-only", "-y", "-q", "--no-install-recommends", "-o", &cache];
    arguments.extend(names);
    apt_get(&arguments)
}

/// One line per package: name, reason, cost.
fn reasons(packages: &[Package]) -> String {
    packages
        .iter()
        .map(|package| format!("  {:<16} to {} ({})", package.name, package.reason, package.cost))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The command to type.
fn spelled(names: &[&str]) -> String {
    format!("apt-get install --no-install-recommends {}", names.join(" "))
}

/// Whether apt could install the package with the lists it has.
fn has_candidate(name: &str) -> bool {
    process::output(Command::new("apt-cache").args(["policy", name]).env("LC_ALL", "C"))
        .is_ok_and(|policy| candidate(&policy).is_some())
}

/// The version that `apt-cache policy` names as the candidate.
pub fn candidate(policy: &str) -> Option<&str> {
    policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: ")).filter(|version| *version != "(none)")
}

/// Runs apt-get with its output shown: an installation is no secret.
fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let status = command.status().with_context(|| format!("failed to start `{}`", process::spell(&command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", process::spell(&command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_candidate_is_not_installable() {
        assert_eq!(candidate("x:\n  Installed: (none)\n  Candidate: 1.2\n"), Some("1.2"));
        assert_eq!(candidate("x:\n  Installed: (none)\n  Candidate: (none)\n"), None);
        assert_eq!(candidate(""), None);
    }

    #[test]
    fn archives_are_the_second_words_of_apt() {
        let printed = "'http://host/pool/p/php_2%3a8.2_all.deb' php_2%3a8.2_all.deb 3900 SHA256:0\nNOTE: this is only a simulation\n";
        assert_eq!(archives(printed), ["php_2%3a8.2_all.deb"]);
    }

    #[test]
    fn every_missing_package_says_what_it_is_for() {
        let text = reasons(&[QEMU, LLVM_DEV]);
        assert!(text.contains("qemu-system-x86  to run a kernel"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }
}
