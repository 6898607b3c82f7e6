//! The guest's end of the channel: the memory of the `ivshmem-plain` device, mapped through sysfs.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
    ptr::NonNull,
    sync::atomic::{Ordering, fence},
};

use anyhow::{Context as _, Result};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use wakeproof_init::channel::{EMPTY, Ending, Header, PAYLOAD, SIZE, checksum_on};

use crate::report::Bounded;

const DEVICES: &str = "/sys/bus/pci/devices";

/// The channel, into which a payload is written before it is sent.
pub struct Channel {
    /// Mapped for as long as this guest lives, [`SIZE`] bytes.
    memory: NonNull<u8>,
    length: usize,
    checksum: u64,
}

impl Channel {
    /// Maps the device.
    pub fn open() -> Result<Self> {
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
        Ok(Self { memory: memory.cast(), length: 0, checksum: EMPTY })
    }

    /// Writes the header: what was written so far is the payload.
    pub fn send(self, ending: Ending) {
        let header = Header { ending, length: self.length as u64, checksum: self.checksum }.encode();
        // SAFETY: the header lies before the payload, at the beginning of the mapping; the source is ours.
        unsafe {
            // A header that is there means a payload that is whole.
            fence(Ordering::SeqCst);
            self.memory.as_ptr().copy_from_nonoverlapping(header.as_ptr(), header.len());
            fence(Ordering::SeqCst);
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(SIZE - PAYLOAD - self.length)];
        // SAFETY: the copy ends inside the mapping of SIZE bytes, by the line above; the source is the caller's.
        unsafe {
            let to = self.memory.as_ptr().add(PAYLOAD + self.length);
            to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        self.length += bytes.len();
        self.checksum = checksum_on(self.checksum, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Bounded for Channel {
    fn room(&self) -> u64 {
        (SIZE - PAYLOAD - self.length) as u64
    }
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
