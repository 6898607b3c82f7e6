//! A folder per running guest, gone when the guest is; what a killed xtask left behind goes at the next start.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::workspace::Workspace;

/// Creates the folder of a guest of this process.
pub fn create(workspace: &Workspace) -> Result<TempDir> {
    let guests = workspace.guests();
    fs::create_dir_all(&guests).with_context(|| format!("failed to create {}", guests.display()))?;
    sweep(&guests);
    tempfile::Builder::new()
        .prefix(&format!("guest-{}-", process::id()))
        .tempdir_in(&guests)
        .with_context(|| format!("failed to create a folder in {}", guests.display()))
}

/// Removes the folders of processes that are no more.
fn sweep(guests: &Path) {
    for path in fs::read_dir(guests).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        let owner = path.file_name().and_then(|name| owner(name.to_str()?));
        if owner.is_some_and(|owner| !PathBuf::from(format!("/proc/{owner}")).exists()) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// The process whose folder this is.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix("guest-")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_are_swept_and_no_others() {
        let guests = tempfile::tempdir().expect("a folder");
        let dead = guests.path().join("guest-4194305-x");
        let living = guests.path().join(format!("guest-{}-x", process::id()));
        let other = guests.path().join("accelerator.toml");
        for path in [&dead, &living] {
            fs::create_dir(path).expect("a folder");
        }
        fs::write(&other, "").expect("a file");
        sweep(guests.path());
        assert!(!dead.exists() && living.exists() && other.exists());
    }
}
