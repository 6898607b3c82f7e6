//! Computing without a system call, and the time that it takes.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::time::TimeValLike as _;
use nix::time::ClockId;
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
        let clock = if pid == Pid::this().as_raw() {
            thread_clock(tid)
        } else {
            // A child process has one thread, and no other process may ask for a thread's clock.
            ClockId::pid_cpu_clock_id(Pid::from_raw(pid))
                .map_err(|errno| Failure::call(format!("find the CPU clock of {}", step.of), errno))?
        };
        Ok(Call {
            what: format!("read the processor time of {}", step.of),
            number: libc::SYS_clock_gettime,
            result: Some(step.name.clone()),
            sleeps: false,
            make: Box::new(move || match clock.now() {
                Ok(time) => Returned::take(time.num_nanoseconds()),
                Err(errno) => Returned::refused(format!("its CPU clock cannot be read: {errno}")),
            }),
        })
    }
}

/// The CPU clock of a thread of this process (include/linux/posix-timers_types.h: `make_thread_cpuclock`,
/// `CPUCLOCK_SCHED`). Unlike `/proc/PID/task/TID/schedstat` it has no gap since the last tick.
fn thread_clock(tid: i32) -> ClockId {
    const CPUCLOCK_SCHED: i32 = 2;
    const CPUCLOCK_PERTHREAD_MASK: i32 = 4;
    ClockId::from_raw((!tid << 3) | CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED)
}

#[cfg(test)]
mod tests {
    use nix::unistd::gettid;

    use super::super::tasks::{Task, until_all_rest};
    use super::super::wait::Deadline;
    use super::*;

    #[test]
    fn a_clock_goes_on_while_its_thread_computes_and_stands_while_it_does_not() {
        let mine = thread_clock(gettid().as_raw());
        let before = mine.now().unwrap();
        assert!(mine.now().unwrap() > before);
        let (send, receive) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let asleep = std::thread::spawn(move || {
            send.send(gettid().as_raw()).unwrap();
            ended.recv().unwrap();
        });
        let other = receive.recv().unwrap();
        let look = || Task::look(Pid::this().as_raw(), other).into_iter().collect();
        until_all_rest(look, &Deadline::after(5_000)).unwrap();
        let (first, second) = (thread_clock(other).now().unwrap(), thread_clock(other).now().unwrap());
        assert_eq!(first, second);
        end.send(()).unwrap();
        asleep.join().unwrap();
    }
}
