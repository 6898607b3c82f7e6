//! Kernels on disk: one folder per series under `target/kernels`, whole or absent.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{
    apt::{self, Apt},
    matrix::Entry,
};
use crate::{progress::Activity, workspace::Workspace};

const IMAGE: &str = "vmlinuz";
const IDENTITY: &str = "kernel.toml";

/// A kernel that can be booted.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// Its compressed image.
    pub image: PathBuf,
    /// The package that it came in, or the path that the user gave.
    pub package: String,
    /// The package's version.
    pub version: String,
}

/// What is noted beside an image.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    package: String,
    version: String,
}

impl Kernel {
    /// A kernel image of the user's own.
    pub fn from_file(image: PathBuf) -> Self {
        let package = image.display().to_string();
        Self { image, package, version: String::new() }
    }

    /// One line that identifies it.
    pub fn summary(&self) -> String {
        format!("{} {}", self.package, self.version).trim_end().to_owned()
    }
}

/// The kernel of this entry, if it is here.
pub fn fetched(workspace: &Workspace, entry: &Entry) -> Option<Kernel> {
    let folder = workspace.kernels().join(&entry.series);
    let identity: Identity = toml::from_str(&fs::read_to_string(folder.join(IDENTITY)).ok()?).ok()?;
    let image = folder.join(IMAGE);
    image.is_file().then_some(Kernel { image, package: identity.package, version: identity.version })
}

/// Fetches the newest kernel of this entry, unless it is the one that is here.
pub fn fetch(workspace: &Workspace, entry: &Entry) -> Result<Kernel> {
    apt::require_apt()?;
    let activity = Activity::begin(format!("fetching the kernel {}", entry.series));
    let kernels = workspace.kernels();
    fs::create_dir_all(&kernels).with_context(|| format!("failed to create {}", kernels.display()))?;
    activity.detail("reading package lists");
    let apt = Apt::open(workspace, entry)?;
    let package = apt.newest(&entry.package)?;
    let version = apt.version(&package)?;
    if let Some(kernel) = fetched(workspace, entry).filter(|here| here.package == package && here.version == version) {
        return Ok(kernel);
    }

    // Everything happens in a folder that vanishes, until one rename makes the kernel be there.
    let scratch = tempfile::Builder::new().prefix("fetching-").tempdir_in(&kernels)?;
    activity.detail(&format!("downloading {package} {version}"));
    let deb = apt.download(&package, scratch.path())?;
    activity.detail("unpacking");
    let folder = scratch.path().join("kernel");
    fs::create_dir(&folder)?;
    unpack_image(&deb, &folder.join(IMAGE)).with_context(|| format!("failed to unpack {package}"))?;
    let identity = Identity { package: package.clone(), version: version.clone() };
    fs::write(folder.join(IDENTITY), toml::to_string(&identity)?)?;

    let place = kernels.join(&entry.series);
    if place.exists() {
        fs::rename(&place, scratch.path().join("replaced"))
            .with_context(|| format!("failed to move {} out of the way", place.display()))?;
    }
    fs::rename(&folder, &place).with_context(|| format!("failed to create {}", place.display()))?;
    activity.done();
    fetched(workspace, entry).context("the kernel was fetched, and is not there")
}

/// Copies the kernel image out of a package without unpacking the rest.
fn unpack_image(deb: &Path, to: &Path) -> Result<()> {
    let mut child = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(deb)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start dpkg-deb")?;
    let mut archive = tar::Archive::new(child.stdout.take().expect("piped"));
    let mut found = false;
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !found && is_image(&entry.path()?) && entry.header().entry_type().is_file() {
            io::copy(&mut entry, &mut File::create(to)?)?;
            found = true;
        }
    }
    // The archive's reader stops at its end mark; dpkg-deb wants to write a little more.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    let status = child.wait()?;
    ensure!(status.success(), "dpkg-deb failed ({status})");
    ensure!(found, "there is no kernel image in it");
    Ok(())
}

/// `/boot/vmlinuz-VERSION`, or since 7.2 `/usr/lib/modules/VERSION/vmlinuz`.
fn is_image(path: &Path) -> bool {
    let Some(path) = path.to_str() else {
        return false;
    };
    let path = path.trim_start_matches("./");
    path.starts_with("boot/vmlinuz-") || (path.starts_with("usr/lib/modules/") && path.ends_with("/vmlinuz"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_both_of_their_places() {
        assert!(is_image(Path::new("./boot/vmlinuz-6.1.0-56-cloud-amd64")));
        assert!(is_image(Path::new("./usr/lib/modules/7.3.4/vmlinuz")));
        assert!(!is_image(Path::new("./boot/config-6.1.0")));
        assert!(!is_image(Path::new("./usr/lib/modules/7.3.4/kernel/x.ko")));
    }
}
