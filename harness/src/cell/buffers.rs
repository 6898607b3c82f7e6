//! Memory that a case gives to a call, so that the kernel's accesses to it can be seen.
use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::call::{Call, Returned};
use super::failure::Failure;
use crate::case::{Access, Buffer, Fill, Pages, Peek, Touch};
use crate::recording::BufferRange;

/// How much memory each buffer has: room for 5461 `epoll_event`, 8192 `pollfd`, half a million bits of a set.
const BYTES: usize = 64 * 1024;
/// How long a page is, on x86-64.
pub const PAGE: usize = 4096;

/// Memory at an address that stays valid until the cell ends: nothing is ever unmapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    start: usize,
    access: Access,
    fill: u8,
}

impl Memory {
    fn new(access: Access, fill: u8) -> nix::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), BYTES, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        // A huge page, or a folio of several pages, would save later faults. EINVAL: the kernel has none.
        // SAFETY: advice on a mapping of our own.
        unsafe { libc::madvise(start, BYTES, libc::MADV_NOHUGEPAGE) };
        if access == Access::Written {
            // SAFETY: the mapping is ours, writable, and so long.
            unsafe { std::ptr::write_bytes(start.cast::<u8>(), fill, BYTES) };
        }
        Ok(Self { start: start.expose_provenance(), access, fill })
    }

    /// The byte that stands where no input is.
    pub fn fill_byte(self) -> u8 {
        self.fill
    }

    fn pointer(self) -> *mut libc::c_void {
        std::ptr::with_exposed_provenance_mut(self.start)
    }

    /// Puts a call's input there.
    ///
    /// An untouched page can hold none, and to write it from here would touch it. So the input goes into a memory file by
    /// `write(2)`, and the file is mapped over the buffer, privately: the bytes are there, the page table is empty, and
    /// the kernel's first read and first write of each page both fault, as they do on untouched anonymous memory.
    fn fill(self, input: &[u8]) -> nix::Result<()> {
        if self.access == Access::Written {
            // SAFETY: the mapping is ours, writable, and `Area` has checked that the input fits.
            unsafe { std::ptr::copy_nonoverlapping(input.as_ptr(), self.pointer().cast(), input.len()) };
            return Ok(());
        }
        let file = memfd_create("input", MFdFlags::MFD_CLOEXEC)?;
        let mut file = std::fs::File::from(file);
        let size = BYTES as u64;
        let io = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
        file.write_all(input).and_then(|()| file.set_len(size)).map_err(io)?;
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_FIXED);
        // SAFETY: it replaces a mapping of our own of the same length, of which Rust holds no reference.
        let start = unsafe { libc::mmap(self.pointer(), BYTES, access, flags, file.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED { Err(Errno::last()) } else { Ok(()) }
    }
}

/// All buffers by name.
#[derive(Debug, Default)]
pub struct Buffers {
    memory: BTreeMap<String, Memory>,
    report: BTreeMap<String, BufferRange>,
}

impl Buffers {
    /// Makes one.
    pub fn add(&mut self, buffer: &Buffer) -> Result<(), Failure> {
        let fill = buffer.fill.map_or(0, |Fill(byte)| byte);
        if fill != 0 && buffer.state == Access::Untouched {
            let why = format!("the buffer `{}` cannot be untouched and filled", buffer.name);
            return Err(Failure::Broken(why));
        }
        let memory =
            Memory::new(buffer.state, fill).map_err(|errno| Failure::call("map memory for a buffer", errno))?;
        self.memory.insert(buffer.name.clone(), memory);
        self.lend(&buffer.name, BufferRange { start: memory.start as u64, bytes: BYTES as u64 });
        Ok(())
    }

    /// Gives memory a name that is not for calls to write to.
    pub fn lend(&mut self, name: &str, range: BufferRange) {
        self.report.insert(name.to_owned(), range);
    }

