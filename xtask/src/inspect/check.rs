//! The test of it: a server of this machine gets the same answers on another kernel as on the running one, and changes
//! nothing here.

use std::{env, ffi::OsString, fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::{
    kernels,
    process::{self, say},
};

/// What is needed of a report.
#[derive(Debug, Deserialize)]
struct Report {
    kernel: String,
    model: Model,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Model {
    accept: Axis,
    connection: Axis,
    unit: Axis,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Axis {
    is: String,
}

/// Inspects a server that writes files, in a guest and here. Servers that are not installed are unpacked in a folder.
pub fn check(unpacked: &Path) -> Result<()> {
    let folder = tempfile::tempdir().context("failed to make a folder for the server")?;
    let in_guest = inspect(unpacked, folder.path(), kernels::DISTRIBUTION)?;
    let written = fs::read_dir(folder.path())?.count();
    ensure!(written == 0, "the server in the guest has written {written} files into {}", folder.path().display());
    let here = inspect(unpacked, folder.path(), kernels::HOST)?;
    let written = fs::read_dir(folder.path())?.count();
    ensure!(written > 0, "the server writes nothing here either, so its silence in the guest says nothing");
    ensure!(in_guest.kernel != here.kernel, "both reports are of the kernel {}", here.kernel);
    ensure!(
        in_guest.model == here.model,
        "the answers differ: on {} {:?}, on {} {:?}",
        here.kernel,
        here.model,
        in_guest.kernel,
        in_guest.model
    );
    say!("on {} as on {}: {}", in_guest.kernel, here.kernel, in_guest.model.words());
    Ok(())
}

impl Model {
    fn words(&self) -> String {
        format!("{} {} {}", self.accept.is, self.connection.is, self.unit.is)
    }
}

/// Redis, which makes a file in its folder as soon as it starts.
fn inspect(unpacked: &Path, folder: &Path, kernel: &str) -> Result<Report> {
    let ours = unpacked.join("usr/bin/redis-server");
    let program = if ours.is_file() { ours.into_os_string() } else { OsString::from("redis-server") };
    let mut command = Command::new(env::current_exe().context("failed to find this program's own path")?);
    command
        .args(["inspect", "--kernel", kernel, "--format", "json", "--"])
        .arg(program)
        .args(["--port", "8080", "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir"])
        .arg(folder)
        .env("LD_LIBRARY_PATH", unpacked.join("usr/lib/x86_64-linux-gnu"));
    let text = process::output(&mut command)?;
    serde_json::from_str(&text).with_context(|| format!("`{}` printed no report", process::spell(&command)))
}
