//! Where things are: every path that xtask reads or writes under the checkout is named here.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The checkout and its target folder.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The checkout that this xtask was built from, with cargo's own idea of the target folder.
    pub fn locate() -> Self {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace").to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        // A relative CARGO_TARGET_DIR is relative to where cargo was called, which is where we run.
        let target = std::path::absolute(&target).unwrap_or(target);
        Self { root, target }
    }

    /// One that is somewhere else.
    #[cfg(test)]
    pub fn at(root: PathBuf, target: PathBuf) -> Self {
        Self { root, target }
    }

    /// The root of the checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where tools that cargo installs for this checkout live; `WAKEPROOF_TOOLS_DIR` moves it.
    pub fn tools(&self) -> PathBuf {
        env::var_os("WAKEPROOF_TOOLS_DIR").map_or_else(|| self.target.join("tools"), PathBuf::from)
    }

    /// The linker of the eBPF program.
    pub fn bpf_linker(&self) -> PathBuf {
        self.tools().join("bin/bpf-linker")
    }

    /// The eBPF program's own target folder: another compiler builds it, and sharing a folder would rebuild everything.
    pub fn ebpf_target(&self) -> PathBuf {
        self.target.join("ebpf")
    }

    /// The eBPF object that the `wakeproof` command embeds.
    pub fn ebpf_object(&self) -> PathBuf {
        self.ebpf_target().join("bpfel-unknown-none/release/wakeproof-probes")
    }

    /// Fetched kernels, a folder per series.
    pub fn kernels(&self) -> PathBuf {
        self.target.join("kernels")
    }

    /// Running guests, a folder each.
    pub fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }
}
