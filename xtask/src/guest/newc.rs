//! Writes the `newc` format of cpio, which is what the kernel unpacks as its initramfs.
//!
//! Written here rather than by the cpio program, so that nothing has to be installed and no file needs the right owner.

use std::io::{self, Write};

const REGULAR: u32 = 0o100_000;
const TRAILER: &str = "TRAILER!!!";

/// An archive being written.
#[derive(Debug)]
pub struct Archive<W> {
    to: W,
    entries: u32,
}

impl<W: Write> Archive<W> {
    /// An empty archive.
    pub fn new(to: W) -> Self {
        Self { to, entries: 0 }
    }

    /// Adds a file; `path` has no leading slash.
    pub fn file(&mut self, path: &str, permissions: u32, contents: &[u8]) -> io::Result<()> {
        self.entry(path, REGULAR | permissions, contents)
    }

    /// Writes the end mark and returns what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.entry(TRAILER, 0, &[])?;
        Ok(self.to)
    }

    /// The header has thirteen fields of eight hexadecimal digits; name and contents are each padded to four bytes.
    fn entry(&mut self, path: &str, mode: u32, contents: &[u8]) -> io::Result<()> {
        let size = u32::try_from(contents.len())
            .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "more than 4 GiB do not fit into an initramfs"))?;
        let name = u32::try_from(path.len() + 1).map_err(io::Error::other)?;
        self.entries += 1;
        // inode, mode, uid, gid, links, mtime, size, device (2), special device (2), name length, checksum
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name, 0];
        self.to.write_all(b"070701")?;
        for field in fields {
            write!(self.to, "{field:08x}")?;
        }
        self.to.write_all(path.as_bytes())?;
        self.to.write_all(&[0])?;
        self.pad(6 + 8 * fields.len() + path.len() + 1)?;
        self.to.write_all(contents)?;
        self.pad(contents.len())
    }

    fn pad(&mut self, length: usize) -> io::Result<()> {
        self.to.write_all(&[0; 3][..length.next_multiple_of(4) - length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_header_name_and_contents_padded_to_four() {
        let mut archive = Archive::new(Vec::new());
        archive.file("init", 0o755, b"hello").expect("writes to memory");
        let bytes = archive.finish().expect("writes to memory");
        assert_eq!(
            &bytes[..110],
            b"070701000000010000\
              81ed00000000000000000000000100000000000000050000000000000000000000000000000000000005\
              00000000"
        );
        assert_eq!(&bytes[110..124], b"init\0\0hello\0\0\0");
        assert_eq!(&bytes[124..130], b"070701");
        assert!(bytes[124..].windows(11).any(|window| window == b"TRAILER!!!\0"));
        assert_eq!(bytes.len() % 4, 0);
    }
}
