//! What this kernel allows, and what each absence costs.
use std::fmt::Write as _;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::paint::{BAD, BOLD, DIM, DOUBT, GOOD, NAME, paint};
use super::screen::Look;
use super::text::{columns, counted, hang, left};
use crate::case::Grade;
use crate::recording::{Kernel, Loser, ProbeReport};

/// The state of this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Doctor {
    /// The evidence grade that can be had.
    pub grade: Grade,
    /// Which kernel.
    pub kernel: Kernel,
    /// Who asks.
    pub privileges: Privileges,
    /// Whether the kernel describes its types (`/sys/kernel/btf/vmlinux`).
    pub btf: bool,
    /// Whether it can probe functions by breakpoints (the `kprobe` event source).
    pub kprobes: bool,
    /// How far the kernel is locked down: `none`, `integrity`, `confidentiality`, or none if it does not say.
    pub lockdown: Option<String>,
    /// Whether this binary carries the eBPF object.
    pub object: bool,
    /// Each probe.
    pub probes: Vec<ProbeHealth>,
    /// How much of the suite can run.
    pub suite: Suite,
    /// What is missing, with its cost and its remedy; the most far-reaching first.
    pub missing: Vec<Missing>,
}

/// The privileges of this process that matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Privileges {
    /// The effective user.
    pub uid: u32,
    /// Capabilities that it has.
    pub held: Vec<String>,
    /// Capabilities that it lacks.
    pub lacking: Vec<String>,
}

/// One probe, and what hangs on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeHealth {
    /// How it was attached.
    pub report: ProbeReport,
    /// Cases that name it, by id.
    pub cases: Vec<String>,
}

/// How much of the suite can run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suite {
    /// How many cases there are.
    pub cases: usize,
    /// How many need evidence of at least this grade to be decided at all.
    #[serde(default)]
    pub needs: IndexMap<Grade, usize>,
    /// How many run with evidence of this grade.
    pub at_grade: IndexMap<Grade, usize>,
    /// How many do not run here, by reason.
    pub skipped: IndexMap<String, usize>,
}

/// One absence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// What is not there.
    pub what: String,
    /// Why, in the kernel's words where it has some.
    pub why: String,
    /// What it costs.
    pub cost: String,
    /// What to do about it.
    pub remedy: String,
}

/// Doctor's report as text, with colours.
pub fn text(doctor: &Doctor, look: Look) -> String {
    let mut out = identity(doctor, look);
    _ = writeln!(out, "\n{}", paint(BOLD, "Probes"));
    if doctor.probes.is_empty() {
        out.push_str(&hang("  ", "none was tried: see below", look.columns()));
    }
    for probe in &doctor.probes {
        out.push_str(&one_probe(probe, look));
    }
    out.push_str(&suite(&doctor.suite, look));
    for (index, missing) in doctor.missing.iter().enumerate() {
        if index == 0 {
            _ = writeln!(out, "\n{}", paint(BOLD, "Missing"));
        }
        _ = writeln!(out, "  {}", paint(DOUBT, &missing.what));
        for (name, text) in [("why", &missing.why), ("cost", &missing.cost), ("do", &missing.remedy)] {
            out.push_str(&hang(&format!("    {}  ", paint(DIM, format!("{name:<4}"))), text, look.columns()));
        }
    }
    if doctor.missing.is_empty() {
        _ = writeln!(out, "\n{}", paint(GOOD, "Nothing is missing."));
    }
    out
}

fn identity(doctor: &Doctor, look: Look) -> String {
    let Doctor { kernel, privileges, .. } = doctor;
    let yes = |there: bool, yes: &str, no: &str| if there { paint(GOOD, yes) } else { paint(BAD, no) };
    let user = if privileges.uid == 0 { "root".to_owned() } else { format!("uid {}", privileges.uid) };
    let lacking = match privileges.lacking.as_slice() {
        [] => String::new(),
        lacking => paint(DOUBT, format!(" without {}", lacking.join(", "))),
    };
    let rows = [
        ("kernel", format!("Linux {} {} ({})", kernel.release, kernel.machine, kernel.version)),
        ("evidence", paint(NAME, doctor.grade)),
        ("user", format!("{user}{lacking}")),
        ("BTF", yes(doctor.btf, "/sys/kernel/btf/vmlinux", "absent")),
        ("lockdown", doctor.lockdown.clone().unwrap_or_else(|| "not told (is securityfs mounted?)".to_owned())),
        ("object", yes(doctor.object, "in this binary", "not in this binary")),
    ];
    rows.iter()
        .map(|(name, text)| {
            let first = format!("{}  ", paint(DIM, format!("{name:<8}")));
            // Colours would be torn apart by breaking the line; only plain texts are long.
            if columns(text) == text.chars().count() {
                hang(&first, text, look.columns())
            } else {
                format!("{first}{text}\n")
            }
        })
        .collect()
}

