//! The top of the screen: which kernel, and how it was watched.
use super::super::paint::{BOLD, DIM, NAME, paint};
use super::super::text::hang;
use super::super::{Results, text};
use super::Look;

pub(super) fn head(results: &Results, look: Look) -> String {
    let kernel = &results.kernel;
    let title = format!("Linux {} {}", kernel.release, kernel.machine);
    let grade = paint(NAME, results.grade);
    let dot = look.signs().dot();
    let mut out = format!("{} {dot} evidence {grade}\n", paint(BOLD, title));
    let won: Vec<_> = results.probes.iter().filter_map(|probe| probe.won.as_deref()).collect();
    if !results.probes.is_empty() {
        let lost = results.probes.len() - won.len();
        let mut probes = won.join(", ");
        if lost > 0 {
            let more = format!("{} not to be had (wakeproof doctor)", text::counted(lost, "probe"));
            probes = if won.is_empty() { more } else { format!("{probes}; {more}") };
        }
        out.push_str(&paint(DIM, hang("probes  ", &probes, look.columns()).trim_end()));
        out.push('\n');
    }
    out
}
