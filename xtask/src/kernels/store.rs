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
/// The folder of modules beside an image, each as the kernel loads it.
const MODULES: &str = "modules";
/// The modules that the suite needs: virtual Ethernet devices.
const NEEDED: &[&str] = &["veth"];

/// A kernel that can be booted.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// Its compressed image.
    pub image: PathBuf,
    /// The modules that came with it, of those that the suite needs.
    pub modules: Vec<PathBuf>,
    /// The package that it came in, or the path that the user gave.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The image's length in bytes.
    pub bytes: u64,
}

/// What is noted beside an image.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    package: String,
    version: String,
    /// The image's length: what is shorter is not whole.
    #[serde(default)]
    bytes: Option<u64>,
}

impl Kernel {
    /// A kernel image of the user's own.
    pub fn from_file(image: PathBuf) -> Self {
        let package = image.display().to_string();
        let bytes = fs::metadata(&image).map_or(0, |metadata| metadata.len());
        Self { image, modules: Vec::new(), package, version: String::new(), bytes }
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
    // The folder is there even if the mirror had no modules: fetching again would find none either.
    let modules = fs::read_dir(folder.join(MODULES)).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let bytes = fs::metadata(&image).ok().filter(fs::Metadata::is_file)?.len();
    // A kernel that was cut short is not here.
    let whole = bytes > 0 && identity.bytes.is_none_or(|noted| noted == bytes);
    whole.then_some(Kernel { image, modules, package: identity.package, version: identity.version, bytes })
}

/// Fetches the newest kernel of this entry, unless it is the one that is here.
pub fn fetch(workspace: &Workspace, entry: &Entry) -> Result<Kernel> {
    apt::require_apt()?;
    let activity = Activity::begin(format!("fetching the kernel {}", entry.series));
    let kernels = workspace.kernels();
    fs::create_dir_all(&kernels).with_context(|| format!("failed to create {}", kernels.display()))?;
    // Several of us may fetch at once, also from several checkouts that share the folder.
    let lock = File::create(kernels.join("lock")).context("failed to make the lock of the kernels' folder")?;
    lock.lock().context("failed to wait for others who fetch kernels")?;
    sweep(&kernels);
    activity.detail("reading package lists");
    let apt = Apt::open(workspace, entry)?;
    let package = apt.newest(&entry.package)?;
    let version = apt.version(&package)?;
    if let Some(kernel) = fetched(workspace, entry).filter(|here| here.package == package && here.version == version) {
        return Ok(kernel);
    }

    // Everything happens in a folder that vanishes, until one rename makes the kernel be there.
    let scratch = tempfile::Builder::new()
        .prefix(SCRATCH)
        .tempdir_in(&kernels)
        .context("failed to make a folder to fetch into")?;
    activity.detail(&format!("downloading {package} {version}"));
    let deb = apt.download(&package, scratch.path())?;
    activity.detail("unpacking");
    let folder = scratch.path().join("kernel");
    fs::create_dir(&folder)?;
    let bytes = unpack_image(&deb, &folder.join(IMAGE)).with_context(|| format!("failed to unpack {package}"))?;
    let modules = folder.join(MODULES);
    fs::create_dir(&modules)?;
    unpack_modules(&deb, &modules).with_context(|| format!("failed to unpack the modules of {package}"))?;
    if let Some(apart) = package.strip_prefix("linux-binary-").map(|rest| format!("linux-modules-{rest}"))
        && apt.version(&apart).is_ok()
    {
        let downloaded = scratch.path().join("apart");
        fs::create_dir(&downloaded)?;
        activity.detail(&format!("downloading {apart}"));
        let deb = apt.download(&apart, &downloaded)?;
        unpack_modules(&deb, &modules).with_context(|| format!("failed to unpack {apart}"))?;
    }
    let identity = Identity { package: package.clone(), version: version.clone(), bytes: Some(bytes) };
    fs::write(folder.join(IDENTITY), toml::to_string(&identity)?).context("failed to note what was fetched")?;

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
fn unpack_image(deb: &Path, to: &Path) -> Result<u64> {
    let mut found = None;
    each_file(deb, |path, contents| {
        if found.is_none() && is_image(path) {
            let mut image = File::create(to)?;
            let bytes = io::copy(contents, &mut image).context("failed to write the kernel image")?;
            // A full disk may say so only now.
            image.sync_all().context("failed to write the kernel image")?;
            found = Some(bytes);
        }
        Ok(())
    })?;
    found.context("there is no kernel image in it")
}

/// Removes what a fetch that was killed has left. Only who holds the lock may.
fn sweep(kernels: &Path) {
    for entry in fs::read_dir(kernels).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// How the folders begin in which kernels are fetched.
const SCRATCH: &str = "fetching-";

/// Copies the needed modules out of a package; there may be none. Those packed by xz are unpacked, since not every kernel
/// can do that itself.
fn unpack_modules(deb: &Path, to: &Path) -> Result<()> {
    each_file(deb, |path, contents| {
        let Some((name, packed)) = needed_module(path) else { return Ok(()) };
        let place = to.join(format!("{name}.ko"));
        let mut file = File::create(&place)?;
        if !packed {
            io::copy(contents, &mut file)?;
            return Ok(());
        }
        let mut child = Command::new("xz")
            .arg("--decompress")
            .stdin(Stdio::piped())
            .stdout(file)
            .spawn()
            .context("failed to start xz")?;
        io::copy(contents, &mut child.stdin.take().expect("piped"))?;
        let status = child.wait()?;
        ensure!(status.success(), "xz failed on {name} ({status})");
        Ok(())
    })
}

/// Shows every regular file of a package.
fn each_file(deb: &Path, mut show: impl FnMut(&Path, &mut dyn io::Read) -> Result<()>) -> Result<()> {
    let mut child = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(deb)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start dpkg-deb")?;
    let mut archive = tar::Archive::new(child.stdout.take().expect("piped"));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let path = entry.path()?.into_owned();
            show(&path, &mut entry)?;
        }
    }
    // The archive's reader stops at its end mark; dpkg-deb wants to write a little more.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    let status = child.wait()?;
    ensure!(status.success(), "dpkg-deb failed ({status})");
    Ok(())
}

/// The name of a needed module, and whether it is packed.
fn needed_module(path: &Path) -> Option<(&'static str, bool)> {
    let path = path.to_str()?;
    let file = path.contains("/lib/modules/").then(|| path.rsplit('/').next())??;
    NEEDED.iter().find_map(|name| match file.strip_prefix(name)? {
        ".ko" => Some((*name, false)),
        ".ko.xz" => Some((*name, true)),
        _ => None,
    })
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
    fn modules_are_known_packed_and_unpacked() {
        let module = |path| needed_module(Path::new(path));
        assert_eq!(module("./lib/modules/5.10.0-46/kernel/drivers/net/veth.ko"), Some(("veth", false)));
        assert_eq!(module("./usr/lib/modules/7.3.4/kernel/drivers/net/veth.ko.xz"), Some(("veth", true)));
        assert_eq!(module("./usr/lib/modules/7.3.4/kernel/drivers/net/veth2.ko"), None);
        assert_eq!(module("./usr/share/doc/veth.ko"), None);
    }

    fn note(folder: &Path, image: &[u8], bytes: Option<u64>) -> Option<Kernel> {
        let workspace = Workspace::at(folder.to_owned(), folder.to_owned());
        let place = workspace.kernels().join("6.1");
        fs::create_dir_all(place.join(MODULES)).expect("a folder");
        fs::write(place.join(IMAGE), image).expect("an image");
        let identity = Identity { package: "p".to_owned(), version: "1".to_owned(), bytes };
        fs::write(place.join(IDENTITY), toml::to_string(&identity).expect("TOML")).expect("an identity");
        let entry = Entry { series: "6.1".to_owned(), suites: vec![], package: "p".to_owned(), why: String::new() };
        fetched(&workspace, &entry)
    }

    #[test]
    fn a_kernel_that_was_cut_short_is_not_here() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(note(folder.path(), b"kernel", Some(6)).is_some());
        assert!(note(folder.path(), b"kernel", None).is_some(), "as older versions noted it");
        assert!(note(folder.path(), b"kern", Some(6)).is_none());
        assert!(note(folder.path(), b"", None).is_none());
    }

    #[test]
    fn what_a_killed_fetch_has_left_is_swept() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("fetching-x/kernel")).expect("a folder");
        fs::create_dir(folder.path().join("6.1")).expect("a folder");
        sweep(folder.path());
        assert!(!folder.path().join("fetching-x").exists() && folder.path().join("6.1").exists());
    }

    #[test]
    fn images_are_known_by_both_of_their_places() {
        assert!(is_image(Path::new("./boot/vmlinuz-6.1.0-56-cloud-amd64")));
        assert!(is_image(Path::new("./usr/lib/modules/7.3.4/vmlinuz")));
        assert!(!is_image(Path::new("./boot/config-6.1.0")));
        assert!(!is_image(Path::new("./usr/lib/modules/7.3.4/kernel/x.ko")));
    }
}
