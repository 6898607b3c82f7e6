//! Servers that nobody here wrote, for the tests of `wakeproof inspect`: the distribution's packages, unpacked below
//! `target/`. Nothing is installed, so that no service starts on this machine, now or at its next boot.

use std::{
    collections::BTreeSet,
    fs,
    os::unix,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::{packages, process, progress::Activity, workspace::Workspace};

/// The list that the tests have, of which only the packages matter here.
const LIST: &str = include_str!("../../harness/tests/inspect/servers.yaml");

#[derive(Deserialize)]
struct Server {
    package: Option<String>,
}

/// The packages that bring the servers, each once.
fn wanted() -> Result<BTreeSet<String>> {
    let servers: Vec<Server> = serde_yaml::from_str(LIST).context("the list of servers is not well formed")?;
    Ok(servers.into_iter().filter_map(|server| server.package).collect())
}

/// Unpacks what this machine has not installed. Gives back the folder, whose `usr` is to be seen together with `/usr`.
pub fn set_up(workspace: &Workspace) -> Result<PathBuf> {
    let home = workspace.target().join("servers");
    let (archives, root, stamp) = (home.join("archives"), home.join("root"), home.join("unpacked"));
    // apt refuses a cache without it.
    fs::create_dir_all(archives.join("partial")).with_context(|| format!("failed to make {}", archives.display()))?;
    let names = wanted()?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let missing = packages::missing(&names)?;
    let list = missing.join("\n");
    if root.is_dir() && fs::read_to_string(&stamp).is_ok_and(|before| before == list) {
        return Ok(root);
    }
    packages::download(&names, &archives)?;
    let activity = Activity::begin(format!("unpacking {} packages", missing.len()));
    let _ = fs::remove_file(&stamp);
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("usr")).with_context(|| format!("failed to make {}", root.display()))?;
    for merged in ["bin", "lib", "lib64", "sbin"] {
        fs::create_dir_all(root.join("usr").join(merged))?;
        unix::fs::symlink(Path::new("usr").join(merged), root.join(merged))?;
    }
    for name in &missing {
        activity.detail(name);
        unpack(&archives.join(name), &root)?;
    }
    fs::write(&stamp, list).with_context(|| format!("failed to write {}", stamp.display()))?;
    activity.done();
    Ok(root)
}

/// Files only: none of the package's scripts runs. What packages put into `/lib` goes to `/usr/lib`, where it is on any
/// system of today.
fn unpack(archive: &Path, root: &Path) -> Result<()> {
    let shown = archive.display();
    let mut reader = Command::new("dpkg-deb");
    reader.arg("--fsys-tarfile").arg(archive).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut reader = reader.spawn().with_context(|| format!("failed to read {shown}"))?;
    let files = reader.stdout.take().context("dpkg-deb has no output")?;
    let mut writer = Command::new("tar");
    writer.args(["-x", "--keep-directory-symlink", "-C"]).arg(root).stdin(files);
    let written = writer.status().with_context(|| format!("failed to start `{}`", process::spell(&writer)))?;
    let read = reader.wait()?;
    ensure!(read.success() && written.success(), "failed to unpack {shown} (dpkg-deb: {read}, tar: {written})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_tests_names_packages() {
        let names = wanted().expect("the list is well formed");
        assert!(names.contains("redis-server") && names.contains("apache2-bin"), "{names:?}");
    }
}
