//! `cargo xtask bench`: what watching costs, beside the tools that people would use instead.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::{
    ebpf,
    packages::{self, Package},
    process,
    progress::Activity,
    suite,
    workspace::Workspace,
};

/// What is handed on to the bench.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// Arguments of the bench; `--help` lists them
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// The tools to compare with, and how to get them.
const TOOLS: &[(&str, Package)] = &[
    ("strace", Package { name: "strace", reason: "compare with strace", cost: "1 MB to download" }),
    ("perf", Package { name: "linux-perf", reason: "compare with perf", cost: "20 MB to download with its libraries" }),
    (
        "bpftrace",
        Package {
            name: "bpftrace",
            reason: "compare with bpftrace",
            cost: "some 60 MB to download with its libraries",
        },
    ),
];

/// Builds everything with optimisation, and measures.
pub fn main(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    for (program, package) in TOOLS {
        // Without one of them the bench says that it was not run.
        if process::find_program(program).is_none()
            && let Err(why) = packages::install(&[*package])
        {
            anstream::eprintln!("going on without {program}: {why:#}");
        }
    }
    let object = ebpf::build(&workspace)?;
    let wakeproof = suite::build_wakeproof(&workspace, Some(&object))?;
    let activity = Activity::begin("building the bench with optimisation".to_owned());
    let mut cargo = process::cargo();
    cargo.current_dir(workspace.root()).args(["build", "--release", "--package", "wakeproof-bench", "--target-dir"]);
    cargo.arg(workspace.target()).env("WAKEPROOF_EBPF_OBJECT", &object);
    process::run_quietly(&mut cargo, &activity).context("failed to build the bench")?;
    activity.done();
    let bench = workspace.target().join("release/wakeproof-bench");
    ensure!(bench.is_file(), "cargo built the bench, but there is none at {}", bench.display());
    let mut command = std::process::Command::new(&bench);
    command.arg("--wakeproof").arg(wakeproof).args(&args.arguments);
    let status = command.status().with_context(|| format!("failed to start `{}`", process::spell(&command)))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