fn one_probe(probe: &ProbeHealth, look: Look) -> String {
    let name = super::screen::probe_name(probe.report.probe);
    let name = left(&paint(BOLD, name), 20);
    let cases = match probe.cases.len() {
        0 => String::new(),
        number => paint(DIM, format!("  {}", counted(number, "case"))),
    };
    let mut out = match (&probe.report.won, probe.report.grade) {
        (Some(won), grade) => {
            let grade = grade.map_or_else(String::new, |grade| format!(" ({grade})"));
            format!("  {} {name} {won}{}{cases}\n", paint(GOOD, look.signs().yes()), paint(DIM, grade))
        }
        (None, _) => format!("  {} {name} {}{cases}\n", paint(BAD, look.signs().no()), paint(BAD, "not to be had")),
    };
    for Loser { candidate, reason } in &probe.report.lost {
        out.push_str(&hang(&format!("{:25}", ""), &format!("not {candidate}: {reason}"), look.columns()));
    }
    out
}

fn suite(suite: &Suite, look: Look) -> String {
    let mut out = format!("\n{}\n", paint(BOLD, format!("Suite: {}", counted(suite.cases, "case"))));
    let needs: Vec<_> = suite.needs.iter().map(|(grade, number)| format!("{number} with {grade}")).collect();
    if !needs.is_empty() {
        let text = format!("can be decided, by the evidence that they need at least: {}", needs.join(", "));
        out.push_str(&hang("       ", &text, look.columns()));
    }
    for (grade, number) in &suite.at_grade {
        out.push_str(&hang(
            &format!("  {number:>3}  "),
            &format!("run with evidence of grade {grade}"),
            look.columns(),
        ));
    }
    for (reason, number) in &suite.skipped {
        out.push_str(&hang(&format!("  {number:>3}  "), &format!("do not run here: {reason}"), look.columns()));
    }
    out
}

/// A made-up machine.
#[cfg(test)]
pub(super) fn example() -> Doctor {
    let cases = vec!["epoll/edge-triggered-wakes-once-per-arrival".to_owned()];
    let why = "fentry, kprobe: EPERM (1): this kernel or its lockdown does not allow it".to_owned();
    let remedy = "use a guest: cargo xtask test --kernel guest".to_owned();
    Doctor {
        grade: Grade::Trace,
        kernel: super::testing::kernel(),
        privileges: Privileges {
            uid: 0,
            held: vec!["CAP_BPF".to_owned()],
            lacking: vec!["CAP_SYS_RESOURCE".to_owned()],
        },
        btf: true,
        kprobes: true,
        lockdown: Some("integrity".to_owned()),
        object: true,
        probes: super::testing::probes()
            .into_iter()
            .map(|report| ProbeHealth { report, cases: cases.clone() })
            .collect(),
        suite: Suite {
            cases: 3,
            needs: IndexMap::from([(Grade::Surface, 1), (Grade::Trace, 2)]),
            at_grade: IndexMap::from([(Grade::Trace, 2)]),
            skipped: IndexMap::from([("`function_counter` cannot be attached here".to_owned(), 1)]),
        },
        missing: vec![Missing { what: "function_counter".to_owned(), why, cost: "1 of 3 cases".to_owned(), remedy }],
    }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use super::*;

    #[test]
    fn each_absence_says_why_what_it_costs_and_what_to_do() {
        let look = Look { width: 90, utf8: true, skips: false };
        insta::assert_snapshot!(strip_str(&text(&example(), look)).to_string());
    }

    #[test]
    fn programs_find_the_grade_at_the_top() -> serde_json::Result<()> {
        let json = serde_json::to_value(example())?;
        assert_eq!(json["grade"], "trace");
        assert_eq!(json["missing"][0]["what"], "function_counter");
        Ok(())
    }
}
