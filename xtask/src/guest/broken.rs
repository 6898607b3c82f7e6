//! Tells a guest that did its work from one that broke, and says what happened on one screen.

use std::fmt::Write as _;

use wakeproof_init::{channel::Ending, qemu_status};

use super::{
    accelerator::Engine,
    console::{End, Phase},
    memory::{Received, SharedMemory},
};
use crate::{
    kernels::Kernel,
    process::{RED, paint},
    progress::seconds,
};

/// Lines of console shown.
const SHOWN: usize = 20;

/// What QEMU and kernels say, at boot and later, when a guest has too little memory.
const STARVED: [&str; 4] =
    ["initrd is too large", "Initramfs unpacking failed: write error", "deadlocked on memory", "Out of memory"];

/// What QEMU says of an ELF program that has no entry for it.
const NO_ENTRY: &str = "without PVH ELF Note";

/// What went wrong with a guest.
#[derive(Debug)]
pub struct Fault {
    what: String,
    next: &'static str,
}

/// A guest that broke: everything about it, on one screen.
#[derive(Debug)]
pub struct Broken {
    /// What happened, in a sentence.
    pub what: String,
    /// What to do about it.
    pub next: &'static str,
    /// The last lines of the console.
    pub console: Vec<String>,
    screen: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.screen)
    }
}

impl std::error::Error for Broken {}

/// What the guest sent, if everything about its end agrees.
pub fn judge(end: &End, memory: &SharedMemory) -> Result<Received, Fault> {
    if let Some((phase, limit)) = end.overdue {
        let limit = seconds(limit);
        return Err(match phase {
            Phase::Boot => Fault {
                what: format!("the guest did not boot within {limit}"),
                next: "with `--accel kvm`, try `--accel tcg`; on a busy machine give it longer with `--guest-boot SECONDS`",
            },
            Phase::Run => Fault {
                what: format!("the command did not end within {limit}, and the guest was stopped"),
                next: "run fewer cases, or give it longer with `--guest-deadline SECONDS`",
            },
        });
    }
    let panic = end.console.iter().find(|line| line.contains("Kernel panic") || line.contains("Oops:"));
    let received = match memory.receive() {
        Ok(received) => received,
        Err(_) if panic.is_some() => {
            let line = panic.map_or("", String::as_str);
            let line = line.split_once("] ").map_or(line, |(_, text)| text);
            let next = known(end).unwrap_or(match end.reached {
                Phase::Boot => "nothing had run yet: try another kernel with `--kernel`, or `--accel tcg`",
                Phase::Run => {
                    "run the case that was running alone, with `--exact NAME`; a kernel that panics is worth a report"
                }
            });
            return Err(Fault { what: format!("the guest's kernel panicked: {line}"), next });
        }
        Err(error) if end.reached == Phase::Boot => {
            return Err(Fault {
                what: format!("the guest ended before it had booted (QEMU: {}): {error:#}", end.status),
                next: known(end).unwrap_or(if end.console.is_empty() {
                    "it may have too little memory even to begin: give it more with `--guest-memory MIB`"
                } else {
                    "what the console shows is QEMU's or the kernel's own reason"
                }),
            });
        }
        Err(error) => {
            return Err(Fault {
                what: format!("the guest ended without a result (QEMU: {}): {error:#}", end.status),
                next: "run the same command again; if it breaks again, run fewer cases",
            });
        }
    };
    if received.ending == Ending::InitFailed {
        let next = known(end).unwrap_or("the lines above say which step failed");
        return Err(Fault { what: "the guest's init failed".into(), next });
    }
    let expected = qemu_status(received.status());
    if end.status.code() != Some(i32::from(expected)) {
        return Err(Fault {
            what: format!(
                "the guest's result says status {}, for which QEMU should have exited with {expected}, but: {}",
                received.status(),
                end.status
            ),
            next: "run the same command again; if it stays, QEMU or the guest's kernel stopped the machine on its own",
        });
    }
    Ok(received)
}

/// What to do, where the console tells.
fn known(end: &End) -> Option<&'static str> {
    let said = |words: &str| end.console.iter().any(|line| line.contains(words));
    if STARVED.into_iter().any(said) {
        return Some(match end.reached {
            Phase::Boot => "it has too little memory to boot: give it more with `--guest-memory MIB`",
            Phase::Run => "give it more with `--guest-memory MIB`, or run fewer cases",
        });
    }
    said(NO_ENTRY)
        .then_some("QEMU boots a bzImage, and a vmlinux only if it was built with CONFIG_PVH: try the bzImage")
}

/// The last lines of the console.
pub fn last(end: &End) -> Vec<String> {
    end.console.iter().skip(end.console.len().saturating_sub(SHOWN)).cloned().collect()
}

