//! The host's files as the command sees them: read-only below, with a layer in the guest's memory above that takes what is
//! written, and the guest's own /proc, /sys and /dev.

use std::{
    ffi::{CString, OsString},
    fs, io,
    os::unix::{ffi::OsStringExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd,
};
use wakeproof_init::{FILES_TAG, FOLDER, OURS, PROGRAM, REPORT, named, ours, written};

use crate::say;

/// The host's files.
const BELOW: &str = "/host/below";
/// The memory for what is written.
const MEMORY: &str = "/host/memory";
/// The layer itself: files that are here were written in this guest.
const ABOVE: &str = "/host/memory/above";
/// What the overlay wants for itself.
const WORK: &str = "/host/memory/work";
/// Both together.
const ROOT: &str = "/host/root";
/// What is the guest's own.
const GUESTS: &[&str] = &["/proc", "/sys", "/dev"];
/// Where servers write; only needed where nothing can be laid over the rest.
const WRITTEN: &[&str] = &["/tmp", "/run", "/var/tmp", "/var/run", "/var/log", "/var/lib"];
const NONE: Option<&str> = None;

/// The host's files, ready to be entered.
#[derive(Debug)]
pub struct Files {
    /// The folder to work in, as on the host.
    folder: PathBuf,
}

/// Mounts them, if the command is to see them.
pub fn show() -> Result<Option<Files>> {
    let Ok(folder) = fs::read(FOLDER) else { return Ok(None) };
    let folder = PathBuf::from(OsString::from_vec(folder));
    for place in [BELOW, MEMORY, ROOT] {
        fs::create_dir_all(place)?;
    }
    match mount(Some(FILES_TAG), BELOW, Some("virtiofs"), MsFlags::MS_RDONLY, NONE) {
        Err(Errno::ENODEV) => bail!("this kernel has no virtiofs, with which it could show the host's files"),
        mounted => mounted.context("failed to mount the host's files")?,
    }
    mount(Some("tmpfs"), MEMORY, Some("tmpfs"), MsFlags::empty(), NONE).context("failed to make room for writing")?;
    lay_over()?;
    for place in GUESTS {
        bind(place, place)?;
    }
    for place in [OURS.to_owned(), inside(REPORT)] {
        fs::create_dir_all(below_root(&place)).with_context(|| format!("failed to create {place}"))?;
    }
    let program = inside(PROGRAM);
    fs::write(below_root(&program), "").with_context(|| format!("failed to create {program}"))?;
    bind(PROGRAM, &program)?;
    bind(REPORT, &inside(REPORT))?;
    ensure!(
        below_root(folder.to_string_lossy()).is_dir(),
        "the folder {} is not among the host's files that this guest sees",
        folder.display()
    );
    Ok(Some(Files { folder }))
}

/// Makes the whole tree one that may be written, or else the places where servers write.
fn lay_over() -> Result<()> {
    for place in [ABOVE, WORK] {
        fs::create_dir(place)?;
    }
    let layers = format!("lowerdir={BELOW},upperdir={ABOVE},workdir={WORK}");
    match mount(Some("host"), ROOT, Some("overlay"), MsFlags::empty(), Some(layers.as_str())) {
        Err(Errno::ENODEV) => {}
        mounted => return mounted.context("failed to lay a layer over the host's files"),
    }
    mount(Some(BELOW), ROOT, NONE, MsFlags::MS_BIND, NONE).context("failed to show the host's files")?;
    say(&format!(
        "this kernel has no overlay file system: {} are empty and may be written, everything else may only be read",
        WRITTEN.join(", ")
    ));
    for place in WRITTEN {
        let place = below_root(place);
        // One of them may be a link to another.
        if place.is_dir() && !place.is_symlink() {
            mount(Some("tmpfs"), &place, Some("tmpfs"), MsFlags::empty(), NONE)
                .with_context(|| format!("failed to mount a tmpfs on {}", place.display()))?;
        }
    }
    Ok(())
}

impl Files {
    /// The command among the host's files: its root and its folder are the host's.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(inside(PROGRAM));
        command.env_clear();
        let folder = CString::new(self.folder.clone().into_os_string().into_vec())?;
        // SAFETY: system calls only, with strings that are there already, so this is allowed between fork and exec.
        unsafe {
            command.pre_exec(move || {
                // In a mount namespace of its own the tree really becomes the root, which `chroot` alone would not make it:
                // in a changed root no user namespace can be made, and servers do make some.
                unshare(CloneFlags::CLONE_NEWNS)?;
                unistd::chdir(ROOT)?;
                mount(Some("."), "/", NONE, MsFlags::MS_MOVE, NONE)?;
                unistd::chroot(".")?;
                unistd::chdir(folder.as_c_str()).map_err(io::Error::from)
            });
        }
        Ok(command)
    }

    /// Puts into the report what was written into files that the arguments name.
    pub fn report_written(&self, arguments: &[OsString]) -> Result<()> {
        for (place, argument) in ours(arguments) {
            let path = self.folder.join(named(argument));
            let file = Path::new(ABOVE).join(path.strip_prefix("/").unwrap_or(&path));
            if fs::symlink_metadata(&file).is_ok_and(|about| about.is_file()) {
                fs::copy(&file, Path::new(REPORT).join(written(place)))
                    .with_context(|| format!("failed to put {} into the report", path.display()))?;
            }
        }
        Ok(())
    }
}

/// The path of something of ours, as the command sees it.
fn inside(path: &str) -> String {
    format!("{OURS}{path}")
}

/// The path of something that the command sees, as we see it.
fn below_root(path: impl AsRef<str>) -> PathBuf {
    PathBuf::from(format!("{ROOT}{}", path.as_ref()))
}

/// Shows a file or a tree among the host's files.
fn bind(what: &str, place: &str) -> Result<()> {
    mount(Some(what), &below_root(place), NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
        .with_context(|| format!("failed to show {what} at {place}"))
}
