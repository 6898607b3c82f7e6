//! bpf-linker, built once under the target folder.

use std::{env, ffi::OsString, fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    packages::{self, Package},
    process,
    progress::Activity,
    workspace::Workspace,
};

/// The version that the eBPF program is linked with.
const VERSION: &str = "0.13.0";
/// The LLVM that it is built against: at least that of the eBPF program's compiler, whose bitcode it reads.
const LLVM_PREFIX: &str = "/usr/lib/llvm-22";

/// The packages without which bpf-linker could not be built, if it has to be.
pub fn missing_packages(workspace: &Workspace) -> Vec<Package> {
    if is_current(&workspace.bpf_linker()) {
        return vec![];
    }
    let mut missing = vec![];
    if process::find_program("cc").is_none() {
        missing.push(packages::BUILD_ESSENTIAL);
    }
    if !Path::new(LLVM_PREFIX).join("bin/llvm-config").exists() {
        missing.push(packages::LLVM_DEV);
    }
    if !Path::new("/usr/include/zlib.h").exists() {
        missing.push(packages::ZLIB_DEV);
    }
    missing
}

/// Builds bpf-linker unless the right version is there and runs.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    if is_current(&workspace.bpf_linker()) {
        return Ok(());
    }
    let activity = Activity::begin_long(format!("building bpf-linker {VERSION}"), "once, about 3 minutes");
    let scratch = workspace.tools().join("build");
    let mut command = process::cargo();
    command
        .args(["install", "bpf-linker", "--locked", "--force", "--version"])
        .arg(format!("={VERSION}"))
        .args(["--no-default-features", "--features", "llvm-22", "--root"])
        .arg(workspace.tools())
        .arg("--target-dir")
        .arg(&scratch)
        .env("LLVM_PREFIX", LLVM_PREFIX)
        // Else cargo warns that what it installs cannot be found.
        .env("PATH", path_with(&workspace.tools().join("bin"))?)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    process::run_quietly(&mut command, &activity).context("failed to build bpf-linker")?;
    // Some 500 MB that nothing needs again.
    let _ = fs::remove_dir_all(scratch);
    activity.done();
    Ok(())
}

/// `PATH` with a folder at its end.
fn path_with(folder: &Path) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([folder.to_path_buf()]);
    env::join_paths(folders).with_context(|| format!("{} cannot stand in PATH", folder.display()))
}

/// Whether this linker is there, runs (its LLVM library is installed), and has the version we want.
fn is_current(linker: &Path) -> bool {
    process::output(Command::new(linker).arg("--version"))
        .is_ok_and(|text| text.split_whitespace().next_back() == Some(VERSION))
}
