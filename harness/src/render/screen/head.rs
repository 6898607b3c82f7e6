//! The top of the screen: which kernel, and how it was watched.
use super::super::Results;
use super::super::paint::{BAD, BOLD, DIM, DOUBT, NAME, paint};
use super::super::text::hang;
use super::Look;
use super::table::probe_name;
use crate::case::Probe;
use crate::recording::ProbeReport;

/// The probes that have more than one way to be watched, and whose way says most about the evidence.
const HEADLINE: [Probe; 3] = [Probe::TcpV4Rcv, Probe::EpPollCallback, Probe::EpollWaitReturn];

pub(super) fn head(results: &Results, look: Look) -> String {
    let kernel = &results.kernel;
    let title = format!("Linux {} {}", kernel.release, kernel.machine);
    let grade = paint(NAME, results.grade);
    let dot = look.signs().dot();
    let mut out = format!("{} {dot} evidence {grade}\n", paint(BOLD, title));
    if let Some(why) = &results.blind {
        out.push_str(&hang(
            &format!("{} ", paint(DOUBT, "surface")),
            &format!("only results of system calls are seen: {why}"),
            look.columns(),
        ));
    }
    if let Some(defect) = results.defect {
        let text = format!(
            "the server {} of each case makes the mistake {defect}; that of its control does not",
            defect.model()
        );
        out.push_str(&hang(&format!("{}  ", paint(BAD, "defect")), &text, look.columns()));
    }
    if !results.probes.is_empty() {
        let headline: Vec<_> = HEADLINE.iter().filter_map(|probe| way(&results.probes, *probe)).collect();
        let won = results.probes.iter().filter(|probe| probe.won.is_some()).count();
        let all = results.probes.len();
        let count = if won == all {
            format!("all {all} attached")
        } else {
            format!("{won} of {all} attached (wakeproof doctor)")
        };
        let text = headline.into_iter().chain([count]).collect::<Vec<_>>().join("; ");
        out.push_str(&paint(DIM, hang("probes  ", &text, look.columns()).trim_end()));
        out.push('\n');
    }
    out
}

/// How a probe is watched: `tcp_v4_rcv by kernel stack of sk_data_ready`, or only `fentry tcp_v4_rcv`.
fn way(probes: &[ProbeReport], probe: Probe) -> Option<String> {
    let won = probes.iter().find(|report| report.probe == probe)?.won.as_deref()?;
    let name = probe_name(probe);
    Some(if won.contains(&name) { won.to_owned() } else { format!("{name} by {won}") })
}
