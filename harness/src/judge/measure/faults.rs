//! The kernel's faults inside of a user buffer.
use serde_json::{Value as Json, json};

use super::{Gap, Reader, SHOWN};
use crate::judge::value::Reading;
use crate::matching::{Matcher, Scene, function};
use crate::recording::{BufferRange, Event, RunHead};

/// Faults as `{offset, write, by}`.
pub(super) struct Faulted {
    buffer: BufferRange,
    faults: Vec<Json>,
    first: Vec<usize>,
}

impl Faulted {
    pub(super) fn new(inside: &str, run: &RunHead) -> Result<Self, Gap> {
        let buffer = *run.buffers.get(inside).ok_or_else(|| Gap::Wrong(format!("the run had no buffer `{inside}`")))?;
        Ok(Self { buffer, faults: Vec::new(), first: Vec::new() })
    }
}

impl Reader for Faulted {
    fn read(&mut self, place: usize, event: &Event, _: &Matcher, scene: Scene<'_>) {
        let offset = event.object.wrapping_sub(self.buffer.start);
        let stack = scene.stack(event);
        if offset < self.buffer.bytes && !stack.iter().any(|frame| function(frame) == PROBE) {
            let by = stack.first().map_or("", |frame| function(frame));
            self.faults.push(json!({"offset": offset, "write": event.detail & WRITE != 0, "by": by}));
            if self.first.len() < SHOWN {
                self.first.push(place);
            }
        }
    }

    fn finish(self: Box<Self>) -> (Reading, Vec<usize>) {
        (self.faults.into(), self.first)
    }
}

/// Through it, and through nothing else, probes read user memory (mm/maccess.c, called by `bpf_probe_read_user`): such a
/// fault is our own, not the system call's.
const PROBE: &str = "copy_from_user_nofault";

/// `arch/x86/include/asm/trap_pf.h`: `X86_PF_WRITE`.
const WRITE: u32 = 2;
