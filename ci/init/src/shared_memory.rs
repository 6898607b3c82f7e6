//! The guest's end of the channel: the memory of the `ivshmem-plain` device, mapped through sysfs.

use std::{
    fs::{self, OpenOptions},
    num::NonZeroUsize,
    path::PathBuf,
    sync::atomic::{Ordering, fence},
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use wakeproof_init::channel::{Ending, Header, PAYLOAD, SIZE};

const DEVICES: &str = "/sys/bus/pci/devices";

/// Writes the payload, then the header.
pub fn send(ending: Ending, payload: &[u8]) -> Result<()> {
    ensure!(
        payload.len() <= SIZE - PAYLOAD,
        "the report has {} bytes, and the channel to the host holds {}",
        payload.len(),
        SIZE - PAYLOAD
    );
    let path = find_device()?.join("resource2");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("failed to open {}", path.display()))?;
    let length = NonZeroUsize::new(SIZE).expect("not zero");
    // SAFETY: a new mapping at an address of the kernel's choice, of a device that nothing else in this guest uses.
    let memory =
        unsafe { mmap(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED, &file, 0) }
            .with_context(|| format!("failed to map {}", path.display()))?;
    let memory = memory.cast::<u8>().as_ptr();
    let header = Header::new(ending, payload).encode();
    // SAFETY: both copies stay inside the mapping of SIZE bytes, by the check above; the sources are ours.
    unsafe {
        memory.add(PAYLOAD).copy_from_nonoverlapping(payload.as_ptr(), payload.len());
        // A header that is there means a payload that is whole.
        fence(Ordering::SeqCst);
        memory.copy_from_nonoverlapping(header.as_ptr(), header.len());
        fence(Ordering::SeqCst);
    }
    Ok(())
}

/// The device, by the vendor (Red Hat) and device numbers of ivshmem.
fn find_device() -> Result<PathBuf> {
    for entry in fs::read_dir(DEVICES).with_context(|| format!("failed to list {DEVICES}"))? {
        let path = entry?.path();
        let is = |name: &str, expected: &str| {
            fs::read_to_string(path.join(name)).is_ok_and(|number| number.trim() == expected)
        };
        if is("vendor", "0x1af4") && is("device", "0x1110") {
            return Ok(path);
        }
    }
    anyhow::bail!("there is no ivshmem device under {DEVICES}")
}
