//! Builds the `wakeproof` command and the guest's init: static, so that one build serves hosts and guests alike.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::{process, progress::Activity, workspace::Workspace};

/// What the suite is built for: naming it keeps proc macros and build scripts dynamic, which they must be.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The profile in the workspace's manifest.
const PROFILE: &str = "suite";

/// Static, and at a fixed place: 60,000 relocations at each start would touch so many pages that a cell and a server take 90 ms
/// longer each in an emulated guest. The flags are separated as cargo wants it.
const RUSTFLAGS: &str = "-Ctarget-feature=+crt-static\u{1f}-Crelocation-model=static";

/// The `wakeproof` command, with the eBPF object inside if there is one.
pub fn build_wakeproof(workspace: &Workspace, object: Option<&Path>) -> Result<PathBuf> {
    build(workspace, "wakeproof", object)
}

/// The guest's init.
pub fn build_init(workspace: &Workspace) -> Result<PathBuf> {
    build(workspace, "wakeproof-init", None)
}

fn build(workspace: &Workspace, package: &str, object: Option<&Path>) -> Result<PathBuf> {
    if std::env::consts::ARCH != "x86_64" {
        bail!("the suite is built for x86_64 so far, and this machine is {}", std::env::consts::ARCH);
    }
    let activity = Activity::begin(format!("building {package}"));
    let mut command = cargo(workspace, &["build", "--package", package, "--bin", package], object);
    process::run_quietly(&mut command, &activity).with_context(|| format!("failed to build {package}"))?;
    activity.done();
    let program = workspace.target().join(TARGET).join(PROFILE).join(package);
    ensure!(program.is_file(), "cargo built {package}, but there is none at {}", program.display());
    Ok(program)
}

/// Cargo as the suite is built with it, so that whoever uses it shares what is already built.
pub fn cargo(workspace: &Workspace, subcommand: &[&str], object: Option<&Path>) -> Command {
    let mut command = process::cargo();
    command
        .current_dir(workspace.root())
        .args(subcommand)
        .args(["--profile", PROFILE, "--target", TARGET, "--target-dir"])
        .arg(workspace.target())
        // Strongest of cargo's ways to say it, so that the user's RUSTFLAGS cannot make the program dynamic.
        .env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS);
    match object {
        Some(object) => command.env("WAKEPROOF_EBPF_OBJECT", object),
        None => command.env_remove("WAKEPROOF_EBPF_OBJECT"),
    };
    command
}
