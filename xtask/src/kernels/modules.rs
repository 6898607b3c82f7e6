//! Kernel modules that guests need, taken out of the kernels' packages.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::archive;

/// Modules for one purpose, in a folder of their own beside an image. The folder is there even if the package had none of
/// them, so that nobody looks again: what is not a module is built in, or not to be had.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    /// The folder.
    pub folder: &'static str,
    /// Their names, each behind those that it needs.
    names: &'static [&'static str],
}

/// What the suite needs: virtual Ethernet devices.
pub const SUITE: Set = Set { folder: "modules", names: &["veth"] };
/// What shows a guest the host's files, and lays a layer over them that may be written.
pub const FILES: Set = Set {
    folder: "modules-for-files",
    names: &[
        "virtio_ring",
        "virtio",
        "virtio_pci_legacy_dev",
        "virtio_pci_modern_dev",
        "virtio_pci",
        "fuse",
        "virtiofs",
        "overlay",
    ],
};

impl Set {
    /// Those that are here, in the order in which they are loaded; none if nobody has looked for them yet.
    pub fn of(self, kernel: &Path) -> Option<Vec<PathBuf>> {
        let folder = kernel.join(self.folder);
        let path = |name: &&str| folder.join(format!("{name}.ko"));
        folder.is_dir().then(|| self.names.iter().map(path).filter(|path| path.is_file()).collect())
    }

    /// Copies them out of a package, if there is one. Those packed by xz are unpacked, since not every kernel can do that
    /// itself.
    pub fn unpack(self, deb: Option<&Path>, kernel: &Path) -> Result<()> {
        let folder = kernel.join(self.folder);
        fs::create_dir_all(&folder)?;
        let Some(deb) = deb else { return Ok(()) };
        archive::each_file(deb, |path, contents| {
            let Some((name, packed)) = self.find(path) else { return Ok(()) };
            let mut file = File::create(folder.join(format!("{name}.ko")))?;
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

    /// Which of them a file of a package is, and whether it is packed.
    fn find(self, path: &Path) -> Option<(&'static str, bool)> {
        let path = path.to_str()?;
        let file = path.contains("/lib/modules/").then(|| path.rsplit('/').next())??;
        self.names.iter().find_map(|name| match file.strip_prefix(name)? {
            ".ko" => Some((*name, false)),
            ".ko.xz" => Some((*name, true)),
            _ => None,
        })
    }
}

/// The package that has the modules of a kernel's package: since 6.19 another one.
pub fn package(kernel: &str) -> String {
    match kernel.strip_prefix("linux-binary-") {
        Some(rest) => format!("linux-modules-{rest}"),
        None => kernel.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_known_packed_and_unpacked() {
        let module = |path| SUITE.find(Path::new(path));
        assert_eq!(module("./lib/modules/5.10.0-46/kernel/drivers/net/veth.ko"), Some(("veth", false)));
        assert_eq!(module("./usr/lib/modules/7.3.4/kernel/drivers/net/veth.ko.xz"), Some(("veth", true)));
        assert_eq!(module("./usr/lib/modules/7.3.4/kernel/drivers/net/veth2.ko"), None);
        assert_eq!(module("./usr/share/doc/veth.ko"), None);
        let found = FILES.find(Path::new("./lib/modules/5.10.0-46/kernel/drivers/virtio/virtio_pci.ko"));
        assert_eq!(found, Some(("virtio_pci", false)), "not virtio");
    }

    #[test]
    fn modules_are_loaded_behind_those_they_need() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(FILES.of(folder.path()), None, "nobody has looked");
        let place = folder.path().join(FILES.folder);
        fs::create_dir(&place).expect("a folder");
        assert_eq!(FILES.of(folder.path()), Some(vec![]), "somebody has, and there were none");
        for name in ["overlay", "fuse", "virtio", "virtio_ring", "virtiofs"] {
            fs::write(place.join(format!("{name}.ko")), "").expect("a file");
        }
        let order: Vec<_> =
            FILES.of(folder.path()).expect("some").iter().map(|path| path.file_stem().map(ToOwned::to_owned)).collect();
        let expected = ["virtio_ring", "virtio", "fuse", "virtiofs", "overlay"];
        assert_eq!(order, expected.map(|name| Some(name.into())));
    }

    #[test]
    fn a_kernel_without_modules_has_them_in_another_package() {
        assert_eq!(package("linux-image-6.1.0-56-cloud-amd64"), "linux-image-6.1.0-56-cloud-amd64");
        assert_eq!(package("linux-binary-7.3.4+deb13-cloud-amd64"), "linux-modules-7.3.4+deb13-cloud-amd64");
    }
}
