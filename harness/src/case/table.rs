//! Tables: numbers of several runs beside each other, for people to compare and quote.
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Value;

/// A table over the runs of the case itself: a row for each value of a swept parameter. Nothing is judged by it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// The swept parameter whose values are the rows.
    pub rows: String,
    /// A second swept parameter: each column is there once for each of its values.
    #[serde(default)]
    pub across: Option<String>,
    /// The value of each further swept parameter: the table is about those runs only.
    #[serde(default)]
    pub at: IndexMap<String, Value>,
    /// What stands above the table, by name: expressions (CEL) whose values are those of the table's first run.
    #[serde(default)]
    pub facts: IndexMap<String, String>,
    /// The columns, by name: expressions (CEL) over parameters, measures and results.
    pub columns: IndexMap<String, String>,
    /// The column to draw, on a logarithmic scale.
    #[serde(default)]
    pub draw: Option<String>,
}
