//! `wakeproof doctor`: what this kernel allows, and what each absence costs.
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args as ClapArgs, ValueEnum};
use indexmap::IndexMap;

use super::test::{Color, Evidence, Real, Runner};
use super::{Exit, SuiteArgs, terminal};
use crate::case::{Grade, Probe};
use crate::kernel;
use crate::load::{LoadedCase, Suite};
use crate::object::object;
use crate::plan::{Capabilities, decide};
use crate::record::{Cancel, Deadlines, Unobserved};
use crate::recording::{Loser, ProbeReport};
use crate::render::doctor::{Doctor, Missing, Privileges, ProbeHealth, Suite as Runnable, text};

/// Arguments of `wakeproof doctor`.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(after_long_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    suite: SuiteArgs,
    /// For people, or for programs.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Write the report to this file instead.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Colours; `auto` heeds `NO_COLOR` and is off when piped.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

const AFTER: &str = concat!(
    "Examples:\n",
    "  wakeproof doctor                             what this kernel allows\n",
    "  sudo wakeproof doctor                        what it allows root\n",
    "  wakeproof doctor --format json | jq .grade   the evidence grade, for a program\n",
    "\n",
    "Exit status: 0, whatever is missing; 2 if a case file is wrong.\n",
);

/// Writes the report.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    terminal::colors(args.color);
    let suite = args.suite.load()?;
    let (real, unobserved) = Real::new(Evidence::Auto, Deadlines::default(), Cancel::default());
    let doctor = examine(&suite, &real.setting().have, unobserved.as_ref());
    let report = match args.format {
        Format::Text => text(&doctor, terminal::look()),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&doctor)?),
    };
    if let Some(file) = &args.output {
        let plain = anstream::adapter::strip_str(&report).to_string();
        fs::write(file, plain).with_context(|| format!("failed to write {}", file.display()))?;
        return Ok(Exit::Good);
    }
    let mut out = anstream::stdout();
    out.write_all(report.as_bytes())?;
    out.flush()?;
    Ok(Exit::Good)
}

/// Everything that can be said about this machine without running a case.
fn examine(suite: &Suite, have: &Capabilities, unobserved: Option<&Unobserved>) -> Doctor {
    let mut doctor = Doctor {
        grade: have.grade,
        kernel: kernel::identity(),
        privileges: privileges(&fs::read_to_string("/proc/self/status").unwrap_or_default()),
        btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
        kprobes: Path::new("/sys/bus/event_source/devices/kprobe").exists(),
        lockdown: fs::read_to_string("/sys/kernel/security/lockdown").ok().and_then(|text| chosen(&text)),
        object: object().is_some(),
        probes: health(suite, have),
        suite: runnable(suite, have),
        missing: Vec::new(),
    };
    doctor.missing = missing(&doctor, unobserved);
    doctor
}

/// The capabilities that matter, by their bit in `/proc/self/status` (include/uapi/linux/capability.h).
const CAPABILITIES: [(u32, &str); 6] = [
    (39, "CAP_BPF"),
    (38, "CAP_PERFMON"),
    (12, "CAP_NET_ADMIN"),
    (21, "CAP_SYS_ADMIN"),
    (19, "CAP_SYS_PTRACE"),
    (24, "CAP_SYS_RESOURCE"),
];

fn privileges(status: &str) -> Privileges {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or_default();
    let (held, lacking): (Vec<_>, Vec<_>) = CAPABILITIES.iter().partition(|(bit, _)| effective & (1 << bit) != 0);
    let names = |list: Vec<&(u32, &str)>| list.into_iter().map(|(_, name)| (*name).to_owned()).collect();
    Privileges { uid: nix::unistd::geteuid().as_raw(), held: names(held), lacking: names(lacking) }
}

/// The word in brackets of `none [integrity] confidentiality`.
fn chosen(lockdown: &str) -> Option<String> {
    Some(lockdown.split_once('[')?.1.split_once(']')?.0.to_owned())
}

/// The probes, each with the cases that can show less without it: found out by asking again as if it were not there.
fn health(suite: &Suite, have: &Capabilities) -> Vec<ProbeHealth> {
    // Where an essential probe is missing the grade is surface, and that hides what else hangs on the probe.
    let have = &Capabilities {
        grade: have.grade.max(if have.probes.is_empty() { Grade::Surface } else { Grade::Trace }),
        blind: None,
        ..have.clone()
    };
    let shown = |case: &LoadedCase, have: &Capabilities| {
        let decision = decide(case, have);
        let names = |reasons: BTreeMap<String, String>| reasons.into_keys().collect::<Vec<_>>();
        (decision.skip.is_some(), names(decision.undecided), names(decision.measures))
    };
    let cases: Vec<_> = suite.cases.iter().map(|case| (case, shown(case, have))).collect();
    let touched = |report: &ProbeReport| {
        let other = flipped(have, report);
        cases.iter().filter(|(case, here)| *here != shown(case, &other)).map(|(case, _)| case.id.clone()).collect()
    };
    have.probes.iter().map(|report| ProbeHealth { report: report.clone(), cases: touched(report) }).collect()
}

/// The same with this probe lost if it is attached, and attached if it is lost.
fn flipped(have: &Capabilities, report: &ProbeReport) -> Capabilities {
    let other = |probe: &ProbeReport| match (probe.probe == report.probe, probe.won.is_some()) {
        (false, _) => probe.clone(),
        (true, true) => ProbeReport { won: None, grade: None, ..probe.clone() },
        (true, false) => ProbeReport { won: Some(String::new()), grade: Some(Grade::Function), ..probe.clone() },
    };
    Capabilities { probes: have.probes.iter().map(other).collect(), ..have.clone() }
}

