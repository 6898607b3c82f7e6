//! The suite as a test target: `cargo test` and `cargo nextest` see one test for each case.
//!
//! It becomes `wakeproof test`, because the command starts itself again for what runs inside a cell. Cases that this
//! machine cannot run are listed as ignored, so a plain `cargo test` without privileges runs what grade `surface` allows.
use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

fn main() {
    // nextest says where the command is when it runs the tests from an archive.
    let wakeproof =
        env::var_os("NEXTEST_BIN_EXE_wakeproof").unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_wakeproof")));
    let error = Command::new(&wakeproof).arg("test").args(env::args_os().skip(1)).exec();
    panic!("failed to become {}: {error}", wakeproof.display());
}
