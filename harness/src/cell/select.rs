//! `pselect6`: the system call itself with sets of any size, or with the `fd_set` of the C library.
use std::os::fd::RawFd;

use super::buffers::Area;
use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use crate::case::{Number, SelectCall};
use crate::recording::Ready;

/// A descriptor and its name.
type Watched = (RawFd, String);

/// The buffer for a set, and whether the set is in it.
#[derive(Clone, Copy, Default)]
struct Given<'a> {
    name: Option<&'a str>,
    reuse: bool,
}

/// One of the sets of a call.
struct Set {
    watched: Vec<Watched>,
    area: Area,
    bytes: usize,
    bit: &'static str,
}

impl Set {
    fn new(run: &Run, names: &[String], libc: bool, buffer: Given<'_>, bit: &'static str) -> Result<Self, Failure> {
        let mut watched = Vec::new();
        for name in names {
            watched
                .extend(run.names.find(name)?.into_iter().map(|place| (run.names.fd(place), run.names.label(place))));
        }
        let fits = watched.iter().all(|(fd, _)| size(*fd) < libc::FD_SETSIZE);
        let input = if libc && fits { libc_set(&watched) } else { set(&watched) };
        let memory = run.buffers.find(buffer.name)?;
        let area = if buffer.reuse { Area::with_room(input.len(), memory)? } else { Area::holding(&input, memory)? };
        Ok(Self { watched, area, bytes: input.len(), bit })
    }

    fn limit(&self) -> RawFd {
        self.watched.iter().map(|(fd, _)| fd + 1).max().unwrap_or(0)
    }

    /// Makes it as large as the call will read: that of the largest descriptor of all sets.
    fn fit(&mut self, limit: RawFd) {
        let bytes = size(limit).div_ceil(64) * 8;
        if let Area::Own(words) = &mut self.area {
            words.resize(words.len().max(bytes / 8), 0);
        }
        self.bytes = self.bytes.max(bytes);
    }

    /// Where it is; nowhere if it is empty.
    fn pointer(&mut self) -> *mut libc::c_void {
        if self.watched.is_empty() { std::ptr::null_mut() } else { self.area.pointer() }
    }

    fn found(&self) -> Vec<Ready> {
        if self.watched.is_empty() { Vec::new() } else { found(&self.area.read(self.bytes), &self.watched, self.bit) }
    }
}

/// Waits until one is ready.
pub fn select(run: &Run, step: &SelectCall) -> Result<Call, Failure> {
    let timeout = step.timeout;
    let call = |make| Call {
        what: "select".to_owned(),
        number: libc::SYS_pselect6,
        result: step.name.clone(),
        sleeps: timeout != Some(Number(0)),
        make,
    };
    let given = Given { name: step.buffer.as_deref(), reuse: step.reuse };
    let mut read = Set::new(run, &step.read, step.libc, given, "IN")?;
    let mut write = Set::new(run, &step.write, step.libc, Given::default(), "OUT")?;
    let mut all = read.watched.iter().chain(&write.watched);
    if let Some((fd, label)) = all.find(|(fd, _)| step.libc && size(*fd) >= libc::FD_SETSIZE) {
        let why = format!(
            "descriptor {fd} (`{label}`) has no place in an fd_set, which ends at FD_SETSIZE = {}",
            libc::FD_SETSIZE
        );
        return Ok(call(Box::new(move || Returned::refused(why))));
    }
    let limit = read.limit().max(write.limit());
    read.fit(limit);
    write.fit(limit);
    let through_libc = step.libc;
    Ok(call(Box::new(move || {
        let sets = [read.pointer(), write.pointer()];
        let returned = if through_libc { by_libc(limit, sets, timeout) } else { by_hand(limit, sets, timeout) };
        let mut ready = Vec::new();
        if returned.reported() > 0 {
            ready = read.found();
            ready.extend(write.found());
        }
        returned.with(ready)
    })))
}

fn size(fd: RawFd) -> usize {
    usize::try_from(fd).unwrap_or(usize::MAX)
}

/// The set as the kernel reads it: bits in longs (`include/uapi/linux/posix_types.h`), here as many as are needed.
fn set(watched: &[Watched]) -> Vec<u8> {
    let words = watched.iter().map(|(fd, _)| size(*fd) / 64 + 1).max().unwrap_or(0);
    let mut set = vec![0_u64; words];
    for (fd, _) in watched {
        set[size(*fd) / 64] |= 1 << (size(*fd) % 64);
    }
    set.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The C library's set, filled by its own `FD_SET`.
fn libc_set(watched: &[Watched]) -> Vec<u8> {
    // SAFETY: an fd_set is an array of numbers; all zeros is the empty set.
    let mut set: libc::fd_set = unsafe { std::mem::zeroed() };
    for (fd, _) in watched {
        // SAFETY: every descriptor was found to be below FD_SETSIZE.
        unsafe { libc::FD_SET(*fd, &raw mut set) };
    }
    // SAFETY: an fd_set has no padding: it is all bits.
    unsafe { std::slice::from_raw_parts((&raw const set).cast(), size_of::<libc::fd_set>()) }.to_vec()
}

fn found(set: &[u8], watched: &[Watched], bit: &str) -> Vec<Ready> {
    let words: Vec<_> = set.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    let is_set = |fd| words.get(size(fd) / 64).is_some_and(|word| word >> (size(fd) % 64) & 1 == 1);
    let ready = watched.iter().filter(|(fd, _)| is_set(*fd));
    ready.map(|(_, name)| Ready { name: name.clone(), bits: vec![bit.to_owned()] }).collect()
}

fn time(timeout: Option<Number>) -> Option<libc::timespec> {
    let Number(millis) = timeout?;
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    Some(libc::timespec { tv_sec: number(millis / 1000), tv_nsec: number(millis % 1000 * 1_000_000) })
}

/// The sets for reading and for writing, each null or with a bit for every descriptor below the limit.
type Sets = [*mut libc::c_void; 2];

fn by_hand(limit: RawFd, [read, write]: Sets, timeout: Option<Number>) -> Returned {
    let mut time = time(timeout);
    let time = time.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    let (none, mask) = (std::ptr::null_mut::<u64>(), std::ptr::null::<libc::c_void>());
    // SAFETY: each set has a bit for each descriptor below the limit, rounded up to whole longs, as many as the kernel
    // reads and writes (fs/select.c: core_sys_select); the other set and the mask are absent; the time lives on.
    Returned::take(unsafe { libc::syscall(libc::SYS_pselect6, limit, read, write, none, time, mask) })
}

fn by_libc(limit: RawFd, [read, write]: Sets, timeout: Option<Number>) -> Returned {
    let time = time(timeout);
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let (none, mask) = (std::ptr::null_mut(), std::ptr::null());
    // SAFETY: each set is absent or a whole fd_set and the limit is within it; the time lives on.
    Returned::take(unsafe { libc::pselect(limit, read.cast(), write.cast(), none, time, mask) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_as_long_as_its_largest_descriptor_needs() {
        let far = [(1500, "far".to_owned())];
        let bytes = set(&far);
        assert_eq!(bytes.len(), 192);
        assert_eq!(found(&bytes, &far, "IN")[0].name, "far");
        assert!(found(&[0; 192], &far, "IN").is_empty());
    }

    #[test]
    fn both_sets_have_the_same_bits() {
        let watched = [(3, "a".to_owned()), (1000, "b".to_owned())];
        let (ours, theirs) = (set(&watched), libc_set(&watched));
        assert_eq!(ours, theirs[..ours.len()]);
    }
}
