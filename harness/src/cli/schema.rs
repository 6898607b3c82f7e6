//! `wakeproof schema`: the JSON Schema of a case file, for editors, and those of what this command writes.
use std::fs;
use std::path::PathBuf;

use anstream::{eprintln, print};
use anyhow::Result;
use clap::ValueEnum;

use super::Exit;
use crate::load::schema_text;
use crate::observe::guard::Promises;
use crate::render::doctor::Doctor;
use crate::render::matrix::Matrix;
use crate::render::{Machine, Results};

/// What `schema` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of what
    #[arg(value_enum, default_value_t)]
    of: Shape,
    /// Say only whether this file holds the schema, as `cases/schema.json` must
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "cases/schema.json")]
    check: Option<PathBuf>,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// A case file
    #[default]
    Case,
    /// `results.json` of `wakeproof test --report-dir`
    Results,
    /// What `wakeproof merge --format json` writes
    Matrix,
    /// `machine.json` beside results: where a run happened
    Machine,
    /// What `wakeproof doctor --format json` writes
    Doctor,
    /// A file of promises, for `wakeproof guard`
    Promises,
}

impl Shape {
    fn text(self) -> String {
        let pretty = |schema: schemars::Schema| format!("{:#}\n", schema.to_value());
        match self {
            Self::Case => schema_text(),
            Self::Results => pretty(schemars::schema_for!(Results)),
            Self::Matrix => pretty(schemars::schema_for!(Matrix)),
            Self::Machine => pretty(schemars::schema_for!(Machine)),
            Self::Doctor => pretty(schemars::schema_for!(Doctor)),
            Self::Promises => pretty(schemars::schema_for!(Promises)),
        }
    }
}

/// Prints the schema, or compares a file with it.
pub fn run(args: &Args) -> Result<Exit> {
    let Some(file) = &args.check else {
        print!("{}", args.of.text());
        return Ok(Exit::Good);
    };
    let why = match fs::read_to_string(file) {
        Ok(text) if text == args.of.text() => return Ok(Exit::Good),
        Ok(_) => "is not the schema of this program".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    eprintln!("{} {why}; to renew it: wakeproof schema > {}", file.display(), file.display());
    Ok(Exit::Input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{json, testing};

    #[test]
    fn what_is_written_has_the_keys_of_its_schema() {
        let schema: serde_json::Value = serde_json::from_str(&Shape::Results.text()).expect("JSON");
        let text = json::json(&testing::failing()).expect("JSON");
        let results: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let written = results.as_object().expect("an object");
        assert!(written.len() > 5 && schema["properties"]["version"].is_object());
        for key in written.keys() {
            assert!(schema["properties"].get(key).is_some(), "{key}");
        }
        for required in schema["required"].as_array().expect("a list") {
            assert!(written.contains_key(required.as_str().expect("a name")), "{required}");
        }
    }

    #[test]
    fn every_shape_has_a_schema() {
        for shape in Shape::value_variants() {
            let schema: serde_json::Value = serde_json::from_str(&shape.text()).expect("JSON");
            assert!(schema["properties"].is_object(), "{shape:?}");
        }
    }
}
