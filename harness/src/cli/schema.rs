//! `wakeproof schema`: the JSON Schema of a case file, for editors; or of what the command writes, for programs.
use std::fs;
use std::path::PathBuf;

use anstream::{eprintln, print, println};
use anyhow::Result;

use super::Exit;
use crate::load::schema_text;
use crate::render::Results;
use crate::render::doctor::Doctor;
use crate::render::matrix::Matrix;

/// What `schema` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of what
    #[arg(value_enum, default_value_t)]
    of: Kind,
    /// Say only whether this file holds the schema, as `cases/schema.json` must
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "cases/schema.json")]
    check: Option<PathBuf>,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// A case file
    #[default]
    Case,
    /// `results.json`
    Results,
    /// What `wakeproof merge --format json` writes
    Matrix,
    /// What `wakeproof doctor --format json` writes
    Doctor,
}

/// Prints the schema, or compares a file with it.
pub fn run(args: &Args) -> Result<Exit> {
    let Some(file) = &args.check else {
        let schema = match args.of {
            Kind::Case => {
                print!("{}", schema_text());
                return Ok(Exit::Good);
            }
            Kind::Results => schemars::schema_for!(Results),
            Kind::Matrix => schemars::schema_for!(Matrix),
            Kind::Doctor => schemars::schema_for!(Doctor),
        };
        println!("{}", serde_json::to_string_pretty(&schema)?);
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
