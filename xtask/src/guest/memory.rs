//! The host's end of the channel: the file behind the guest's `ivshmem-plain` device.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use wakeproof_init::channel::{Ending, Fault, HEADER, Header, PAYLOAD, SIZE};

/// Memory that a guest shares with us.
#[derive(Debug)]
pub struct SharedMemory {
    path: PathBuf,
}

/// What a guest sent.
#[derive(Debug)]
pub struct Received {
    /// How the command ended.
    pub ending: Ending,
    report: Vec<u8>,
}

impl SharedMemory {
    /// Empty memory, as a sparse file in the folder.
    pub fn create(folder: &Path) -> Result<Self> {
        let path = folder.join("shared-memory");
        File::create(&path)
            .and_then(|file| file.set_len(SIZE as u64))
            .with_context(|| format!("failed to create {}", path.display()))?;
        Ok(Self { path })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the guest wrote, if it is whole.
    pub fn receive(&self) -> Result<Received> {
        let file = File::open(&self.path).with_context(|| format!("failed to open {}", self.path.display()))?;
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0)?;
        let header = Header::decode(&header)?;
        let length = usize::try_from(header.length).map_err(|_| Fault::Garbled)?;
        let mut report = vec![0; length];
        file.read_exact_at(&mut report, PAYLOAD as u64)?;
        header.check(&report)?;
        Ok(Received { ending: header.ending, report })
    }
}

impl Received {
    /// The exit status to carry on.
    pub fn status(&self) -> u8 {
        self.ending.status()
    }

    /// Unpacks the report into a folder; `tar` keeps every path inside it.
    pub fn unpack(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
        let mut archive = tar::Archive::new(self.report.as_slice().take(self.report.len() as u64));
        archive.set_preserve_ownerships(false);
        archive.unpack(folder).with_context(|| format!("failed to unpack the guest's report into {}", folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the guest's init does, on the file.
    fn send(memory: &SharedMemory, ending: Ending, payload: &[u8]) {
        let file = File::options().write(true).open(memory.path()).expect("opens");
        file.write_all_at(payload, PAYLOAD as u64).expect("writes");
        file.write_all_at(&Header::new(ending, payload).encode(), 0).expect("writes");
    }

    #[test]
    fn a_report_comes_back_as_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = SharedMemory::create(folder.path()).expect("creates");
        assert!(memory.receive().is_err(), "nothing was sent yet");
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o644);
        archive.append_data(&mut header, "case/a.json", &b"{}"[..]).expect("packs");
        send(&memory, Ending::Exited(101), &archive.into_inner().expect("packs"));
        let received = memory.receive().expect("whole");
        assert_eq!(received.status(), 101);
        received.unpack(&folder.path().join("out")).expect("unpacks");
        assert_eq!(fs::read(folder.path().join("out/case/a.json")).expect("is there"), b"{}");
    }
}
