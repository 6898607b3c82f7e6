//! `cargo xtask`: set-up, building, kernels and guests.
//!
//! xtask knows cargo, system packages and QEMU; the `wakeproof` command it builds knows none of them.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod bpf_linker;
mod build;
mod check;
mod command_line;
mod ebpf;
mod guest;
mod inspect;
mod kernels;
mod machine;
mod mutants;
mod packages;
mod process;
mod progress;
mod quotes;
mod run;
mod scratch;
mod servers;
mod several;
mod soak;
mod suite;
mod test;
mod toolchain;
mod trial;
mod workspace;

/// Set-up, building, testing and kernels of Wakeproof
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing and build the eBPF object and the `wakeproof` command
    Build(build::Args),
    /// Set up, build, and run the suite on the running kernel or in a guest
    Test(test::Args),
    /// Run the project's own tests: formatting, lints, unit tests, and the suite on this kernel and in a guest
    Check(check::Args),
    /// Put every deliberate defect into the servers, and see that the suite notices each
    Mutants(mutants::Args),
    /// Run the suite again and again, and see that its outcomes stay the same
    Soak(soak::Args),
    /// Measure what watching costs, beside strace, perf and bpftrace
    Bench(bench::Args),
    /// Find out a server's I/O model on another kernel: `wakeproof inspect` in a guest that sees this machine's files
    Inspect(inspect::Args),
    /// Hold a server to its promises on another kernel: `wakeproof guard` in such a guest
    Guard(inspect::Args),
    /// Run any static program in a guest
    Run(run::Args),
    /// List, fetch and check the kernels that guests run
    Kernels(kernels::Args),
    /// Check the cases' quotes against the documents, where they are at hand
    Quotes(quotes::Args),
}

/// The statuses of `wakeproof` where they say the same: 2, a flag is wrong and nothing ran; 3, the guest is broken.
fn status(error: &anyhow::Error) -> ExitCode {
    if error.is::<command_line::Wrong>() {
        ExitCode::from(2)
    } else if error.is::<guest::Broken>() {
        ExitCode::from(3)
    } else {
        ExitCode::FAILURE
    }
}

fn main() -> ExitCode {
    let outcome = match Cli::parse_from(command_line::sorted()).command {
        Command::Build(args) => build::main(&args),
        Command::Test(args) => test::main(&args),
        Command::Check(args) => Ok(check::main(&args)),
        Command::Mutants(args) => mutants::main(&args),
        Command::Soak(args) => soak::main(&args),
        Command::Bench(args) => bench::main(&args),
        Command::Inspect(args) => inspect::main("inspect", &args),
        Command::Guard(args) => inspect::main("guard", &args),
        Command::Run(args) => run::main(&args),
        Command::Kernels(args) => kernels::main(&args),
        Command::Quotes(args) => quotes::main(&args),
    };
    outcome.unwrap_or_else(|error| {
        anstream::eprintln!("{}: {error:#}", process::paint("error", process::RED));
        status(&error)
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn what_is_wrong_in_the_command_line_has_the_status_of_a_wrong_flag() {
        let error = command_line::wrong(anyhow::anyhow!("no such kernel"));
        assert_eq!(status(&error), ExitCode::from(2));
        assert_eq!(status(&error.context("further out")), ExitCode::from(2));
        assert_eq!(status(&anyhow::anyhow!("no disk")), ExitCode::FAILURE);
    }

    #[test]
    fn the_command_line_fits_together() {
        Cli::command().debug_assert();
    }
}
