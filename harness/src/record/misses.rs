//! Programs that the kernel passed over: a tracing program that runs on a processor is not run again there before it has
//! ended, whatever happens meanwhile (`prog->active`). The kernel counts that for each program since 5.12; before it did,
//! nothing was passed over.
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::programs::Program;

use super::probes::Probes;

/// How often each program was passed over since it was loaded.
pub(super) type Misses = BTreeMap<String, u64>;

impl Probes {
    /// How often the kernel has passed over the programs of events so far, by the name of the event's kind. Entries and
    /// returns of system calls are not among them where they have understudies: they are counted where both are passed over.
    pub(super) fn misses(&self) -> Misses {
        let mut misses = Misses::new();
        for (name, program) in self.ebpf.programs() {
            let kind = name.trim_end_matches("_kprobe");
            // Their readability is the event, whichever program sees it.
            let kind = if kind == "sock_def_readable" { "sk_data_ready" } else { kind };
            let seen_again = self.understudied && name.starts_with("sys_");
            if !seen_again && !name.starts_with("count_") {
                *misses.entry(kind.to_owned()).or_default() += missed(program);
            }
        }
        misses
    }

    /// How often the kernel has passed over one program.
    pub(super) fn missed(&self, name: &str) -> u64 {
        self.ebpf.program(name).map_or(0, missed)
    }
}

/// None of a program that is not loaded, and of a kernel that does not say.
pub(super) fn missed(program: &Program) -> u64 {
    let Ok(fd) = program.fd() else { return 0 };
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd())).unwrap_or_default();
    read(&text)
}

fn read(fdinfo: &str) -> u64 {
    let line = fdinfo.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_kernel_that_says_nothing_has_missed_nothing() {
        assert_eq!(super::read("prog_type:\t26\nrecursion_misses:\t7\nverified_insns:\t9\n"), 7);
        assert_eq!(super::read("prog_type:\t26\n"), 0);
    }
}
