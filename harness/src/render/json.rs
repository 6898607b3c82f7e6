//! Results for programs: one JSON object, whose shape is [`Results`].
use super::{Results, VERSION};

/// The results as JSON, on one line: pictures are long.
pub fn json(results: &Results) -> serde_json::Result<String> {
    let mut text = serde_json::to_string(results)?;
    text.push('\n');
    Ok(text)
}

/// Why results cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// They are of another version.
    #[error("results of version {0}, and this command reads version {VERSION}")]
    Version(u64),
    /// It is what results are joined into.
    #[error("this is a matrix, which is made of results")]
    Matrix,
    /// It is what stands beside results.
    #[error("this says where a run happened, not what came out of it")]
    Machine,
    /// They are no results.
    #[error("not a results.json of `wakeproof test --report-dir`: {0}")]
    Shape(#[from] serde_json::Error),
}

/// Reads results back.
pub fn read(text: &str) -> Result<Results, ReadError> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    let has = |key| value.get(key).is_some();
    match value.get("version").and_then(serde_json::Value::as_u64) {
        _ if has("kernels") && has("rows") => Err(ReadError::Matrix),
        _ if has("series") => Err(ReadError::Machine),
        Some(version) if version != u64::from(VERSION) => Err(ReadError::Version(version)),
        _ => Ok(serde_json::from_value(value)?),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn results_survive_the_file() -> Result<(), ReadError> {
        for results in [testing::healthy(), testing::failing(), testing::troubled()] {
            let text = json(&results)?;
            assert_eq!(json(&read(&text)?)?, text);
        }
        Ok(())
    }

    #[test]
    fn another_version_is_refused() {
        assert!(matches!(read(r#"{"version": 99}"#), Err(ReadError::Version(99))));
    }

    #[test]
    fn what_is_no_results_is_named() {
        assert!(matches!(read(r#"{"version": 1, "kernels": [], "rows": []}"#), Err(ReadError::Matrix)));
        assert!(matches!(read(r#"{"version": 1, "series": "6.1"}"#), Err(ReadError::Machine)));
        for text in ["{}", "no JSON"] {
            let told = read(text).expect_err("no results").to_string();
            assert!(told.starts_with("not a results.json of `wakeproof test --report-dir`: "), "{told}");
        }
    }

    #[test]
    fn the_shape_is_stable() -> Result<(), ReadError> {
        insta::assert_snapshot!(serde_json::to_string_pretty(&testing::failing())?);
        Ok(())
    }
}
