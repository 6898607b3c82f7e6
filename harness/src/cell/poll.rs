//! `poll`.
use std::mem::offset_of;

use super::buffers::{Area, Memory};
use super::call::{Call, Returned};
use super::failure::Failure;
use super::names::{bits, mask};
use super::run::Run;
use crate::case::{Number, PollCall};
use crate::recording::Ready;

#[cfg(target_arch = "x86_64")]
const POLL: i64 = libc::SYS_poll;
#[cfg(not(target_arch = "x86_64"))]
const POLL: i64 = libc::SYS_ppoll;

const ENTRY: usize = size_of::<libc::pollfd>();

/// Waits for what each entry asks for.
pub fn poll(run: &Run, step: &PollCall) -> Result<Call, Failure> {
    let memory = run.buffers.find(step.buffer.as_deref())?;
    let before = memory.map_or(0, Memory::fill_byte);
    let (mut names, mut input) = (Vec::new(), Vec::new());
    for entry in &step.fds {
        let asked = u16::try_from(mask(&entry.events)).map_err(|_| {
            Failure::Broken(format!("`{}`: poll has no ET, ONESHOT and EXCLUSIVE, its events have 16 bits", entry.fd))
        })?;
        for place in run.names.find(&entry.fd)? {
            names.push(run.names.label(place));
            input.extend(run.names.fd(place).to_ne_bytes());
            input.extend(asked.to_ne_bytes());
            input.extend([before; 2]);
        }
    }
    let mut area = Area::holding(&input, memory)?;
    let timeout = step.timeout.map_or(-1, |Number(millis)| i32::try_from(millis).unwrap_or(i32::MAX));
    let count = names.len() as libc::nfds_t;
    Ok(Call {
        what: "poll".to_owned(),
        number: POLL,
        result: step.name.clone(),
        sleeps: timeout != 0,
        make: Box::new(move || {
            // SAFETY: the area holds so many entries, and is not looked at before the call returns.
            let returned = Returned::take(unsafe { libc::poll(area.pointer().cast(), count, timeout) });
            let ready = if returned.reported() == 0 { Vec::new() } else { parse(&area.read(input.len()), &names) };
            returned.with(ready)
        }),
    })
}

fn parse(bytes: &[u8], names: &[String]) -> Vec<Ready> {
    let found = |entry: &[u8]| {
        let at = offset_of!(libc::pollfd, revents);
        u32::from(u16::from_ne_bytes([entry[at], entry[at + 1]]))
    };
    let entries = bytes.chunks_exact(ENTRY).map(found).zip(names);
    entries
        .filter(|(found, _)| *found != 0)
        .map(|(found, name)| Ready { name: name.clone(), bits: bits(found) })
        .collect()
}
