//! `wakeproof schema`: the JSON Schema of a case file, for editors.
use std::fs;
use std::path::PathBuf;

use anstream::{eprintln, print};
use anyhow::Result;

use super::Exit;
use crate::load::schema_text;

/// What `schema` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Say only whether this file holds the schema, as `cases/schema.json` must
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "cases/schema.json")]
    check: Option<PathBuf>,
}

/// Prints the schema, or compares a file with it.
pub fn run(args: &Args) -> Result<Exit> {
    let Some(file) = &args.check else {
        print!("{}", schema_text());
        return Ok(Exit::Good);
    };
    let why = match fs::read_to_string(file) {
        Ok(text) if text == schema_text() => return Ok(Exit::Good),
        Ok(_) => "is not the schema of this program".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    eprintln!("{} {why}; to renew it: wakeproof schema > {}", file.display(), file.display());
    Ok(Exit::Input)
}