/// One screen about a broken guest.
pub fn report(fault: Fault, end: &End, kernel: &Kernel, accelerator: Engine) -> Broken {
    let Fault { what, next } = fault;
    let console = last(end);
    let mut text = format!("{}: {what}\n", paint("broken", RED));
    let _ = writeln!(text, "  kernel   {}", kernel.summary());
    let boot = end.boot.map_or_else(|| "did not boot".to_owned(), |boot| format!("booted after {}", seconds(boot)));
    let _ =
        writeln!(text, "  machine  QEMU with {}, {boot}, ended after {}", accelerator.words().0, seconds(end.whole));
    let _ = match console.len() {
        0 => writeln!(text, "  console  nothing"),
        1 => writeln!(text, "  console  one line:"),
        many => writeln!(text, "  console  the last {many} lines:"),
    };
    for line in &console {
        let _ = writeln!(text, "    │ {line}");
    }
    let _ = write!(text, "  next     {next}");
    Broken { what, next, console, screen: text }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

    use super::*;

    /// A guest that came up, said this, and whose QEMU exited with this.
    fn end(qemu: u8, console: &[&str]) -> End {
        End {
            status: ExitStatus::from_raw(i32::from(qemu) << 8),
            overdue: None,
            reached: Phase::Run,
            boot: Some(Duration::from_secs(3)),
            whole: Duration::from_secs(9),
            console: console.iter().map(|line| (*line).to_owned()).collect::<VecDeque<_>>(),
        }
    }

    fn memory(folder: &tempfile::TempDir) -> SharedMemory {
        SharedMemory::create(folder.path()).expect("a file")
    }

    /// Why this guest is broken, and what to do.
    fn fault(end: &End) -> (String, &'static str) {
        let folder = tempfile::tempdir().expect("a folder");
        let fault = judge(end, &memory(&folder)).expect_err("this guest did not do its work");
        (fault.what, fault.next)
    }

    #[test]
    fn a_panic_is_told_in_the_kernels_words() {
        // QEMU exits with 0 when a guest panics.
        let (what, next) =
            fault(&end(0, &["[    3.3] Kernel panic - not syncing: sysrq triggered crash", "[    3.3] Call Trace:"]));
        assert_eq!(what, "the guest's kernel panicked: Kernel panic - not syncing: sysrq triggered crash");
        assert!(next.contains("--exact"), "{next}");
    }

    #[test]
    fn who_runs_out_of_memory_is_told_how_to_give_more() {
        let (what, next) = fault(&end(
            0,
            &["[   16.2] Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled"],
        ));
        assert!(what.contains("Out of memory") && next.contains("--guest-memory"), "{what}; {next}");
    }

    #[test]
    fn who_has_too_little_memory_to_boot_is_told_so_and_of_no_case() {
        for said in [
            "qemu: initrd is too large, cannot support.(max: 10321919, need 32535156)",
            "[    1.1] Kernel panic - not syncing: System is deadlocked on memory",
            "[    1.2] Initramfs unpacking failed: write error",
        ] {
            let (what, next) = fault(&End { reached: Phase::Boot, ..end(0, &[said]) });
            assert!(next.contains("--guest-memory") && !next.contains("case"), "{what}; {next}");
        }
        let (_, next) = fault(&End { reached: Phase::Boot, ..end(0, &[]) });
        assert!(next.contains("--guest-memory"), "it said nothing: {next}");
    }

    #[test]
    fn a_panic_at_boot_is_no_cases() {
        let (_, next) = fault(&End { reached: Phase::Boot, ..end(0, &["Kernel panic - not syncing: VFS: no root"]) });
        assert!(next.contains("--kernel") && !next.contains("--exact"), "{next}");
    }

    #[test]
    fn who_gives_a_vmlinux_that_qemu_cannot_boot_is_told_of_the_bz_image() {
        let said = "qemu-system-x86_64: Error loading uncompressed kernel without PVH ELF Note";
        let (_, next) = fault(&End { reached: Phase::Boot, ..end(1, &[said]) });
        assert!(next.contains("bzImage"), "{next}");
    }

    #[test]
    fn who_hangs_is_told_which_deadline_has_passed() {
        let hangs = |phase| End { overdue: Some((phase, Duration::from_secs(7))), ..end(0, &[]) };
        let (what, next) = fault(&hangs(Phase::Run));
        assert!(what.contains("did not end within 7") && next.contains("--guest-deadline"), "{what}; {next}");
        let (what, next) = fault(&hangs(Phase::Boot));
        assert!(what.contains("did not boot within 7") && next.contains("--guest-boot"), "{what}; {next}");
    }

    #[test]
    fn a_guest_that_says_nothing_has_no_result() {
        let (what, _) =
            fault(&End { reached: Phase::Boot, ..end(1, &["qemu-system-x86_64: cannot set up guest memory"]) });
        assert!(what.contains("before it had booted") && what.contains("exit status: 1"), "{what}");
        let (what, _) = fault(&end(1, &[]));
        assert!(what.contains("without a result"), "{what}");
    }

    #[test]
    fn lines_are_counted_as_people_count() {
        let image = tempfile::NamedTempFile::new().expect("a file");
        let screen = |lines: &[&str]| {
            let fault = Fault { what: "x".into(), next: "y" };
            report(fault, &end(0, lines), &Kernel::from_file(image.path().to_owned()), Engine::Tcg).to_string()
        };
        assert!(screen(&[]).contains("console  nothing\n"));
        assert!(screen(&["a"]).contains("console  one line:\n    │ a\n"));
        assert!(screen(&["a"; 30]).contains("console  the last 20 lines:\n"));
    }

    #[test]
    fn the_status_that_was_sent_and_the_one_of_qemu_must_agree() {
        use std::os::unix::fs::FileExt as _;
        use wakeproof_init::channel::{Header, PAYLOAD};
        let folder = tempfile::tempdir().expect("a folder");
        let memory = memory(&folder);
        let file = std::fs::File::options().write(true).open(memory.path()).expect("opens");
        file.write_all_at(b"x", PAYLOAD as u64).expect("writes");
        file.write_all_at(&Header::new(Ending::Exited(3), b"x").encode(), 0).expect("writes");
        assert_eq!(judge(&end(qemu_status(3), &[]), &memory).expect("both say 3").status(), 3);
        let fault = judge(&end(qemu_status(0), &[]), &memory).expect_err("one says 0");
        assert!(fault.what.contains("says status 3"), "{}", fault.what);
    }
}
