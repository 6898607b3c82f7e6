//! The compiler of the eBPF program: the distribution's `rustc-web`, or a rustup nightly with `rust-src`.
//!
//! The eBPF target has no built `core`, so a compiler comes with its sources or is of no use.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    packages::{self, Package},
    process,
};

/// A compiler that can build the eBPF program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// Debian's `rustc-web`: a stable compiler, told to allow `-Z build-std`.
    Distribution {
        /// The compiler.
        rustc: PathBuf,
    },
    /// A rustup nightly.
    Nightly {
        /// The compiler.
        rustc: PathBuf,
    },
}

impl Toolchain {
    /// The first compiler that has the sources of `core` beside it.
    pub fn detect() -> Option<Self> {
        if let Some(rustc) = distribution_rustc().filter(|rustc| has_core_sources(rustc)) {
            return Some(Self::Distribution { rustc });
        }
        let rustc = process::output(Command::new("rustup").args(["which", "--toolchain", "nightly", "rustc"])).ok()?;
        let rustc = PathBuf::from(rustc.trim());
        has_core_sources(&rustc).then_some(Self::Nightly { rustc })
    }

    /// The packages that [`Toolchain::detect`] would need to succeed.
    pub fn missing_packages() -> Vec<Package> {
        match (Self::detect(), distribution_rustc()) {
            (Some(_), _) => vec![],
            (None, Some(_)) => vec![packages::RUST_WEB_SRC],
            (None, None) => vec![packages::RUSTC_WEB, packages::RUST_WEB_SRC],
        }
    }

    /// The compiler's path.
    pub fn rustc(&self) -> &Path {
        match self {
            Self::Distribution { rustc } | Self::Nightly { rustc } => rustc,
        }
    }

    /// The compiler's own description: version and LLVM version.
    pub fn describe(&self) -> String {
        let verbose = process::output(Command::new(self.rustc()).arg("-vV")).unwrap_or_default();
        let llvm = verbose.lines().find_map(|line| line.strip_prefix("LLVM version: ")).unwrap_or("unknown");
        format!("{} (LLVM {llvm}, {})", verbose.lines().next().unwrap_or("rustc"), self.rustc().display())
    }
}

/// The compiler that the package `rustc-web` installed, wherever the distribution puts it.
fn distribution_rustc() -> Option<PathBuf> {
    let files = process::output(Command::new("dpkg-query").args(["--listfiles", packages::RUSTC_WEB.name])).ok()?;
    compiler_among(&files).map(PathBuf::from).filter(|rustc| rustc.is_file())
}

/// The compiler in a list of files.
fn compiler_among(files: &str) -> Option<&str> {
    files.lines().find(|path| path.ends_with("/bin/rustc"))
}

/// Whether the sources that `-Z build-std` compiles are installed for this compiler.
fn has_core_sources(rustc: &Path) -> bool {
    process::output(Command::new(rustc).args(["--print", "sysroot"]))
        .is_ok_and(|sysroot| Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core").is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_found_among_a_packages_files() {
        assert_eq!(
            compiler_among("/.\n/usr/share/doc/rustc\n/usr/lib/rust-1.96/bin/rustc\n"),
            Some("/usr/lib/rust-1.96/bin/rustc")
        );
        assert_eq!(compiler_among("/usr/bin/rustdoc\n"), None);
    }
}
