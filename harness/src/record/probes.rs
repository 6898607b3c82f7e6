//! The probes: loaded and attached once for a process, each by the first candidate that the kernel really takes.
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd};

use aya::maps::{MapData, RingBuf};
use aya::programs::{Iter, PerfEvent, ProgramError};
use aya::{Btf, Ebpf};
use aya_log::EbpfLogger;
use thiserror::Error;
use wakeproof_abi::{TaskItem, WalkItem};

use super::attach::Asked;
use super::candidates::{ESSENTIAL, FUNCTION, PROBES};
use super::counter::Counters;
use super::later::Later;
use super::loaded::{self, Loaded, Purpose, RING_BYTES};
use super::misses::Misses;
use super::reason::reason;
use crate::case::{EventName, Grade, Probe};
use crate::kernel::{self, BtfError, Symbols};
use crate::plan::Capabilities;
use crate::recording::{Loser, ProbeReport};

/// Why there are no probes at all. Cases of grade `surface` run all the same.
#[derive(Debug, Error)]
pub enum Unobserved {
    /// The binary carries no eBPF object.
    #[error("this binary was built by cargo alone, without its eBPF object")]
    NoObject,
    /// Not root.
    #[error("watching the kernel needs root (CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN), and this is user {0}")]
    NotRoot(u32),
    /// No type information, or a member is missing.
    #[error(transparent)]
    Btf(#[from] BtfError),
    /// aya could not load the object.
    #[error("failed to load the eBPF object: {0}")]
    Load(String),
    /// The self-check read something else than it had put there.
    #[error("the self-check of kernel memory failed: {0}")]
    SelfCheck(String),
}

impl Unobserved {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoObject => "build it with `cargo xtask build`, or run the suite with `cargo xtask test`",
            Self::NotRoot(_) => "run as root: sudo wakeproof test",
            Self::Btf(_) => "use a kernel with CONFIG_DEBUG_INFO_BTF=y, or a guest: cargo xtask test --kernel guest",
            Self::Load(_) | Self::SelfCheck(_) => {
                "look at `wakeproof doctor -vv`, or use a guest: cargo xtask test --kernel guest"
            }
        }
    }
}

/// Loaded and attached probes.
pub struct Probes {
    pub(super) ebpf: Ebpf,
    /// What programs can be attached to.
    pub(super) targets: Option<Btf>,
    pub(super) types: Later<kernel::Btf>,
    pub(super) symbols: Later<Symbols>,
    pub(super) ring: RingBuf<MapData>,
    /// `file->f_op` of epoll descriptors.
    pub(super) epoll_ops: u64,
    reports: Vec<ProbeReport>,
    /// Programs of system calls have understudies.
    pub(super) understudied: bool,
    /// Why no pair of virtual Ethernet devices can be made, if so.
    wire: Later<Option<String>>,
    /// Counters of functions, as the last run wanted them.
    pub(super) counters: Counters,
    /// How often programs had been passed over when the run was armed.
    pub(super) missed: Misses,
    /// And when it was disarmed.
    pub(super) passed: Misses,
    /// Diagnostics of the program itself; none unless the user's log level asks for them.
    logger: Option<EbpfLogger<&'static dyn log::Log>>,
}

/// What the program's own diagnostics are logged under.
const LOG_TARGET: &str = "wakeproof_probes";

impl Probes {
    /// Loads the object and attaches all that can be attached.
    pub fn attach() -> Result<Self, Unobserved> {
        Self::attach_with_ring(RING_BYTES)
    }

    /// As [`Probes::attach`], with a ring of another size: a power of two, and a multiple of the page.
    pub fn attach_with_ring(bytes: u32) -> Result<Self, Unobserved> {
        Self::new(Purpose::Cases, bytes, &Asked::All)
    }

    /// Attaches only what these events need, beside what all do.
    pub(super) fn attach_for(events: &[EventName]) -> Result<Self, Unobserved> {
        let mut probes = Self::new(Purpose::Events, RING_BYTES, &Asked::these(events))?;
        // Nothing will be attached any more.
        probes.targets = None;
        probes.types = Later::new(types);
        loaded::trim();
        Ok(probes)
    }

    fn new(purpose: Purpose, ring: u32, asked: &Asked) -> Result<Self, Unobserved> {
        let object = loaded::permitted()?;
        let (symbols, wire) = (Later::new(Symbols::running), Later::new(crate::cell::Wire::refusal));
        if purpose == Purpose::Cases {
            // They will be asked for: read and tried while the rest goes on.
            symbols.begin();
            wire.begin();
        }
        let logs = tracing::enabled!(target: LOG_TARGET, tracing::Level::DEBUG);
        let Loaded { mut ebpf, targets, types, ring, understudied, .. } = Loaded::load(object, purpose, ring, logs)?;
        let logger = logs.then(|| EbpfLogger::init(&mut ebpf).ok()).flatten();
        let mut probes = Self {
            ebpf,
            targets: Some(targets),
            types: Later::made(types),
            symbols,
            ring,
            epoll_ops: 0,
            reports: Vec::new(),
            understudied,
            wire,
            counters: Counters::default(),
            missed: Misses::new(),
            passed: Misses::new(),
            logger,
        };
        probes.verify(asked);
        for &(probe, candidates) in PROBES.iter().filter(|(probe, _)| asked.probe(*probe)) {
            let mut report = ProbeReport { probe, won: None, grade: None, lost: Vec::new() };
            for candidate in candidates {
                match probes.try_way(candidate.way, asked) {
                    Ok(()) => {
                        report.won = Some(candidate.label.into());
                        report.grade = Some(candidate.grade);
                        break;
                    }
                    Err(why) => report.lost.push(Loser { candidate: candidate.label.into(), reason: why }),
                }
            }
            probes.reports.push(report);
        }
        if probes.won(Probe::TaskFileIterator).is_some() {
            probes.epoll_ops = super::selfcheck::run(&mut probes).map_err(Unobserved::SelfCheck)?;
        }
        Ok(probes)
    }

