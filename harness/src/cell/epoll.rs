//! `epoll_create1`, `epoll_ctl` and `epoll_wait`. A registration's data is the number of its descriptor.
use std::mem::offset_of;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;

use super::buffers::Area;
use super::call::{Call, Returned};
use super::failure::Failure;
use super::names::{Labels, bits, mask};
use super::run::Run;
use crate::case::{EpollControl, EpollCreate, EpollWait, MapEpoll};
use crate::recording::Ready;

#[cfg(target_arch = "x86_64")]
const WAIT: i64 = libc::SYS_epoll_wait;
#[cfg(not(target_arch = "x86_64"))]
const WAIT: i64 = libc::SYS_epoll_pwait;

const EVENT: usize = size_of::<libc::epoll_event>();

/// Makes an epoll.
pub fn create(run: &mut Run, step: &EpollCreate) -> Result<(), Failure> {
    // SAFETY: it takes a number.
    let fd = Errno::result(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) });
    let fd = fd.map_err(|errno| Failure::call("make an epoll", errno))?;
    // SAFETY: the kernel has just made this descriptor and nobody else knows its number.
    run.add_descriptor(&step.name, unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(())
}

/// Changes the interest list, for each object of the name.
pub fn control(run: &Run, step: &EpollControl) -> Result<Vec<Call>, Failure> {
    let ep = run.names.fd(run.names.one(&step.ep)?);
    let (op, verb, target) = match (&step.add, &step.modify, &step.delete) {
        (Some(target), None, None) => (libc::EPOLL_CTL_ADD, "add", target),
        (None, Some(target), None) => (libc::EPOLL_CTL_MOD, "modify", target),
        (None, None, Some(target)) => (libc::EPOLL_CTL_DEL, "delete", target),
        _ => return Err(Failure::Broken("exactly one of `add`, `modify` and `delete` must be given".to_owned())),
    };
    let events = mask(&step.events);
    let places = match &step.buffer {
        Some(_) => vec![run.names.one(target)?],
        None => run.names.find(target)?,
    };
    let call = |place| {
        let fd = run.names.fd(place);
        let mut event = Area::holding(&event(events, fd), run.buffers.find(step.buffer.as_deref())?)?;
        Ok(Call {
            what: format!("{verb} {} in the interest list of {}", run.names.label(place), step.ep),
            number: libc::SYS_epoll_ctl,
            result: step.name.clone(),
            sleeps: false,
            make: Box::new(move || {
                // SAFETY: the area holds an event and lives until the call returns; a number that is no descriptor gives
                // EBADF.
                Returned::take(unsafe { libc::epoll_ctl(ep, op, fd, event.pointer().cast()) })
            }),
        })
    };
    places.into_iter().map(call).collect()
}

/// An `epoll_event` as the kernel reads it.
fn event(events: u32, fd: RawFd) -> [u8; EVENT] {
    let mut bytes = [0; EVENT];
    bytes[offset_of!(libc::epoll_event, events)..][..4].copy_from_slice(&events.to_ne_bytes());
    bytes[offset_of!(libc::epoll_event, u64)..][..8].copy_from_slice(&u64::from(fd.cast_unsigned()).to_ne_bytes());
    bytes
}

/// Waits for events.
pub fn wait(run: &Run, step: &EpollWait) -> Result<Call, Failure> {
    let ep = run.names.fd(run.names.one(&step.ep)?);
    let max = i32::try_from(step.max.0).map_err(|_| Failure::Broken(format!("`max` is {}", step.max.0)))?;
    let room = step.max.size().saturating_mul(EVENT);
    let mut area = Area::with_room(room, run.buffers.find(step.buffer.as_deref())?)?;
    let timeout = step.timeout.map_or(-1, |timeout| i32::try_from(timeout.0).unwrap_or(i32::MAX));
    let labels = run.names.labels();
    Ok(Call {
        what: format!("epoll_wait on {}", step.ep),
        number: WAIT,
        result: step.name.clone(),
        sleeps: timeout != 0,
        make: Box::new(move || {
            // SAFETY: the area has room for so many events, and is not looked at before the call returns.
            let returned = Returned::take(unsafe { libc::epoll_wait(ep, area.pointer().cast(), max, timeout) });
            let ready = parse(&area.read(returned.reported() * EVENT), &labels);
            returned.with(ready)
        }),
    })
}

fn parse(bytes: &[u8], labels: &Labels) -> Vec<Ready> {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let ready = |event: &[u8]| {
        let data = number(&event[offset_of!(libc::epoll_event, u64)..][..8]);
        let events = number(&event[offset_of!(libc::epoll_event, events)..][..4]);
        let name = i32::try_from(data).map_or_else(|_| format!("data {data}"), |fd| labels.of(fd));
        Ready { name, bits: bits(u32::try_from(events).unwrap_or(0)) }
    };
    bytes.chunks_exact(EVENT).map(ready).collect()
}

/// Maps an epoll descriptor, which has no `mmap` of its own: the kernel refuses with ENODEV (mm/mmap.c: `do_mmap`).
pub fn map(run: &Run, step: &MapEpoll) -> Result<Call, Failure> {
    let fd = run.names.fd(run.names.one(&step.of)?);
    Ok(Call {
        what: format!("mmap {}", step.of),
        number: libc::SYS_mmap,
        result: Some(step.name.clone()),
        sleeps: false,
        make: Box::new(move || {
            const PAGE: usize = 4096;
            // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
            let start = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, libc::PROT_READ, libc::MAP_SHARED, fd, 0) };
            if start == libc::MAP_FAILED {
                return Returned::take(-1);
            }
            // SAFETY: it was mapped just now, and nobody knows of it.
            unsafe { libc::munmap(start, PAGE) };
            Returned::take(0)
        }),
    })
}
