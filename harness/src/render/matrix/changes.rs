//! Where a row changes from one kernel to the next: in words, with what explains it and what differs in the kernels.
use serde_json::Value as Json;

use super::build::Joined;
use super::{Cell, Change, Mark};
use crate::render::screen::probe_name;
use crate::verdict::Outcome;

/// How many measures are shown beside a change.
const VALUES: usize = 4;
/// A list longer than this is told by its length.
const WIDE: usize = 60;

/// The changes of one row.
pub(super) fn changes(kernels: &[Joined], case: &str, cells: &[Option<Cell>]) -> Vec<Change> {
    let best = kernels.iter().filter_map(|kernel| kernel.column.grade).max();
    // Where less can be seen of anything, as the column says once for all rows, a skip is no news.
    let blind = |place: usize, cell: &Cell| cell.outcome == Outcome::Skip && kernels[place].column.grade < best;
    let there = cells.iter().enumerate().filter_map(|(place, cell)| Some((place, cell.as_ref()?)));
    let there = there.filter(|(place, cell)| !blind(*place, cell));
    let mut changes = Vec::new();
    let mut last: Option<(usize, &Cell)> = None;
    let mut decided: Option<(usize, &Cell)> = None;
    for (place, cell) in there {
        // A kernel on which the case came to no end does not hide that those around it differ.
        let differs_from = |(_, old): &(usize, &Cell)| old.mark != cell.mark;
        let compared = decided.filter(|old| !ended_nowhere(cell) && differs_from(old)).or(last);
        if let Some((before, old)) = compared.filter(differs_from) {
            let name = &kernels[place].column.name;
            let undecided = ended_nowhere(old) || ended_nowhere(cell);
            let measured = if undecided { String::new() } else { measured(old, cell) };
            changes.push(Change {
                before,
                from: place,
                words: format!("from {name}: {}, before {}{measured}", told(cell), told(old)),
                reasons: reasons(old, cell),
                differs: if undecided { Vec::new() } else { differs(&kernels[before], &kernels[place], case) },
                undecided,
            });
        }
        last = Some((place, cell));
        decided = last.filter(|_| !ended_nowhere(cell)).or(decided);
    }
    changes
}

/// Whether the case came to no end there, which says nothing of the kernel.
fn ended_nowhere(cell: &Cell) -> bool {
    matches!(cell.outcome, Outcome::Broken | Outcome::Timeout | Outcome::Inconclusive)
}

/// What became of a cell, with what was wrong.
fn told(cell: &Cell) -> String {
    match &cell.reason {
        Some(reason) if !cell.mark.is_good() => format!("{} ({reason})", word(cell.mark)),
        _ => word(cell.mark),
    }
}

/// A mark as a word of a sentence.
pub(crate) fn word(mark: Mark) -> String {
    match mark {
        Mark::Claim(verdict) => verdict.to_string(),
        Mark::Case(Outcome::Skip) => "skipped".to_owned(),
        Mark::Case(Outcome::Pass) => "passes".to_owned(),
        Mark::Case(Outcome::Fail) => "FAILED".to_owned(),
        Mark::Case(Outcome::Broken) => "BROKEN".to_owned(),
        Mark::Case(Outcome::Xfail) => "fails as expected".to_owned(),
        Mark::Case(Outcome::Xpass) => "PASSES UNEXPECTEDLY".to_owned(),
        Mark::Case(Outcome::Timeout) => "OUT OF TIME".to_owned(),
        Mark::Case(Outcome::Inconclusive) => "INCONCLUSIVE".to_owned(),
    }
}

/// What the case itself says about it, on either side.
fn reasons(old: &Cell, new: &Cell) -> Vec<String> {
    let mut reasons = Vec::new();
    for cell in [old, new] {
        let reason = match (&cell.because, &cell.reason, cell.outcome) {
            (Some(because), _, _) => Some(because.clone()),
            (None, Some(reason), Outcome::Skip | Outcome::Xfail) => Some(reason.clone()),
            _ => None,
        };
        // What went wrong is explained by nothing that the other side says.
        let reason = reason.filter(|_| old.mark.is_good() && new.mark.is_good());
        reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
    }
    reasons
}

/// What was measured on both sides and differs, in brackets.
fn measured(old: &Cell, new: &Cell) -> String {
    let mut all = Vec::new();
    for (name, after) in &new.values {
        if let Some(before) = old.values.get(name).filter(|before| *before != after) {
            all.extend(difference(name, before, after));
        }
    }
    all.truncate(VALUES);
    if all.is_empty() { String::new() } else { format!(" ({})", all.join("; ")) }
}

