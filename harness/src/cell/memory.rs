//! What of its memory the cell shares with one of its actors: frames and mappings.
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use super::buffers::PAGE;
use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use crate::case::{Maps, Pagemap, Pages};

/// How many pages lie in the same frame for this process and an actor's.
pub fn pagemap(run: &Run, step: &Pagemap) -> Result<Call, Failure> {
    let (other, _) = run.task_of(&step.with)?;
    let range = run.buffers.pages(match &step.of {
        Pages::Buffer(name) => Some(name),
        Pages::Code => None,
    })?;
    let make = move || {
        let same = frames("self", range.clone()).and_then(|ours| {
            let theirs = frames(&other.to_string(), range)?;
            Ok(ours.iter().zip(&theirs).filter(|(one, other)| one.is_some() && one == other).count())
        });
        counted(same.map_err(|why| format!("failed to read a pagemap: {why}")))
    };
    Ok(call(format!("compare frames with {}", step.with), -1, &step.name, make))
}

/// How many mappings only one of the two has: this process, and an actor's or the server's.
pub fn maps(run: &Run, step: &Maps) -> Result<Call, Failure> {
    let other = match (step.with.as_str(), &run.server) {
        ("server", Some(server)) => server.pid(),
        (actor, _) => run.task_of(actor)?.0,
    };
    let make = move || {
        let maps = |who: &str| fs::read_to_string(format!("/proc/{who}/maps"));
        let different = maps("self").and_then(|ours| Ok(different(&ours, &maps(&other.to_string())?)));
        counted(different.map_err(|error| format!("failed to read mappings: {error}")))
    };
    Ok(call(format!("compare mappings with {}", step.with), -1, &step.name, make))
}

fn call(what: String, number: i64, name: &str, make: impl FnOnce() -> Returned + Send + 'static) -> Call {
    Call { what, number, result: Some(name.to_owned()), sleeps: false, make: Box::new(make) }
}

fn counted(count: Result<usize, String>) -> Returned {
    match count {
        Ok(count) => Returned::take(i64::try_from(count).unwrap_or(i64::MAX)),
        Err(why) => Returned::refused(why),
    }
}

/// The frame of each page in a range of addresses; none for a page that is not there.
fn frames(who: &str, range: std::ops::Range<usize>) -> Result<Vec<Option<u64>>, String> {
    // Documentation/admin-guide/mm/pagemap.rst
    const PRESENT: u64 = 1 << 63;
    const FRAME: u64 = (1 << 55) - 1;
    let file = File::open(format!("/proc/{who}/pagemap")).map_err(|error| error.to_string())?;
    let mut frames = Vec::new();
    for address in range.step_by(PAGE) {
        let mut entry = [0; 8];
        let offset = (address / PAGE * entry.len()) as u64;
        file.read_exact_at(&mut entry, offset).map_err(|error| error.to_string())?;
        let entry = u64::from_ne_bytes(entry);
        match entry & FRAME {
            0 if entry & PRESENT != 0 => return Err("frames are shown to CAP_SYS_ADMIN alone".to_owned()),
            frame => frames.push((entry & PRESENT != 0).then_some(frame)),
        }
    }
    Ok(frames)
}

fn different(ours: &str, theirs: &str) -> usize {
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (ours.lines().collect(), theirs.lines().collect());
    ours.symmetric_difference(&theirs).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_that_only_one_has_are_counted_on_either_side() {
        assert_eq!(different("a\nb\n", "a\nb\n"), 0);
        assert_eq!(different("a\nb\n", "b\nc\nd\n"), 3);
    }

    #[test]
    fn a_page_that_was_written_has_a_frame_and_an_untouched_one_has_none() {
        let memory = vec![0_u8; 4 * PAGE];
        let page = memory.as_ptr().addr().next_multiple_of(PAGE);
        assert!(page + PAGE <= memory.as_ptr().addr() + memory.len());
        let mut memory = memory;
        memory.fill(7);
        match frames("self", page..page + PAGE) {
            Ok(frames) => assert!(frames[0].is_some()),
            Err(why) => assert!(why.contains("CAP_SYS_ADMIN"), "{why}"),
        }
    }
}
