//! What the command left in the report folder, packed for the host.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tar::Builder;

/// Something that is written to, and has room for so many bytes more.
pub trait Bounded: Write {
    /// How many bytes it still takes.
    fn room(&self) -> u64;
}

/// Around the contents of a file: its header, a longer name, the padding, and the end of the archive.
const AROUND: u64 = 8 * 512;

/// Packs the files of a folder, the small ones first: results are worth more than recordings. What does not fit is left
/// out, and returned.
pub fn pack<W: Bounded>(folder: &Path, to: W) -> io::Result<(W, Vec<PathBuf>)> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    let mut archive = Builder::new(to);
    let mut left_out = Vec::new();
    for (size, path) in files {
        let name = path.strip_prefix(folder).map_err(io::Error::other)?.to_owned();
        if size + 2 * AROUND > archive.get_ref().room() {
            left_out.push(name);
        } else {
            archive.append_path_with_name(&path, name)?;
        }
    }
    Ok((archive.into_inner()?, left_out))
}

/// All files below a folder, with their sizes.
fn list(folder: &Path, files: &mut Vec<(u64, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_dir() {
            list(&entry.path(), files)?;
        } else if about.is_file() {
            files.push((about.len(), entry.path()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer with an end.
    struct Small(Vec<u8>, u64);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(bytes.len() as u64 <= self.room(), "written past the end");
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Bounded for Small {
        fn room(&self) -> u64 {
            self.1 - self.0.len() as u64
        }
    }

    fn names(archive: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap();
        entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn results_come_before_recordings_that_do_not_fit() {
        let folder = std::env::temp_dir().join(format!("wakeproof-init-report-{}", std::process::id()));
        fs::create_dir_all(folder.join("below")).unwrap();
        fs::write(folder.join("a.jsonl"), vec![b'x'; 100_000]).unwrap();
        fs::write(folder.join("below/b.jsonl"), vec![b'x'; 30_000]).unwrap();
        fs::write(folder.join("results.json"), "{}").unwrap();
        let pack = |room| pack(&folder, Small(Vec::new(), room)).unwrap();
        let (all, left_out) = pack(1 << 20);
        assert_eq!(names(&all.0), ["results.json", "below/b.jsonl", "a.jsonl"]);
        assert!(left_out.is_empty());
        let (some, left_out) = pack(64 << 10);
        assert_eq!(names(&some.0), ["results.json", "below/b.jsonl"]);
        assert_eq!(left_out, [PathBuf::from("a.jsonl")]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
