//! The command.
use std::process::ExitCode;

fn main() -> ExitCode {
    wakeproof::cli::main()
}
