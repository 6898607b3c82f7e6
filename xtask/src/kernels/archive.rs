//! Reads packages without installing or unpacking them.

use std::{
    fs::File,
    io,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// Shows every regular file of a package.
pub fn each_file(deb: &Path, mut show: impl FnMut(&Path, &mut dyn io::Read) -> Result<()>) -> Result<()> {
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

/// Copies the kernel image out of a package. Gives back its length.
pub fn image(deb: &Path, to: &Path) -> Result<u64> {
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
