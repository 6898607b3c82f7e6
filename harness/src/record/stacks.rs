//! Kernel stacks: each different one is kept once, and gets its names when the run is over.
use std::sync::Arc;

use foldhash::HashMap;

use crate::kernel::Symbols;
use crate::recording::Place;

/// The different stacks of one run, as addresses.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    known: HashMap<Box<[u64]>, Place>,
    order: Vec<Box<[u64]>>,
}

impl Stacks {
    /// The place of a stack.
    pub(super) fn place(&mut self, frames: &[u64]) -> Place {
        if let Some(&place) = self.known.get(frames) {
            return place;
        }
        let place = Place::from(u32::try_from(self.order.len()).unwrap_or(u32::MAX));
        self.known.insert(frames.into(), place);
        self.order.push(frames.into());
        place
    }

    /// All of them by name, innermost frame first, without the frames of the probe itself.
    pub(super) fn names(&self, symbols: &Symbols) -> Vec<Vec<Arc<str>>> {
        self.order.iter().map(|frames| names(frames, symbols)).collect()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

/// One stack by name: without the frames of the probe itself, and without compiled eBPF programs and trampolines
/// anywhere, which are the frames that have no names.
pub(super) fn names(frames: &[u64], symbols: &Symbols) -> Vec<Arc<str>> {
    let named = frames.iter().map(|&frame| symbols.name(frame));
    if symbols.is_empty() {
        return named.collect();
    }
    named.filter(|name| !name.starts_with("0x")).skip_while(|name| is_probe(name)).collect()
}

/// What stands on a stack only because we looked.
fn is_probe(name: &str) -> bool {
    ["bpf_", "__bpf_", "__traceiter_", "trace_", "perf_", "__perf_"].iter().any(|prefix| name.starts_with(prefix))
}
