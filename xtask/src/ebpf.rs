//! Builds the eBPF object.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{bpf_linker, packages, process, progress::Activity, toolchain::Toolchain, workspace::Workspace};

/// What `core` and the program are compiled for; every kernel we run on is little-endian.
const TARGET: &str = "bpfel-unknown-none";

/// Installs what is missing, builds the object and returns its path.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    let toolchain = set_up(workspace)?;
    let activity = Activity::begin("building the eBPF object");
    process::run_quietly(&mut cargo(workspace, &toolchain, &["build", "--release"]), &activity)
        .with_context(|| format!("failed to build the eBPF object with {}", toolchain.describe()))?;
    activity.done();
    let object = workspace.ebpf_object();
    ensure!(object.is_file(), "cargo built the eBPF object, but there is none at {}", object.display());
    Ok(object)
}

/// Installs compiler and linker.
pub fn set_up(workspace: &Workspace) -> Result<Toolchain> {
    let mut missing = Toolchain::missing_packages();
    missing.extend(bpf_linker::missing_packages(workspace));
    packages::install(&missing)?;
    bpf_linker::ensure(workspace)?;
    Toolchain::detect().context("no compiler for the eBPF program: neither rustc-web nor a nightly with rust-src")
}

/// Installs the linter that belongs to the distribution's compiler.
pub fn set_up_clippy(rustc: &Path) -> Result<()> {
    if rustc.with_file_name("clippy-driver").is_file() {
        return Ok(());
    }
    packages::install(&[packages::RUST_WEB_CLIPPY])
}

/// Cargo on the eBPF program, set up as aya-build does it: the kernel wants BTF, and BTF comes from debug information.
pub fn cargo(workspace: &Workspace, toolchain: &Toolchain, subcommand: &[&str]) -> Command {
    let mut command = process::cargo();
    command
        .current_dir(workspace.root())
        .args(subcommand)
        .args(["--package", "wakeproof-probes", "--target", TARGET, "-Z", "build-std=core"])
        .arg("--target-dir")
        .arg(workspace.ebpf_target())
        .env("RUSTC", toolchain.rustc())
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", workspace.bpf_linker())
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            format!("--cfg=bpf_target_arch=\"{}\"\x1f-Cdebuginfo=2\x1f-Clink-arg=--btf", std::env::consts::ARCH),
        )
        // rustc-web is a stable compiler, and cargo may be stable beside a nightly compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER");
    command
}