    /// Hands on what the program itself has logged.
    pub(super) fn flush_logs(&mut self) {
        if let Some(logger) = &mut self.logger {
            logger.flush();
        }
    }

    /// What can be seen with them. Whether wires can be laid is for [`Probes::no_wire`] to say.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities { grade: self.grade(), probes: self.reports.clone(), blind: self.blind(), no_wire: None }
    }

    /// Why no pair of virtual Ethernet devices can be made, if so.
    pub(super) fn no_wire(&self) -> Option<String> {
        self.wire.get().clone()
    }

    /// How each probe was attached.
    pub fn reports(&self) -> &[ProbeReport] {
        &self.reports
    }

    /// The grade that a probe reached, if it was attached at all.
    pub fn won(&self, probe: Probe) -> Option<Grade> {
        self.reports.iter().find(|report| report.probe == probe).and_then(|report| report.grade)
    }

    /// Whether the probe is on the function itself, by name of the winner's first word.
    pub(super) fn won_by(&self, probe: Probe, way: &str) -> bool {
        let report = self.reports.iter().find(|report| report.probe == probe);
        report.and_then(|report| report.won.as_deref()).is_some_and(|won| won.starts_with(way))
    }

    /// The grade of evidence to be had here.
    pub fn grade(&self) -> Grade {
        if ESSENTIAL.iter().any(|&probe| self.won(probe).is_none()) {
            Grade::Surface
        } else if FUNCTION.iter().all(|&probe| self.won(probe) == Some(Grade::Function)) {
            Grade::Function
        } else {
            Grade::Trace
        }
    }

    /// Why they show nothing but results of system calls, if an essential one is missing.
    pub(super) fn blind(&self) -> Option<String> {
        let missing = ESSENTIAL.iter().find(|&&probe| self.won(probe).is_none())?;
        let report = self.reports.iter().find(|report| report.probe == *missing);
        let lost = report.and_then(|report| report.lost.first());
        let why = lost.map_or_else(String::new, |lost| format!(" ({}: {})", lost.candidate, lost.reason));
        Some(format!("the probe {missing:?} cannot be attached{why}; `wakeproof doctor` says what to do"))
    }

    /// The program of a watchpoint.
    pub(super) fn watch_program(&self, number: usize) -> Result<BorrowedFd<'_>, String> {
        let program = self.ebpf.program(&format!("watch_{number}")).ok_or("the object has no such watchpoint")?;
        let event: &PerfEvent = program.try_into().map_err(|error: ProgramError| reason(&error))?;
        Ok(event.fd().map_err(|error| reason(&error))?.as_fd())
    }

    /// All open descriptors of the experiment's processes.
    pub(super) fn walk(&mut self) -> Result<Vec<WalkItem>, String> {
        // SAFETY: any bit pattern is a value of this struct of integers.
        unsafe { self.iterate("walk_task_file") }
    }

    /// All tasks of the experiment's processes, also those that have ended and that nobody has collected.
    pub(super) fn walk_tasks(&mut self) -> Result<Vec<TaskItem>, String> {
        // SAFETY: as above.
        unsafe { self.iterate("walk_task") }
    }

    /// What an iterator writes.
    ///
    /// # Safety
    ///
    /// The program must write such items, of which any bit pattern is a value.
    unsafe fn iterate<T>(&mut self, program: &str) -> Result<Vec<T>, String> {
        let iterator: &mut Iter = self.program(program)?;
        let mut attach = || -> Result<File, Box<dyn std::error::Error>> {
            let link = iterator.attach()?;
            Ok(iterator.take_link(link)?.into_file()?)
        };
        let mut file = attach().map_err(|error| reason(error.as_ref()))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| reason(&error))?;
        Ok(bytes
            .chunks_exact(size_of::<T>())
            // SAFETY: the chunk is as long as the item, and what it holds is as the caller says.
            .map(|chunk| unsafe { chunk.as_ptr().cast::<T>().read_unaligned() })
            .collect())
    }

    pub(super) fn program<'a, P>(&'a mut self, name: &str) -> Result<&'a mut P, String>
    where
        &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
    {
        find(&mut self.ebpf, name)
    }
}

/// A program of the object, by name and type.
pub(super) fn find<'a, P>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut P, String>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
{
    ebpf.program_mut(name)
        .ok_or_else(|| format!("the object has no program {name}"))?
        .try_into()
        .map_err(|error| reason(&error))
}

/// The running kernel's; it could be read before.
fn types() -> kernel::Btf {
    kernel::Btf::running().unwrap_or_default()
}
