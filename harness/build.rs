//! Puts the eBPF object into the binary, if there is one: `cargo xtask build` names it, a plain `cargo build` has none.
use std::path::PathBuf;
use std::{env, fs};

/// Names the object.
const OBJECT: &str = "WAKEPROOF_EBPF_OBJECT";

fn main() {
    println!("cargo::rerun-if-env-changed={OBJECT}");
    println!("cargo::rerun-if-changed=build.rs");
    // The suite is embedded too: `include_dir` does not tell cargo about files that are new.
    println!("cargo::rerun-if-changed=../cases");

    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("probes.o");
    match env::var_os(OBJECT).filter(|path| !path.is_empty()) {
        Some(object) => {
            let object = PathBuf::from(object);
            println!("cargo::rerun-if-changed={}", object.display());
            let copied = fs::copy(&object, &target);
            assert!(
                copied.is_ok(),
                "failed to copy the eBPF object {} (named by {OBJECT}) to {}: {copied:?}",
                object.display(),
                target.display()
            );
        }
        None => fs::write(&target, []).expect("failed to write an empty eBPF object into OUT_DIR"),
    }
}