    /// The one of this name, if a name is given.
    pub fn find(&self, name: Option<&str>) -> Result<Option<Memory>, Failure> {
        let find = |name| {
            self.memory.get(name).copied().ok_or_else(|| Failure::Broken(format!("there is no buffer `{name}`")))
        };
        name.map(find).transpose()
    }

    /// Reads bytes of one.
    pub fn peek(&self, step: &Peek) -> Result<Call, Failure> {
        let (from, bytes) = (step.from.size(), step.bytes.size());
        let end = from.saturating_add(bytes);
        let area = Area::with_room(end, self.find(Some(&step.of))?)?;
        Ok(Call {
            what: format!("peek {}", step.of),
            number: -1,
            result: Some(step.name.clone()),
            sleeps: false,
            make: Box::new(move || {
                let mut returned = Returned::take(i64::try_from(bytes).unwrap_or(i64::MAX));
                returned.result.data = area.read(end).split_off(from);
                returned
            }),
        })
    }

    /// Where the pages of a buffer lie, or the page of code with which every task of the cell makes its fences.
    pub fn pages(&self, buffer: Option<&str>) -> Result<Range<usize>, Failure> {
        let (start, bytes) = match self.find(buffer)? {
            Some(memory) => (memory.start, BYTES),
            None => ((libc::syscall as *const ()).expose_provenance() / PAGE * PAGE, PAGE),
        };
        Ok(start..start + bytes)
    }

    /// Writes to the first byte of pages, what is there already.
    pub fn touch(&self, step: &Touch) -> Result<Call, Failure> {
        let range = self.pages(match &step.of {
            Pages::Buffer(name) => Some(name),
            Pages::Code => None,
        })?;
        let (code, pages) = (matches!(step.of, Pages::Code), step.pages.size());
        if pages > range.len() / PAGE {
            return Err(Failure::Broken(format!("there are {} pages, not {pages}", range.len() / PAGE)));
        }
        Ok(Call {
            what: "touch".to_owned(),
            number: -1,
            result: None,
            sleeps: false,
            make: Box::new(move || touch(range.start, pages, code)),
        })
    }

    /// The address of the one of this name.
    pub fn address(&self, name: &str) -> Result<u64, Failure> {
        let range = self.report.get(name).ok_or_else(|| Failure::Broken(format!("there is no buffer `{name}`")))?;
        Ok(range.start)
    }

    /// For the report.
    pub fn report(&self) -> BTreeMap<String, BufferRange> {
        self.report.clone()
    }
}

/// Where a call finds its input and leaves its output: a buffer of the case, or memory of the cell.
#[derive(Debug)]
pub enum Area {
    /// Of the cell; in words, so that it is aligned for every structure.
    Own(Vec<u64>),
    /// Of the case.
    Given(Memory),
}

impl Area {
    /// So much room.
    pub fn with_room(bytes: usize, given: Option<Memory>) -> Result<Self, Failure> {
        match given {
            Some(_) if bytes > BYTES => {
                Err(Failure::Broken(format!("the call needs {bytes} bytes of its buffer, which has {BYTES}")))
            }
            Some(memory) => Ok(Self::Given(memory)),
            None => Ok(Self::Own(vec![0; bytes.div_ceil(8).max(1)])),
        }
    }

    /// Room with this input in it.
    pub fn holding(input: &[u8], given: Option<Memory>) -> Result<Self, Failure> {
        let mut area = Self::with_room(input.len(), given)?;
        match &mut area {
            Self::Own(words) => {
                for (word, bytes) in words.iter_mut().zip(input.chunks(8)) {
                    let mut whole = [0; 8];
                    whole[..bytes.len()].copy_from_slice(bytes);
                    *word = u64::from_ne_bytes(whole);
                }
            }
            Self::Given(memory) => memory.fill(input).map_err(|errno| Failure::call("fill a buffer", errno))?,
        }
        Ok(area)
    }

    /// Where it begins, for the kernel to read and write.
    pub fn pointer(&mut self) -> *mut libc::c_void {
        match self {
            Self::Own(words) => words.as_mut_ptr().cast(),
            Self::Given(memory) => memory.pointer(),
        }
    }

