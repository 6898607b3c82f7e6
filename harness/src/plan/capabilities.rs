//! What the running kernel allows to be seen.
use crate::case::{Grade, Probe};
use crate::recording::ProbeReport;

/// What can be seen here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The strongest evidence that can be had.
    pub grade: Grade,
    /// How each probe was attached.
    pub probes: Vec<ProbeReport>,
    /// Why nothing but results of system calls is seen, and what to do about it; none if more is seen.
    pub blind: Option<String>,
    /// Why no pair of virtual Ethernet devices can be made here; none if one can.
    pub no_wire: Option<String>,
}

impl Capabilities {
    /// Nothing but the results of system calls, for this reason.
    pub fn surface(why: impl Into<String>) -> Self {
        Self { grade: Grade::Surface, probes: Vec::new(), blind: Some(why.into()), no_wire: None }
    }

    /// Whether events are seen at all.
    pub fn observes(&self) -> bool {
        self.grade > Grade::Surface
    }

    /// Why nothing is observed, and what to do about it.
    pub(super) fn why_blind(&self) -> &str {
        self.blind.as_deref().unwrap_or("run as root, or with CAP_BPF and CAP_PERFMON, on a kernel with BTF")
    }

    /// What became of a probe.
    pub fn report(&self, probe: Probe) -> Option<&ProbeReport> {
        self.probes.iter().find(|report| report.probe == probe)
    }

    /// The grade of evidence that a probe gives; none if it could not be attached.
    pub fn gives(&self, probe: Probe) -> Option<Grade> {
        let report = self.report(probe).filter(|report| report.won.is_some())?;
        Some(report.grade.unwrap_or(Grade::Trace).min(self.grade)).filter(|grade| *grade > Grade::Surface)
    }

    /// Whether a probe could be attached in any way.
    pub fn has(&self, probe: Probe) -> bool {
        self.gives(probe).is_some()
    }

    /// Whether the kernel function itself is probed.
    pub fn probes_function(&self, probe: Probe) -> bool {
        self.gives(probe) == Some(Grade::Function)
    }

    /// Why a probe could not be attached, in the kernel's words.
    pub(super) fn reason(&self, probe: Probe) -> String {
        let lost = self.report(probe).map_or(&[][..], |report| &report.lost);
        match lost.first() {
            Some(loser) => format!(" ({}: {})", loser.candidate, loser.reason),
            None => String::new(),
        }
    }
}
