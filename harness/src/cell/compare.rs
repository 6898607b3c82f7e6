//! `kcmp`: whether two descriptors, or two processes, lead to the same kernel object.
use nix::unistd::Pid;

use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use crate::case::{Kcmp, Shared};

/// `enum kcmp_type` (include/uapi/linux/kcmp.h).
fn number(what: Shared) -> libc::c_int {
    match what {
        Shared::File => 0,
        Shared::Vm => 1,
        Shared::Files => 2,
        Shared::Fs => 3,
        Shared::Sighand => 4,
    }
}

/// Prepares the comparison.
pub fn kcmp(run: &Run, step: &Kcmp) -> Result<Call, Failure> {
    let fd = |name: &Option<String>| match name {
        Some(name) => run.names.one(name).map(|place| run.names.fd(place)),
        None => Ok(0),
    };
    let (one, other) = (fd(&step.one)?, fd(&step.other)?);
    let own = Pid::this().as_raw();
    let other_task = step.with.as_ref().map_or(Ok(own), |actor| run.task_of(actor).map(|(_, task)| task))?;
    let what = number(step.what);
    let make = move || {
        // SAFETY: kcmp takes numbers.
        Returned::take(unsafe { libc::syscall(libc::SYS_kcmp, own, other_task, what, one, other) })
    };
    Ok(Call {
        what: format!("kcmp with {}", step.with.as_deref().unwrap_or("itself")),
        number: libc::SYS_kcmp,
        result: Some(step.name.clone()),
        sleeps: false,
        make: Box::new(make),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_shares_everything_with_itself() {
        let own = Pid::this().as_raw();
        for what in [Shared::Vm, Shared::Files, Shared::Fs, Shared::Sighand] {
            // SAFETY: kcmp takes numbers.
            let ret = unsafe { libc::syscall(libc::SYS_kcmp, own, own, number(what), 0, 0) };
            assert_eq!(ret, 0, "{what:?}");
        }
    }
}