fn runnable(suite: &Suite, have: &Capabilities) -> Runnable {
    let mut runnable = Runnable { cases: suite.cases.len(), ..Runnable::default() };
    for grade in [Grade::Surface, Grade::Trace, Grade::Function] {
        let needing = suite.cases.iter().filter(|case| case.case().grade == grade).count();
        if needing > 0 {
            runnable.needs.insert(grade, needing);
        }
    }
    for case in &suite.cases {
        match decide(case, have).skip {
            None => *runnable.at_grade.entry(have.grade).or_default() += 1,
            Some(reason) => *runnable.skipped.entry(reason).or_default() += 1,
        }
    }
    runnable
}

/// What is missing, the most far-reaching first: without the first, the others cannot be told.
fn missing(doctor: &Doctor, unobserved: Option<&Unobserved>) -> Vec<Missing> {
    let skipped: usize = doctor.suite.skipped.values().sum();
    let cost = format!("evidence is {}, and {skipped} of {} cases do not run", doctor.grade, doctor.suite.cases);
    let mut missing = Vec::new();
    let mut put = |what: &str, why: String, remedy: &str| {
        missing.push(Missing { what: what.to_owned(), why, cost: cost.clone(), remedy: remedy.to_owned() });
    };
    if !doctor.object {
        let why = "this binary was built by cargo alone, without the eBPF object".to_owned();
        put("the eBPF program", why, "build with `cargo xtask build`, or run the suite with `cargo xtask test`");
    }
    if doctor.privileges.uid != 0 {
        let why = format!("user {}: the kernel loads tracing programs for root only", doctor.privileges.uid);
        put("privileges", why, "run as root: sudo wakeproof doctor, sudo wakeproof test");
    }
    if !doctor.btf {
        let why = "/sys/kernel/btf/vmlinux is not there: the kernel was built without CONFIG_DEBUG_INFO_BTF".to_owned();
        put("BTF", why, "use a kernel with CONFIG_DEBUG_INFO_BTF=y, or a guest: cargo xtask test --kernel guest");
    }
    if let Some(why) =
        unobserved.filter(|why| !matches!(why, Unobserved::NoObject | Unobserved::NotRoot(_)) && doctor.btf)
    {
        put("every probe", why.to_string(), why.remedy());
    }
    if !missing.is_empty() {
        return missing;
    }
    missing.extend(doctor.probes.iter().filter(|probe| probe.report.won.is_none()).map(|probe| lost(probe, doctor)));
    let weak: Vec<_> = doctor
        .probes
        .iter()
        .filter(|probe| FUNCTIONS.contains(&probe.report.probe) && probe.report.grade == Some(Grade::Trace))
        .collect();
    if !weak.is_empty() {
        missing.push(Missing {
            what: format!(
                "function probes for {}",
                weak.iter().map(|probe| name(probe.report.probe)).collect::<Vec<_>>().join(", ")
            ),
            why: reasons(weak.iter().flat_map(|probe| &probe.report.lost)),
            cost: "these are watched by other means: evidence of grade trace, where function is the strongest"
                .to_owned(),
            remedy: ELSEWHERE.to_owned(),
        });
    }
    missing
}

/// The kernel functions that every report names.
const FUNCTIONS: [Probe; 3] = [Probe::TcpV4Rcv, Probe::EpPollCallback, Probe::EpollWaitReturn];

const ELSEWHERE: &str = "use a kernel that is not locked down, with CONFIG_FUNCTION_TRACER and CONFIG_KPROBES; or a guest: cargo xtask test --kernel guest";

/// A probe that could not be attached in any way.
fn lost(probe: &ProbeHealth, doctor: &Doctor) -> Missing {
    let cost = match probe.cases.as_slice() {
        [] => "no case of this suite rests on it".to_owned(),
        cases => format!(
            "{} of {} cases run without it in part, or not at all: {}",
            cases.len(),
            doctor.suite.cases,
            cases.join(", ")
        ),
    };
    Missing { what: name(probe.report.probe), why: reasons(&probe.report.lost), cost, remedy: ELSEWHERE.to_owned() }
}

/// The kernel's reasons, each once, with the candidates that it gave them for.
fn reasons<'a>(losers: impl IntoIterator<Item = &'a Loser>) -> String {
    let mut by_reason: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for loser in losers {
        by_reason.entry(&loser.reason).or_default().push(&loser.candidate);
    }
    let all: Vec<_> =
        by_reason.into_iter().map(|(reason, candidates)| format!("{}: {reason}", candidates.join(", "))).collect();
    if all.is_empty() { "nothing was tried".to_owned() } else { all.join("; ") }
}

fn name(probe: Probe) -> String {
    serde_json::to_value(probe).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_off_their_bits() {
        let privileges = privileges("Name:\tx\nCapEff:\t000000c000001000\n");
        assert_eq!(privileges.held, ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"]);
        assert_eq!(privileges.lacking, ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_RESOURCE"]);
    }

    #[test]
    fn the_lockdown_is_the_word_in_brackets() {
        assert_eq!(chosen("none [integrity] confidentiality\n").as_deref(), Some("integrity"));
        assert_eq!(chosen(""), None);
    }
}
