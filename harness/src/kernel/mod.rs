//! What the running kernel says of itself: its type information, its symbols, its identity.
mod btf;
mod landmarks;
mod offsets;
mod symbols;

pub use btf::{Btf, BtfError};
pub use landmarks::landmarks;
pub use offsets::resolve;
pub use symbols::Symbols;

use crate::recording::Kernel;

/// The running kernel.
pub fn identity() -> Kernel {
    match nix::sys::utsname::uname() {
        Ok(name) => Kernel {
            release: name.release().to_string_lossy().into_owned(),
            version: name.version().to_string_lossy().into_owned(),
            machine: name.machine().to_string_lossy().into_owned(),
        },
        Err(_) => Kernel { release: String::new(), version: String::new(), machine: String::new() },
    }
}
