//! Kernels on disk: one folder per series under `target/kernels`, whole or absent.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::{
    apt::{self, Apt},
    archive,
    matrix::Entry,
    modules,
};
use crate::{progress::Activity, workspace::Workspace};

const IMAGE: &str = "vmlinuz";
const IDENTITY: &str = "kernel.toml";

/// A kernel that can be booted.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// Its compressed image.
    pub image: PathBuf,
    /// The modules that came with it, of those that the suite needs.
    pub modules: Vec<PathBuf>,
    /// And of those that show it the host's files; none if nobody has looked for them.
    pub for_files: Option<Vec<PathBuf>>,
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
        Self { image, modules: Vec::new(), for_files: Some(Vec::new()), package, version: String::new(), bytes }
    }

    /// Whether the user gave it as a file.
    pub fn is_own(&self) -> bool {
        self.version.is_empty()
    }

    /// The package that has its modules, if they are in one of their own and the mirror did not have it.
    pub fn lacks(&self) -> Option<String> {
        let apart = modules::package(&self.package);
        (apart != self.package && self.modules.is_empty()).then_some(apart)
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
    let bytes = fs::metadata(&image).ok().filter(fs::Metadata::is_file)?.len();
    // A kernel that was cut short is not here.
    let whole = bytes > 0 && identity.bytes.is_none_or(|noted| noted == bytes);
    let Identity { package, version, .. } = identity;
    let (modules, for_files) = (modules::SUITE.of(&folder)?, modules::FILES.of(&folder));
    whole.then_some(Kernel { image, modules, for_files, package, version, bytes })
}

/// Fetches the newest kernel of this entry, unless it is the one that is here.
pub fn fetch(workspace: &Workspace, entry: &Entry) -> Result<Kernel> {
    apt::require_apt()?;
    let activity = Activity::begin(format!("fetching the kernel {}", entry.series));
    let kernels = workspace.kernels();
    let _lock = lock(&kernels)?;
    activity.detail("reading package lists");
    let apt = Apt::open(workspace, entry)?;
    let package = apt.newest(&entry.package)?;
    let version = apt.version(&package)?;
    let offered = apt.modules_of(&package)?;
    if let Some(kernel) = fetched(workspace, entry).filter(|here| here.package == package && here.version == version)
        // The mirror may have got them since.
        && (kernel.lacks().is_none() || offered.is_none())
    {
        return Ok(kernel);
    }

    // Everything happens in a folder that vanishes, until one rename makes the kernel be there.
    let scratch = scratch(&kernels)?;
    activity.detail(&format!("downloading {package} {version}"));
    let deb = apt.download(&package, scratch.path())?;
    activity.detail("unpacking");
    let folder = scratch.path().join("kernel");
    fs::create_dir(&folder)?;
    let bytes = archive::image(&deb, &folder.join(IMAGE)).with_context(|| format!("failed to unpack {package}"))?;
    let with_modules = match &offered {
        Some(same) if *same == package => Some(deb),
        Some(apart) => {
            let downloaded = scratch.path().join("apart");
            fs::create_dir(&downloaded)?;
            activity.detail(&format!("downloading {apart}"));
            Some(apt.download(apart, &downloaded)?)
        }
        None => None,
    };
    for set in [modules::SUITE, modules::FILES] {
        set.unpack(with_modules.as_deref(), &folder)
            .with_context(|| format!("failed to unpack {}", modules::package(&package)))?;
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

/// Fetches the modules that show a guest the host's files, of a kernel that is here without: those of its very version,
/// since no kernel loads another's.
pub fn complete(workspace: &Workspace, entry: &Entry, kernel: Kernel) -> Result<Kernel> {
    if kernel.for_files.is_some() {
        return Ok(kernel);
    }
    apt::require_apt()?;
    let activity = Activity::begin(format!("fetching modules of the kernel {}", entry.series));
    let kernels = workspace.kernels();
    let _lock = lock(&kernels)?;
    // Whoever held the lock before may have done it.
    if let Some(kernel) = fetched(workspace, entry).filter(|kernel| kernel.for_files.is_some()) {
        return Ok(kernel);
    }
    let apt = Apt::open(workspace, entry)?;
    let scratch = scratch(&kernels)?;
    // Where modules are a package of their own, there may be none: such kernels have most of it built in.
    let deb = if let Some(package) = apt.modules_of(&kernel.package)? {
        activity.detail(&format!("downloading {package} {}", kernel.version));
        let exactly = format!("{package}={}", kernel.version);
        Some(apt.download(&exactly, scratch.path()).with_context(|| {
            format!(
                "the kernel {} is here without the modules that show it this machine's files, and the mirror may have \
                 moved on; `cargo xtask kernels fetch {}` fetches the newest with them",
                kernel.summary(),
                entry.series
            )
        })?)
    } else {
        None
    };
    let unpacked = scratch.path().join("kernel");
    modules::FILES
        .unpack(deb.as_deref(), &unpacked)
        .with_context(|| format!("failed to unpack {}", modules::package(&kernel.package)))?;
    let place = kernels.join(&entry.series).join(modules::FILES.folder);
    fs::rename(unpacked.join(modules::FILES.folder), &place)
        .with_context(|| format!("failed to create {}", place.display()))?;
    activity.done();
    fetched(workspace, entry).context("the modules were fetched, and the kernel is gone")
}

/// Several of us may fetch at once, also from several checkouts that share the folder.
fn lock(kernels: &Path) -> Result<File> {
    fs::create_dir_all(kernels).with_context(|| format!("failed to create {}", kernels.display()))?;
    let lock = File::create(kernels.join("lock")).context("failed to make the lock of the kernels' folder")?;
    lock.lock().context("failed to wait for others who fetch kernels")?;
    sweep(kernels);
    Ok(lock)
}

/// A folder to fetch into. Only who holds the lock may have one.
fn scratch(kernels: &Path) -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(kernels);
    folder.context("failed to make a folder to fetch into")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn note(folder: &Path, image: &[u8], bytes: Option<u64>) -> Option<Kernel> {
        let workspace = Workspace::at(folder.to_owned(), folder.to_owned());
        let place = workspace.kernels().join("6.1");
        fs::create_dir_all(place.join(modules::SUITE.folder)).expect("a folder");
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
    fn a_kernel_whose_modules_are_not_to_be_had_says_so() {
        let kernel = |package: &str, modules: &[&str]| Kernel {
            package: package.to_owned(),
            modules: modules.iter().map(PathBuf::from).collect(),
            ..Kernel::from_file("image".into())
        };
        assert_eq!(kernel("linux-binary-7.0", &[]).lacks().as_deref(), Some("linux-modules-7.0"));
        assert_eq!(kernel("linux-binary-7.0", &["veth.ko"]).lacks(), None);
        assert_eq!(kernel("linux-image-6.1", &[]).lacks(), None, "what is not in the package is built in");
        assert_eq!(kernel("./bzImage", &[]).lacks(), None);
    }

    #[test]
    fn what_a_killed_fetch_has_left_is_swept() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("fetching-x/kernel")).expect("a folder");
        fs::create_dir(folder.path().join("6.1")).expect("a folder");
        sweep(folder.path());
        assert!(!folder.path().join("fetching-x").exists() && folder.path().join("6.1").exists());
    }
}
