//! A poll request through `io_uring`. Its completion is an entry in memory that the kernel and the cell share.
use std::os::fd::AsRawFd as _;

use io_uring::{IoUring, opcode, types};
use nix::errno::Errno;

use super::call::Returned;
use super::failure::Failure;
use super::run::Run;
use super::wait::{self, Deadline, now};
use crate::case::IoRing;
use crate::recording::BufferRange;

/// Asks a ring to poll, and takes the completion from the shared memory. The ring is made if there is none of its name.
pub fn poll(run: &mut Run, step: &IoRing, deadline: &Deadline) -> Result<(), Failure> {
    let fd = run.names.fd(run.names.one(&step.on)?);
    let mut ring = match run.rings.swap_remove(&step.ring) {
        Some(ring) => ring,
        None => match make(run, &step.ring)? {
            Ok(ring) => ring,
            Err(refused) => return run.record("io_uring_setup", Some(&step.name), refused, None),
        },
    };
    let mask = u32::from(libc::POLLIN.cast_unsigned());
    let request = opcode::PollAdd::new(types::Fd(fd), mask).build();
    // SAFETY: the request refers to no memory, and the kernel looks at the descriptor when it is submitted.
    unsafe { ring.submission().push(&request) }
        .map_err(|error| Failure::Broken(format!("the ring is full: {error}")))?;
    ring.submit().map_err(|error| Failure::Broken(format!("failed to submit to the ring: {error}")))?;
    let completed = loop {
        // This reads the shared memory, and makes no system call.
        if let Some(entry) = ring.completion().next() {
            break entry.result();
        }
        // This waits for it to change, and copies nothing.
        let there = wait::until(ring.as_raw_fd(), libc::POLLIN, deadline);
        if !there.map_err(|errno| Failure::call("wait for the ring", errno))? {
            return Err(Failure::Timeout(format!("no completion for {} within {} ms", step.on, deadline.millis)));
        }
    };
    let mut returned = Returned::default();
    returned.result.ret = completed.into();
    if completed < 0 {
        returned.result.ret = -1;
        returned.result.errno = Some(format!("{:?}", Errno::from_raw(-completed)));
    }
    returned.result.time = now();
    run.rings.insert(step.ring.clone(), ring);
    run.record("io_uring", Some(&step.name), returned, None)
}

/// Makes a ring and gives its memory a name. Switched off (`kernel.io_uring_disabled`), filtered, or not built: that is the
/// result of the call.
fn make(run: &mut Run, name: &str) -> Result<Result<IoUring, Returned>, Failure> {
    let before = mappings();
    let ring = match IoUring::new(8) {
        Ok(ring) => ring,
        Err(error) => {
            Errno::set_raw(error.raw_os_error().unwrap_or(libc::EIO));
            return Ok(Err(Returned::take(-1)));
        }
    };
    let new = mappings().into_iter().filter(|mapping| !before.contains(mapping));
    let range = completion_ring(new)
        .ok_or_else(|| Failure::Broken("no memory of the new ring in /proc/self/maps".to_owned()))?;
    run.buffers.lend(name, range);
    Ok(Ok(ring))
}

/// A mapping of a ring: where, and at which offset of the ring's descriptor.
type Mapping = (BufferRange, u64);

fn mappings() -> Vec<Mapping> {
    std::fs::read_to_string("/proc/self/maps").unwrap_or_default().lines().filter_map(parse).collect()
}

/// Reads a line such as `7f0000-7f1000 rw-s 08000000 00:0e 1061  anon_inode:[io_uring]`.
fn parse(line: &str) -> Option<Mapping> {
    let line = line.strip_suffix("anon_inode:[io_uring]")?;
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let start = hex(start)?;
    Some((BufferRange { start, bytes: hex(end)?.checked_sub(start)? }, hex(fields.nth(1)?)?))
}

/// The one with the completions: at an offset of its own, or since 5.4 together with the submissions, at 0.
fn completion_ring(mappings: impl Iterator<Item = Mapping>) -> Option<BufferRange> {
    const SEPARATE: u64 = 0x0800_0000;
    const TOGETHER: u64 = 0;
    let found: Vec<_> = mappings.collect();
    let at = |offset| found.iter().find(|(_, at)| *at == offset).map(|(range, _)| *range);
    at(SEPARATE).or_else(|| at(TOGETHER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_completion_ring_is_found_among_the_mappings() {
        let maps = "1000-2000 rw-p 00000000 00:00 0 \n\
                    3000-5000 rw-s 00000000 00:0e 1061    anon_inode:[io_uring]\n\
                    6000-7000 rw-s 10000000 00:0e 1061    anon_inode:[io_uring]";
        let found = completion_ring(maps.lines().filter_map(parse));
        assert_eq!(found, Some(BufferRange { start: 0x3000, bytes: 0x2000 }));
    }
}
