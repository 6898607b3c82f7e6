//! From a tree to the types of a file.
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::Diagnostic;
use super::tree::Node;

/// Reads a tree; what is wrong is shown where it stands.
pub(super) fn read<T: DeserializeOwned>(tree: &Node) -> Result<T, Diagnostic> {
    serde_path_to_error::deserialize(tree.to_json()).map_err(|error| {
        let steps: Vec<String> = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                Segment::Seq { index } => Some(index.to_string()),
                Segment::Map { key } => Some(key.clone()),
                Segment::Enum { variant } => Some(variant.clone()),
                Segment::Unknown => None,
            })
            .collect();
        let node = tree.at(steps.iter().map(String::as_str));
        Diagnostic::new(node.place, error.inner().to_string())
    })
}