/// A measure that differs; of a record, or a list of records, each field that differs, unless it is a list itself.
fn difference(name: &str, before: &Json, after: &Json) -> Vec<String> {
    if let (Some(old), Some(new)) = (records(before), records(after)) {
        let fields = new.first().or(old.first()).into_iter().flat_map(|record| record.keys());
        let column = |records: &[&serde_json::Map<String, Json>], field: &str| {
            Json::Array(records.iter().map(|record| record.get(field).cloned().unwrap_or(Json::Null)).collect())
        };
        let scalar =
            |list: &Json| list.as_array().is_some_and(|list| !list.iter().any(|v| v.is_array() || v.is_object()));
        return fields
            .map(|field| (format!("{name}.{field}"), column(&old, field), column(&new, field)))
            .filter(|(_, old, new)| old != new && scalar(old) && scalar(new))
            .map(|(name, old, new)| format!("{name}: {}, then {}", short(&old), short(&new)))
            .collect();
    }
    vec![format!("{name}: {}, then {}", short(before), short(after))]
}

/// A record, or a list that has nothing but records.
fn records(value: &Json) -> Option<Vec<&serde_json::Map<String, Json>>> {
    match value {
        Json::Object(record) => Some(vec![record]),
        value => value.as_array()?.iter().map(Json::as_object).collect(),
    }
}

fn short(value: &Json) -> String {
    match value {
        Json::Array(list) => {
            let entries: Vec<_> = list.iter().map(short).collect();
            let text = if entries.is_empty() { "none".to_owned() } else { entries.join(", ") };
            if text.chars().count() > WIDE { format!("{} entries", list.len()) } else { text }
        }
        Json::Object(fields) => format!("{} fields", fields.len()),
        Json::String(text) if text.is_empty() => "nothing".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Something that is not the same on two kernels: what it is, and what the kernel is called, before and after.
pub(crate) fn unlike(what: &str, (before, old): (&str, &str), (after, new): (&str, &str)) -> String {
    format!("{what}: {before} in {old}, {after} in {new}")
}

/// Functions and members that the case names, and probes, where the two kernels differ.
fn differs(old: &Joined, new: &Joined, case: &str) -> Vec<String> {
    let (Some(before), Some(after)) = (&old.results, &new.results) else { return Vec::new() };
    let say =
        |what: &str, before: &str, after: &str| unlike(what, (before, &old.column.name), (after, &new.column.name));
    let mut all = Vec::new();
    if let (Some(before), Some(after)) = (before.exhibits.get(case), after.exhibits.get(case)) {
        let (before, after) = (&before.landmarks, &after.landmarks);
        for (name, now) in &after.functions {
            if let Some(then) = before.functions.get(name).filter(|then| *then != now) {
                all.push(say(name, &then.to_string(), &now.to_string()));
            }
        }
        for name in before.members.keys().chain(after.members.keys().filter(|name| !before.members.contains_key(*name)))
        {
            let (then, now) = (before.member(name), after.member(name));
            if then.is_some() && now.is_some() && then != now {
                all.push(say(name, then.unwrap_or_default(), now.unwrap_or_default()));
            }
        }
    }
    // A probe that is not attached may be why a case is skipped; how it is attached says nothing of how one comes out.
    let skipped = |kernel: &Joined| outcome(kernel, case) == Some(Outcome::Skip);
    for now in &after.probes {
        let Some(then) = before.probes.iter().find(|then| then.probe == now.probe) else { continue };
        let lacking = |kernel: &Joined, won: &Option<String>| skipped(kernel) && won.is_none();
        if then.won != now.won && (lacking(old, &then.won) || lacking(new, &now.won)) {
            let word = |won: &Option<String>| won.clone().unwrap_or_else(|| "nothing".to_owned());
            all.push(say(&format!("probe {}", probe_name(now.probe)), &word(&then.won), &word(&now.won)));
        }
    }
    all
}

fn outcome(kernel: &Joined, case: &str) -> Option<Outcome> {
    let verdicts = &kernel.results.as_ref()?.verdicts;
    verdicts.iter().find(|verdict| verdict.case == case).map(|verdict| verdict.outcome)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_records_are_compared_field_by_field() {
        let before =
            json!([{"by": "__put_user_nocheck_4", "stack": ["a"]}, {"by": "__put_user_nocheck_8", "stack": []}]);
        let after = json!([{"by": "ep_send_events", "stack": ["a"]}, {"by": "ep_send_events", "stack": []}]);
        assert_eq!(
            difference("stored", &before, &after),
            ["stored.by: __put_user_nocheck_4, __put_user_nocheck_8, then ep_send_events, ep_send_events"]
        );
        let came = |served: u64| json!({"wanted": 270, "served": served, "answers": [served]});
        assert_eq!(difference("came", &came(270), &came(269)), ["came.served: 270, then 269"]);
        assert_eq!(difference("calls", &json!(2), &json!(0)), ["calls: 2, then 0"]);
        assert_eq!(difference("list", &json!([]), &json!([1, 2])), ["list: none, then 1, 2"]);
    }
}
