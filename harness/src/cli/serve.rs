//! `wakeproof serve`: a reference server, until a signal ends it.
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
    let Err(error) = wakeproof_servers::serve(args.model, &args.options);
    Err(anyhow::Error::new(error).context(format!("the server `{}` has ended", args.model)))
}
