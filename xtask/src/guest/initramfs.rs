//! The guest's whole file system: the init, the command, its arguments and its environment, and the kernel's modules.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{BufWriter, IsTerminal as _, Write as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use wakeproof_init::{ARGUMENTS, ENVIRONMENT, FOLDER, MODULES, PROGRAM};

use super::{Job, newc::Archive};

/// Variables that mean in the guest what they mean here.
const PASSED_ON: &[&str] = &["RUST_LOG", "RUST_BACKTRACE", "NO_COLOR"];

/// Writes the initramfs into the folder.
pub fn write(folder: &Path, init: &Path, job: &Job) -> Result<PathBuf> {
    let path = folder.join("initramfs");
    let file = File::create(&path).with_context(|| format!("failed to create {}", path.display()))?;
    let mut archive = Archive::new(BufWriter::new(file));
    archive.file("init", 0o755, &read(init)?)?;
    archive.file(inside(PROGRAM), 0o755, &read(job.program)?)?;
    archive.file(inside(ARGUMENTS), 0o644, &joined(&job.arguments))?;
    archive.file(inside(ENVIRONMENT), 0o644, &joined(&environment(job.folder.is_some())))?;
    let mut modules = job.kernel.modules.clone();
    if let Some(path) = &job.folder {
        archive.file(inside(FOLDER), 0o644, path.as_os_str().as_bytes())?;
        modules.extend(job.kernel.for_files.iter().flatten().cloned());
    }
    for (place, module) in modules.iter().enumerate() {
        archive.file(&module_name(place, module), 0o644, &read(module)?)?;
    }
    archive.finish()?.flush().with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("failed to read {}", path.display()))
}

/// The path as the archive has it.
fn inside(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// The path of a module: modules are loaded in the order of their names.
fn module_name(place: usize, module: &Path) -> String {
    format!("{}{place:02}-{}", inside(MODULES), module.file_name().unwrap_or_default().to_string_lossy())
}

/// What the command's environment takes from ours: all if it sees our files. Its output reaches our terminal through a pipe, so colour has to be asked for.
fn environment(whole: bool) -> Vec<OsString> {
    let passed_on = |name: &OsStr| whole || PASSED_ON.iter().any(|known| *known == name);
    let mut pairs: Vec<OsString> =
        env::vars_os().filter(|(name, _)| passed_on(name)).map(|(name, value)| pair(&name, &value)).collect();
    if std::io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none() {
        pairs.push("CLICOLOR_FORCE=1".into());
    }
    pairs
}

fn pair(name: &OsStr, value: &OsStr) -> OsString {
    let mut pair = name.to_owned();
    pair.push("=");
    pair.push(value);
    pair
}

/// Each string followed by a NUL.
fn joined(strings: &[OsString]) -> Vec<u8> {
    strings.iter().flat_map(|string| [string.as_bytes(), b"\0"].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_in_nul_and_may_be_empty() {
        assert_eq!(joined(&["a b".into(), "".into()]), b"a b\0\0");
        assert_eq!(joined(&[]), b"");
    }

    #[test]
    fn modules_keep_their_order() {
        let names: Vec<_> = (0..12).map(|place| module_name(place, Path::new("/x/a.ko"))).collect();
        assert_eq!(names[1], "module-01-a.ko");
        assert!(names.is_sorted());
    }
}
