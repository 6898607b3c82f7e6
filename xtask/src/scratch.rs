//! Folders for what is needed for a while, gone when that is over; what a killed xtask left behind goes at the next start.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::workspace::Workspace;

/// Creates a folder of this process.
pub fn create(workspace: &Workspace) -> Result<TempDir> {
    let all = workspace.target().join("scratch");
    fs::create_dir_all(&all).with_context(|| format!("failed to create {}", all.display()))?;
    sweep(&all);
    tempfile::Builder::new()
        .prefix(&format!("of-{}-", process::id()))
        .tempdir_in(&all)
        .with_context(|| format!("failed to create a folder in {}", all.display()))
}

/// Removes the folders of processes that are no more.
fn sweep(all: &Path) {
    for path in fs::read_dir(all).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        let owner = path.file_name().and_then(|name| owner(name.to_str()?));
        if owner.is_some_and(|owner| !PathBuf::from(format!("/proc/{owner}")).exists()) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// The process whose folder this is.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix("of-")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_are_swept_and_no_others() {
        let all = tempfile::tempdir().expect("a folder");
        let dead = all.path().join("of-4194305-x");
        let living = all.path().join(format!("of-{}-x", process::id()));
        let other = all.path().join("accelerator.toml");
        for path in [&dead, &living] {
            fs::create_dir(path).expect("a folder");
        }
        fs::write(&other, "").expect("a file");
        sweep(all.path());
        assert!(!dead.exists() && living.exists() && other.exists());
    }
}
