//! What each measure stands for.
use super::events::{doer, filter, first_of, happening, name, through, window};
use super::{code, either};
use crate::case::{Calls, Chain, Count, Faults, Fit, List, Measure, OneOrMore, Packets, Writes};
use std::fmt::Write as _;

/// The measure in words.
pub(in super::super) fn measure(measure: &Measure) -> String {
    match measure {
        Measure::Count(count) => counted(count),
        Measure::List(list) => listed(list),
        Measure::Chain(chain) => chained(chain),
        Measure::Calls(calls) => called(calls),
        Measure::Packets(packets) => passed(packets),
        Measure::Faults(faults) => faulted(faults),
        Measure::Writes(writes) => written(writes),
        Measure::Fit(fit) => fitted(fit),
    }
}

fn counted(count: &Count) -> String {
    format!("how many times {}{}", happening(count.of), filter(&count.only))
}

fn listed(list: &List) -> String {
    let what = match list.take.as_str() {
        "ret" => "what it returned".to_owned(),
        "tid" => "the thread".to_owned(),
        "pid" => "the process".to_owned(),
        "ns" => "the time".to_owned(),
        "len" => "the length".to_owned(),
        field => format!("the field {}", code(field)),
    };
    format!("a list: {what}, each time {}{}", happening(list.of), filter(&list.only))
}

fn chained(chain: &Chain) -> String {
    let of: Vec<_> = chain.of.iter().map(|link| name(link.of()) + &filter(&link.only())).collect();
    format!(
        "a list: every way of events for {} in this order: {}{}",
        chain.on,
        of.join(", then "),
        window(chain.from.as_deref(), chain.until.as_deref())
    )
}

fn called(calls: &Calls) -> String {
    let functions = match &calls.of {
        OneOrMore::One(function) => code(function),
        OneOrMore::More(functions) => first_of(functions),
    };
    let mut out = format!("how often the kernel ran {functions}");
    match calls.by.as_deref() {
        Some("inside") => out += ", for whatever is in the experiment's network namespace",
        Some("server") => out += ", while the server's tasks were running",
        Some("client") => out += ", while the clients were running",
        Some(other) => _ = write!(out, ", {}", doer(other)),
        None => {}
    }
    if let Some(on) = &calls.on {
        _ = write!(out, ", for {on}");
    }
    out + &window(calls.from.as_deref(), calls.until.as_deref())
}

fn passed(packets: &Packets) -> String {
    let at: Vec<_> = packets.at.iter().map(|event| name(*event)).collect();
    format!(
        "a list: the packets to {}, each time one is seen at {}, with its `sk_buff`, its buffer, and where its data begins{}",
        packets.to,
        either(&at, "or"),
        window(packets.from.as_deref(), packets.until.as_deref())
    )
}

fn faulted(faults: &Faults) -> String {
    let window = window(faults.from.as_deref(), faults.until.as_deref());
    format!(
        "a list: each page fault of the kernel inside {}, with its offset, whether it wrote, and in which function{window}",
        faults.inside
    )
}

fn written(writes: &Writes) -> String {
    let mut out = format!("a list: each write to {}, with the kernel function that wrote", writes.to);
    if !writes.through.is_empty() {
        _ = write!(out, ", with {} on the kernel stack", through(&writes.through));
    }
    out + &window(writes.from.as_deref(), writes.until.as_deref())
}

fn fitted(fit: &Fit) -> String {
    let kinds: Vec<_> = ["constant", "logarithmic", "linear", "quadratic", "exponential"].map(str::to_owned).into();
    format!("how {} grows with {}: {}", code(&fit.of), code(&fit.over), either(&kinds, "or"))
}
