//! Numbers in the bytes of the ring. What would lie beyond the end is 0.
use wakeproof_abi as abi;

/// What every record begins with.
pub(super) fn header(bytes: &[u8]) -> Option<abi::Event> {
    // SAFETY: any bit pattern is a value of this struct of integers.
    unsafe { leading(bytes) }
}

/// The structure that the bytes begin with, if they are long enough.
///
/// # Safety
///
/// Any bit pattern must be a value of the type.
pub(super) unsafe fn leading<T: Copy>(bytes: &[u8]) -> Option<T> {
    // SAFETY: long enough, and any bit pattern is a value.
    (bytes.len() >= size_of::<T>()).then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// Two bytes as a number with a sign.
pub(super) fn i16_at(bytes: &[u8], at: usize) -> i16 {
    u16_at(bytes, at).cast_signed()
}

/// Two bytes.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

/// Four bytes.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

/// Eight bytes.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian_and_0_beyond_the_end() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 0xff];
        assert_eq!(u16_at(&bytes, 0), 0x0201);
        assert_eq!(u32_at(&bytes, 1), 0x0504_0302);
        assert_eq!(u64_at(&bytes, 0), 0xff07_0605_0403_0201);
        assert_eq!(i16_at(&bytes, 6), -249);
        assert_eq!(u32_at(&bytes, 5), 0);
        assert!(header(&bytes).is_none());
    }
}
