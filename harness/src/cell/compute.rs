//! Computing without a system call, and the time that it takes.
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use crate::case::{Compute, CpuTime, Number};

/// Says that all steps have been made.
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<AtomicBool>);

impl Ending {
    /// From now on.
    pub fn say(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_said(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// No system call has this number.
const NO_CALL: i64 = -1;

impl Run<'_> {
    /// Counts up until the steps are over. The thread is an actor's and does nothing else afterwards that matters.
    pub fn compute(&self, step: &Compute) -> Result<Call, Failure> {
        let over = self.over.clone();
        let processor = step.on_processor.map(Number::size);
        let mut only = CpuSet::new();
        if let Some(processor) = processor {
            only.set(processor).map_err(|errno| Failure::call(format!("choose processor {processor}"), errno))?;
        }
        let make = move || {
            if processor.is_some()
                && let Err(errno) = sched_setaffinity(Pid::from_raw(0), &only)
            {
                return Returned::refused(format!("cannot run on that processor: {errno}"));
            }
            let mut rounds = 0_i64;
            while !over.is_said() {
                rounds += 1;
                std::hint::spin_loop();
            }
            Returned::take(rounds)
        };
        Ok(Call {
            what: "compute".to_owned(),
            number: NO_CALL,
            result: step.name.clone(),
            sleeps: false,
            make: Box::new(make),
        })
    }

    /// Reads how long an actor has run.
    pub fn cpu_time(&self, step: &CpuTime) -> Result<Call, Failure> {
        let (pid, tid) = self.actor_task(&step.of)?;
        let path = format!("/proc/{pid}/task/{tid}/schedstat");
        Ok(Call {
            what: format!("read the processor time of {}", step.of),
            number: libc::SYS_read,
            result: Some(step.name.clone()),
            sleeps: false,
            make: Box::new(move || match fs::read_to_string(&path).ok().as_deref().and_then(time_on_processor) {
                Some(nanoseconds) => Returned::take(nanoseconds),
                None => Returned::refused(format!("{path} does not tell it")),
            }),
        })
    }
}

/// The first number: time on a processor, time on a run queue, how often it got a processor.
fn time_on_processor(schedstat: &str) -> Option<i64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_on_the_processor_comes_first() {
        assert_eq!(time_on_processor("1205 2580899 1\n"), Some(1205));
        assert_eq!(time_on_processor(""), None);
    }
}
