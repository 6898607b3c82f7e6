//! Why the kernel refused something, in few words.
use std::error::Error;
use std::io;

use aya::programs::ProgramError;
use nix::errno::Errno;

/// The innermost cause of an error: an errno by name and number, or the last sentence of the chain.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    let mut errno = None;
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(ProgramError::LoadError { verifier_log, .. }) = error.downcast_ref()
            && let Some(complaint) = complaint(&verifier_log.to_string())
        {
            return format!("the verifier refused the program: {complaint}");
        }
        errno = errno.or_else(|| error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error));
        last = error;
        next = error.source();
    }
    match errno {
        // The kernel's own ENOTSUPP, which user space has no name for, reaches it all the same.
        Some(524) => "ENOTSUPP (524): this kernel was built without it".into(),
        Some(number) => {
            let errno = Errno::from_raw(number);
            format!("{errno:?} ({number}): {}", meaning(errno))
        }
        None => last.to_string(),
    }
}

/// The verifier's own words: the last line of its log that is not about its work.
fn complaint(log: &str) -> Option<String> {
    let about_work = ["processed ", "verification time", "stack depth", "mark_precise"];
    let line = log
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty() && !about_work.iter().any(|word| line.starts_with(word)));
    line.map(ToOwned::to_owned)
}

/// What the errno means where eBPF programs are loaded and attached.
fn meaning(errno: Errno) -> &'static str {
    match errno {
        Errno::EPERM | Errno::EACCES => "this kernel or its lockdown does not allow it",
        Errno::ENOENT => "there is no such function or event",
        Errno::EOPNOTSUPP => "this kernel was built without it",
        Errno::EBUSY => "the function has no place for a trampoline",
        Errno::ENOSPC => "all of the processor's breakpoints are taken",
        other => other.desc(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_is_quoted() {
        let log = "1369: (85) call bpf_ringbuf_output#130\nR3 min value is negative\nprocessed 1671 insns\n";
        assert_eq!(complaint(log).as_deref(), Some("R3 min value is negative"));
        assert_eq!(complaint(""), None);
    }

    #[test]
    fn an_errno_is_named_and_numbered() {
        let error = anyhow::Error::from(io::Error::from_raw_os_error(1)).context("failed to load");
        let boxed: Box<dyn Error + Send + Sync> = error.into();
        assert_eq!(reason(boxed.as_ref()), "EPERM (1): this kernel or its lockdown does not allow it");
    }
}
