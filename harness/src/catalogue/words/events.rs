//! Events, and which of them, in words.
use super::{code, either};
use crate::case::{EventName, Filter, Side};
use std::fmt::Write as _;

/// The event as the kernel calls it.
pub(super) fn name(event: EventName) -> String {
    let name = serde_json::to_value(event).unwrap_or_default();
    code(name.as_str().unwrap_or_default().trim_start_matches("sys_enter_"))
}

/// What happens: `epoll_wait returned`.
pub(super) fn happening(event: EventName) -> String {
    if let Some((side, _)) = event.calls() {
        return format!("{} {}", name(event), if side == Side::Enter { "was called" } else { "returned" });
    }
    match event {
        EventName::TcpV4Rcv => "a segment reached `tcp_v4_rcv`".to_owned(),
        EventName::Fork => "a process or thread was created".to_owned(),
        EventName::Exit => "a task ended".to_owned(),
        EventName::SchedWaking => "a task was woken".to_owned(),
        EventName::SchedWakeup => "a woken task was put on a run queue".to_owned(),
        EventName::SchedSwitch => "a task left or entered the processor".to_owned(),
        EventName::NetifRx => "a device gave a packet to the kernel".to_owned(),
        EventName::NetifReceiveSkb => "a packet was given to the protocols".to_owned(),
        EventName::TcpProbe => "a segment was found to be an established socket's".to_owned(),
        EventName::SkbCopyDatagramIovec => "bytes of a packet were copied to user memory".to_owned(),
        EventName::IpQueueXmit => "TCP handed a segment to IP".to_owned(),
        EventName::NetDevQueue => "a packet was put into the queue of a device".to_owned(),
        EventName::NetDevStartXmit => "a packet was handed to a device's driver".to_owned(),
        EventName::IpRcv => "IP got a packet".to_owned(),
        EventName::SoftirqRaise => "a soft interrupt was asked for".to_owned(),
        EventName::SoftirqEntry => "the handler of a soft interrupt began".to_owned(),
        EventName::SoftirqExit => "the handler of a soft interrupt ended".to_owned(),
        EventName::IrqHandlerEntry => "the handler of a device's interrupt began".to_owned(),
        EventName::LocalTimerEntry => "the handler of the timer interrupt began".to_owned(),
        EventName::TlbFlush => "address translations were flushed or changed".to_owned(),
        EventName::PageFaultKernel => "the kernel faulted on a user address".to_owned(),
        EventName::Watch => "a watched word was written".to_owned(),
        EventName::InetSockSetState => "a TCP socket changed its state".to_owned(),
        other => format!("{} was called", name(other)),
    }
}

/// Which events: ` for conn, by the server, after the mark later`.
pub(super) fn filter(only: &Filter) -> String {
    let mut out = String::new();
    if let Some(on) = &only.on {
        _ = write!(out, " for {on}");
    }
    if let Some(reports) = &only.reports {
        _ = write!(out, ", reporting {reports}");
    }
    if let Some(by) = &only.by {
        _ = write!(out, ", {}", doer(by));
    }
    if let Some(wakes) = &only.wakes {
        _ = write!(out, ", waking {wakes}");
    }
    if !only.through.is_empty() {
        _ = write!(out, ", with {} on the kernel stack", through(&only.through));
    }
    if let Some(condition) = &only.condition {
        _ = write!(out, ", where {}", code(condition));
    }
    out + &window(only.from.as_deref(), only.until.as_deref())
}

/// `by the server`, `by a client`, `by waiter`.
pub(super) fn doer(by: &str) -> String {
    match by {
        "server" => "by the server".to_owned(),
        "client" => "by a client".to_owned(),
        actor => format!("by {actor}"),
    }
}

/// Kernel functions, the innermost first.
pub(super) fn through(functions: &[String]) -> String {
    let functions: Vec<_> = functions.iter().map(code).collect();
    functions.join(" called from ")
}

/// `, between the marks asked and told`.
pub(super) fn window(from: Option<&str>, until: Option<&str>) -> String {
    match (from, until) {
        (Some(from), Some(until)) => format!(", between the marks “{from}” and “{until}”"),
        (Some(from), None) => format!(", after the mark “{from}”"),
        (None, Some(until)) => format!(", before the mark “{until}”"),
        (None, None) => String::new(),
    }
}

/// Alternatives, of which the first that can be had is taken.
pub(super) fn first_of(functions: &[String]) -> String {
    let functions: Vec<_> = functions.iter().map(code).collect();
    match functions.as_slice() {
        [one] => one.clone(),
        more => format!("{}, the first of them that can be counted here", either(more, "or")),
    }
}
