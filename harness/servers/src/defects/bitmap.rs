//! A set of descriptors by hand: what `fd_set` is, without its limit.

use std::ffi::c_ulong;
use std::os::fd::RawFd;
use std::ptr;

use nix::errno::Errno;
use nix::libc;

/// Descriptors in one word of a set.
pub(crate) const PER_WORD: usize = c_ulong::BITS as usize;

/// Words of a C library's `fd_set`.
pub(crate) const FD_SET_WORDS: usize = libc::FD_SETSIZE / PER_WORD;

/// A bitmap of a length that is chosen when it is made. The kernel takes any length.
pub(crate) struct Bitmap(Vec<c_ulong>);

impl Bitmap {
    pub(crate) fn with_words(words: usize) -> Self {
        Self(vec![0; words])
    }

    /// `FD_SET`.
    pub(crate) fn insert(&mut self, fd: RawFd) {
        let (word, bit) = place(fd);
        self.0[word] |= bit;
    }

    /// `FD_CLR`.
    pub(crate) fn remove(&mut self, fd: RawFd) {
        let (word, bit) = place(fd);
        self.0[word] &= !bit;
    }

    /// `FD_ISSET`.
    pub(crate) fn contains(&self, fd: RawFd) -> bool {
        let (word, bit) = place(fd);
        self.0[word] & bit != 0
    }
}

/// The word of a descriptor, and its bit in that word.
pub(crate) fn place(fd: RawFd) -> (usize, c_ulong) {
    let fd = usize::try_from(fd).expect("an open descriptor is not negative");
    (fd / PER_WORD, 1 << (fd % PER_WORD))
}

/// select(2) without a timeout on descriptors up to `highest`. Overwrites both sets with the result.
pub(crate) fn select(highest: RawFd, readable: &mut Bitmap, writable: &mut Bitmap) -> nix::Result<()> {
    let (last, _) = place(highest);
    assert!(last < readable.0.len().min(writable.0.len()), "the kernel would write behind the end of a bitmap");
    let (readable, writable) = (readable.0.as_mut_ptr().cast(), writable.0.as_mut_ptr().cast());
    // SAFETY: the kernel reads and writes the words up to that of `highest`, which both bitmaps have.
    let result = unsafe { libc::select(highest + 1, readable, writable, ptr::null_mut(), ptr::null_mut()) };
    Errno::result(result).map(drop)
}
