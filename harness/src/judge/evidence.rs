//! What can be seen of an event here, with which grade, and whether all of it was.
use super::Gap;
use crate::case::{EventName, Grade, Probe};
use crate::plan::derive::{kind, probe};
use crate::recording::{Account, Head};
use wakeproof_abi::Kind;

/// The grade with which this event is seen; `least` is what the measure asks for.
pub(super) fn grade(event: EventName, least: Option<Grade>, head: &Head) -> Result<Grade, Gap> {
    if head.grade == Grade::Surface {
        return Err(Gap::Missing(format!(
            "{} needs evidence of grade trace, and there are only results of calls here",
            word(event)
        )));
    }
    let report = head.probes.iter().find(|report| report.probe == probe(event));
    let won = report.filter(|report| report.won.is_some());
    let Some(won) =
        won.or_else(|| head.probes.iter().find(|other| stands_in(event, other.probe) && other.won.is_some()))
    else {
        let lost = report.map_or(&[][..], |report| &report.lost);
        let tried: Vec<String> = lost.iter().map(|loser| format!("{}: {}", loser.candidate, loser.reason)).collect();
        let tried = if tried.is_empty() { "no way was tried".to_owned() } else { tried.join("; ") };
        return Err(Gap::Missing(format!("{} cannot be seen on this kernel ({tried})", word(event))));
    };
    let grade = won.grade.unwrap_or(Grade::Trace);
    match least {
        Some(least) if least > grade => Err(Gap::Missing(format!(
            "{} needs evidence of grade {least}, and was seen with grade {grade} ({})",
            word(event),
            won.won.as_deref().unwrap_or_default()
        ))),
        _ => Ok(grade),
    }
}

fn stands_in(event: EventName, other: Probe) -> bool {
    event == EventName::TcpV4Rcv && other == Probe::Scheduler
}

/// Whether events of this kind, or of those that it is understood through, were lost in a run.
pub(super) fn lost(event: EventName, head: &Head, accounts: &[Account]) -> Option<Gap> {
    let derived = head.probes.iter().any(|report| report.probe == probe(event) && report.grade == Some(Grade::Trace));
    let inexact = |account: &&Account| account.fired != account.delivered + account.lost || account.lost > 0;
    let matters = |account: &&Account| concerns(&account.kind, event, derived);
    let account = accounts.iter().filter(inexact).find(matters)?;
    let Account { kind, fired, lost, delivered, .. } = account;
    Some(Gap::Lost(if *fired == delivered + lost {
        format!("{lost} of {fired} {kind} events were lost")
    } else {
        format!("of {fired} {kind} events {delivered} arrived and {lost} are known to be lost")
    }))
}

/// An unknown kind may be anything, so it concerns everything.
fn concerns(lost: &str, event: EventName, derived: bool) -> bool {
    const NAMES: [(&str, Kind); 28] = [
        ("fence", Kind::Fence),
        ("sys_enter", Kind::SysEnter),
        ("sys_exit", Kind::SysExit),
        ("tcp_v4_rcv", Kind::TcpV4Rcv),
        ("ep_poll_callback", Kind::EpPollCallback),
        ("sk_data_ready", Kind::SkDataReady),
        ("sched_waking", Kind::SchedWaking),
        ("sched_switch", Kind::SchedSwitch),
        ("sched_process_fork", Kind::Fork),
        ("sched_process_exit", Kind::Exit),
        ("page_fault_kernel", Kind::PageFaultKernel),
        ("watch", Kind::Watch),
        ("inet_sock_set_state", Kind::InetSockSetState),
        ("netif_rx", Kind::NetifRx),
        ("netif_receive_skb", Kind::NetifReceiveSkb),
        ("tcp_probe", Kind::TcpProbe),
        ("skb_copy_datagram_iovec", Kind::SkbCopyDatagramIovec),
        ("softirq_raise", Kind::SoftirqRaise),
        ("softirq_entry", Kind::SoftirqEntry),
        ("softirq_exit", Kind::SoftirqExit),
        ("sched_wakeup", Kind::SchedWakeup),
        ("irq_handler_entry", Kind::IrqHandlerEntry),
        ("local_timer_entry", Kind::LocalTimerEntry),
        ("tlb_flush", Kind::TlbFlush),
        ("ip_queue_xmit", Kind::IpQueueXmit),
        ("net_dev_queue", Kind::NetDevQueue),
        ("net_dev_start_xmit", Kind::NetDevStartXmit),
        ("ip_rcv", Kind::IpRcv),
    ];
    let Some((_, lost)) = NAMES.iter().find(|(name, _)| *name == lost) else { return true };
    // Accepts, registrations and forks tell which descriptor and which report is about which connection.
    let understood_through = matches!(lost, Kind::SysExit | Kind::Fork) && event.calls().is_some();
    let source = match event {
        EventName::TcpV4Rcv => matches!(lost, Kind::SkDataReady | Kind::SchedWaking),
        EventName::EpPollCallback => *lost == Kind::Watch,
        _ => false,
    };
    *lost == Kind::Fence || *lost == kind(event) || understood_through || (derived && source)
}

/// An event by its name in case files.
pub(super) fn word(event: EventName) -> String {
    serde_json::to_value(event).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
