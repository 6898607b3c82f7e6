//! Long lists as verdicts keep them: the first entries, and behind them in words how many more there were.
use serde_json::Value;

/// How many entries of a list are kept.
pub(crate) const ENTRIES: usize = 16;

/// Without most of a long list, wherever in the value it is.
pub(crate) fn shorten(value: &Value) -> Value {
    match value {
        Value::Array(list) => list_of(list.iter().take(ENTRIES).map(shorten).collect(), list.len()),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shorten(value))).collect(),
        value => value.clone(),
    }
}

/// The first entries of a list of this length.
pub(crate) fn list_of(mut first: Vec<Value>, length: usize) -> Value {
    if length > first.len() {
        first.push(format!("and {} more", length - first.len()).into());
    }
    first.into()
}

/// The entries that are there, and how long the list was before it was shortened.
pub(crate) fn entries(list: &[Value]) -> (&[Value], usize) {
    let more = |words: &Value| words.as_str()?.strip_prefix("and ")?.strip_suffix(" more")?.parse::<usize>().ok();
    match list.split_last() {
        Some((words, first)) => more(words).map_or((list, list.len()), |more| (first, first.len() + more)),
        None => (list, 0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shortened_list_still_says_how_long_it_was() {
        let long = shorten(&json!((0..10_000).collect::<Vec<_>>()));
        let long = long.as_array().expect("a list");
        let (first, length) = entries(long);
        assert_eq!((long.len(), first.len(), first[15].as_u64(), length), (17, 16, Some(15), 10_000));
    }

    #[test]
    fn a_short_list_stays_as_it_is() {
        for list in [json!([]), json!([1, 2]), json!(["and some more"]), json!(vec![7; 16])] {
            assert_eq!(shorten(&list), list);
            let list = list.as_array().expect("a list");
            assert_eq!(entries(list), (list.as_slice(), list.len()));
        }
    }
}
