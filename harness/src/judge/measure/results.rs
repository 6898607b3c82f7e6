//! Results of calls, as predicates see them.
use serde_json::{Value as Json, json};

use crate::recording::CallResult;

/// A result under its name: one for a name with one call, a list for a name with several.
pub(in crate::judge) fn results(calls: &[CallResult], several: bool) -> Json {
    match calls {
        [one] if !several => result(one),
        _ => calls.iter().map(result).collect(),
    }
}

/// What is not there is empty, never null, so that a predicate can compare it.
fn result(call: &CallResult) -> Json {
    let ready: Vec<Json> = call.ready.iter().map(|ready| json!({"name": ready.name, "bits": ready.bits})).collect();
    json!({
        "ret": call.ret,
        "errno": call.errno.as_deref().unwrap_or_default(),
        "ready": ready,
        "refused": call.refused.as_deref().unwrap_or_default(),
        "eof": call.eof,
        "bytes": call.ret,
        "replies": call.replies,
        "data": call.data,
        "rows": call.rows,
        "actor": call.actor.as_deref().unwrap_or_default(),
    })
}
