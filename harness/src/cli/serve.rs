//! `wakeproof serve`: a reference server, until a signal ends it.
use std::ffi::CString;

use nix::sys::prctl::set_name;
use wakeproof_servers::{Model, Options};

use super::{Exit, bad_input};

/// Run a reference server until a signal ends it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its I/O model.
    model: Model,
    #[command(flatten)]
    options: Options,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    args.options.check(args.model).map_err(bad_input)?;
    // Whoever looks at the tasks of this machine sees which server this is. Threads inherit it.
    if let Ok(name) = CString::new(args.model.to_string()) {
        set_name(&name)?;
    }
    let Err(error) = wakeproof_servers::serve(args.model, &args.options);
    Err(anyhow::Error::new(error).context(format!("the server `{}` has ended", args.model)))
}
