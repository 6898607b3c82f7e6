//! Runs one reference server: `serve MODEL [options]`. The tests of this crate start it.

use clap::Parser;
use wakeproof_servers::{Model, Options};

/// Serves clients with one I/O model
#[derive(Parser)]
struct Command {
    model: Model,
    #[command(flatten)]
    options: Options,
}

fn main() {
    let command = Command::parse();
    let Err(error) = wakeproof_servers::serve(command.model, &command.options);
    eprintln!("{}: {error}", command.model);
    std::process::exit(1);
}