    /// The first bytes of what is there now.
    pub fn read(&self, bytes: usize) -> Vec<u8> {
        match self {
            Self::Own(words) => words.iter().flat_map(|word| word.to_ne_bytes()).take(bytes).collect(),
            Self::Given(memory) => {
                let mut copy = vec![0; bytes.min(BYTES)];
                // SAFETY: the mapping is ours, readable and at least so long; nothing writes to it now.
                unsafe { std::ptr::copy_nonoverlapping(memory.pointer().cast(), copy.as_mut_ptr(), copy.len()) };
                copy
            }
        }
    }
}

fn touch(start: usize, pages: usize, code: bool) -> Returned {
    let first: *mut u8 = std::ptr::with_exposed_provenance_mut(start);
    if code {
        let access = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
        // SAFETY: the page is part of this program and stays readable and executable.
        if unsafe { libc::mprotect(first.cast(), PAGE, access) } != 0 {
            return Returned::take(-1);
        }
    }
    for page in 0..pages {
        // SAFETY: the page is ours, and writable; what it holds does not change.
        unsafe {
            let byte = first.add(page * PAGE);
            byte.write_volatile(byte.read_volatile());
        }
    }
    Returned::take(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which pages of a buffer are mapped: bit 63 of each entry of `/proc/self/pagemap`.
    fn first_page_is_mapped(memory: Memory) -> bool {
        use std::os::unix::fs::FileExt as _;
        let mut entry = [0; 8];
        let pages = std::fs::File::open("/proc/self/pagemap").unwrap();
        pages.read_exact_at(&mut entry, (memory.start / 4096 * 8) as u64).unwrap();
        u64::from_ne_bytes(entry) >> 63 == 1
    }

    #[test]
    fn input_reaches_an_untouched_buffer_without_a_touch() {
        let untouched = Memory::new(Access::Untouched, 0).unwrap();
        assert!(!first_page_is_mapped(untouched));
        let area = Area::holding(&[1, 2, 3], Some(untouched)).unwrap();
        assert!(!first_page_is_mapped(untouched));
        assert_eq!(area.read(4), [1, 2, 3, 0]);
        assert!(first_page_is_mapped(untouched));
    }

    #[test]
    fn a_written_buffer_is_mapped_from_the_start() {
        let written = Memory::new(Access::Written, 0).unwrap();
        assert!(first_page_is_mapped(written));
        assert_eq!(Area::holding(&[7; 9], Some(written)).unwrap().read(9), [7; 9]);
    }

    #[test]
    fn what_stood_in_a_buffer_stays_where_no_input_is() {
        let filled = Memory::new(Access::Written, 0x5a).unwrap();
        assert_eq!(Area::holding(&[1, 2], Some(filled)).unwrap().read(4), [1, 2, 0x5a, 0x5a]);
    }

    #[test]
    fn a_call_that_needs_more_than_a_buffer_is_refused() {
        let memory = Memory::new(Access::Written, 0).unwrap();
        assert!(matches!(Area::with_room(BYTES + 1, Some(memory)), Err(Failure::Broken(_))));
    }

    #[test]
    fn a_touch_is_of_pages_that_are_there_and_changes_nothing_in_them() {
        let mut buffers = Buffers::default();
        let buffer = Buffer { name: "memory".into(), state: Access::Written, fill: Some(Fill(0x5a)) };
        buffers.add(&buffer).unwrap();
        let touch = |pages| Touch { of: Pages::Buffer("memory".into()), pages: crate::case::Number(pages) };
        assert!(buffers.touch(&touch(17)).is_err());
        assert_eq!((buffers.touch(&touch(16)).unwrap().make)().trouble, None);
        let range = buffers.pages(Some("memory")).unwrap();
        assert_eq!(range.len(), BYTES);
        let area = Area::with_room(BYTES, buffers.find(Some("memory")).unwrap()).unwrap();
        assert!(area.read(BYTES).iter().all(|byte| *byte == 0x5a));
    }
}
