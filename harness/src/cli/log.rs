//! Logging on standard error: off, unless `-v` or `RUST_LOG` asks for it.
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts it. `RUST_LOG` wins over the number of `-v`.
pub(super) fn start(verbose: u8) {
    let level = match verbose {
        0 => "off",
        1 => "wakeproof=info",
        2 => "wakeproof=debug",
        _ => "wakeproof=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // A second start in one process (tests do that) leaves the first in place.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .try_init();
}
