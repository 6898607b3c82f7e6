//! Results for programs: one JSON object, whose shape is [`Results`](super::Results).
use super::Results;

/// The results as JSON, readable by people too.
pub fn json(results: &Results) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(results)?;
    text.push('\n');
    Ok(text)
}
