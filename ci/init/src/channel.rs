//! The channel from guest to host: memory of an `ivshmem-plain` device, which needs no driver in any kernel.
//!
//! The guest writes the payload first and the header last, so that a header which is there is the header of a whole payload;
//! the checksum says so once more.

/// The size of the shared memory, a power of two. A sparse file on the host, so only what is written costs anything.
pub const SIZE: usize = 1 << 30;
/// Where the payload begins.
pub const PAYLOAD: usize = 4096;
/// The length of the header.
pub const HEADER: usize = 40;

const MAGIC: [u8; 8] = *b"WAKEPRF\0";
const VERSION: u32 = 1;

/// How the command in the guest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this exit status.
    Exited(u8),
    /// By this signal.
    Killed(u8),
    /// Nobody knows: the guest's init failed, and said why on the console.
    InitFailed,
}

impl Ending {
    /// The status that a shell would show, which is also what goes to QEMU's exit port.
    pub fn status(self) -> u8 {
        match self {
            Self::Exited(status) => status,
            Self::Killed(signal) => signal.saturating_add(128),
            Self::InitFailed => 125,
        }
    }
}

/// What stands in front of the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How the command ended.
    pub ending: Ending,
    /// The length of the payload in bytes.
    pub length: u64,
    /// [`checksum`] of the payload.
    pub checksum: u64,
}

impl Header {
    /// The header of this payload.
    pub fn new(ending: Ending, payload: &[u8]) -> Self {
        Self { ending, length: payload.len() as u64, checksum: checksum(payload) }
    }

    /// The header as bytes.
    pub fn encode(&self) -> [u8; HEADER] {
        let (kind, value): (u32, u8) = match self.ending {
            Ending::Exited(status) => (0, status),
            Ending::Killed(signal) => (1, signal),
            Ending::InitFailed => (2, 0),
        };
        let mut bytes = [0; HEADER];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&kind.to_le_bytes());
        bytes[16..20].copy_from_slice(&u32::from(value).to_le_bytes());
        bytes[24..32].copy_from_slice(&self.length.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// Reads the header, or says what is wrong with it.
    pub fn decode(bytes: &[u8; HEADER]) -> Result<Self, Fault> {
        if bytes[0..8] != MAGIC {
            return Err(Fault::Missing);
        }
        let version = word(bytes, 8);
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let value = u8::try_from(word(bytes, 16)).map_err(|_| Fault::Garbled)?;
        let ending = match word(bytes, 12) {
            0 => Ending::Exited(value),
            1 => Ending::Killed(value),
            2 => Ending::InitFailed,
            _ => return Err(Fault::Garbled),
        };
        let length = long(bytes, 24);
        if length > (SIZE - PAYLOAD) as u64 {
            return Err(Fault::Garbled);
        }
        Ok(Self { ending, length, checksum: long(bytes, 32) })
    }

    /// Whether this is the payload that the guest wrote.
    pub fn check(&self, payload: &[u8]) -> Result<(), Fault> {
        if payload.len() as u64 == self.length && checksum(payload) == self.checksum {
            Ok(())
        } else {
            Err(Fault::Checksum)
        }
    }
}

/// Why the channel cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The guest wrote no header.
    Missing,
    /// The guest's init is of another version.
    Version(u32),
    /// A field has a value that nobody writes.
    Garbled,
    /// The payload is not the one that the header describes.
    Checksum,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("the guest left no result"),
            Self::Version(version) => write!(f, "the guest's result has version {version}, expected {VERSION}"),
            Self::Garbled => f.write_str("the guest's result has a garbled header"),
            Self::Checksum => f.write_str("the guest's report does not have the checksum that the guest wrote"),
        }
    }
}

impl std::error::Error for Fault {}

/// FNV-1a over 64 bits: shows damage, which is all that is asked here.
pub fn checksum(bytes: &[u8]) -> u64 {
    checksum_on(EMPTY, bytes)
}

/// The checksum of nothing.
pub const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

/// The checksum of what `before` is the checksum of, and these bytes behind it.
pub fn checksum_on(before: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(before, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn word(bytes: &[u8; HEADER], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn long(bytes: &[u8; HEADER], at: usize) -> u64 {
    let mut long = [0; 8];
    long.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_journey() {
        for ending in [Ending::Exited(101), Ending::Killed(11), Ending::InitFailed] {
            let header = Header::new(ending, b"payload");
            assert_eq!(Header::decode(&header.encode()), Ok(header));
            assert_eq!(header.check(b"payload"), Ok(()));
            assert_eq!(header.check(b"payloaf"), Err(Fault::Checksum));
        }
    }

    #[test]
    fn untouched_memory_is_a_missing_header() {
        assert_eq!(Header::decode(&[0; HEADER]), Err(Fault::Missing));
    }

    #[test]
    fn foreign_versions_and_impossible_fields_are_told_apart() {
        let good = Header::new(Ending::Exited(0), b"").encode();
        let mut other = good;
        other[8] = 9;
        assert_eq!(Header::decode(&other), Err(Fault::Version(9)));
        let mut kind = good;
        kind[12] = 7;
        assert_eq!(Header::decode(&kind), Err(Fault::Garbled));
        let mut long = good;
        long[30] = 1;
        assert_eq!(Header::decode(&long), Err(Fault::Garbled));
    }

    #[test]
    fn the_checksum_is_fnv_1a() {
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(checksum(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(checksum_on(checksum(b"pay"), b"load"), checksum(b"payload"));
    }
}
