//! A reader of the kernel's BTF, as far as we need it: where members lie, and what functions take.
//!
//! The format is described in Documentation/bpf/btf.rst. aya's own reader keeps structure members to itself.
use std::path::Path;
use std::sync::OnceLock;

use foldhash::HashMap;
use thiserror::Error;

/// Why type information could not be had.
#[derive(Debug, Error)]
pub enum BtfError {
    /// The kernel offers none.
    #[error("failed to read the kernel's type information {path}: {source}")]
    Read {
        /// Where it should be.
        path: String,
        /// The errno.
        source: std::io::Error,
    },
    /// It is not BTF, or of another version.
    #[error("the kernel's type information is malformed: {0}")]
    Malformed(&'static str),
    /// No such structure.
    #[error("this kernel has no struct {0}")]
    NoStruct(String),
    /// No such member.
    #[error("struct {structure} of this kernel has no member {member}")]
    NoMember {
        /// The structure.
        structure: String,
        /// The path that was asked for.
        member: String,
    },
}

const MAGIC: u16 = 0xeb9f;
mod kind {
    pub(super) const PTR: u32 = 2;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const FORWARD: u32 = 7;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const RESTRICT: u32 = 11;
    pub(super) const FUNC: u32 = 12;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const TYPE_TAG: u32 = 18;
}

/// The kernel's type information.
#[derive(Default)]
pub struct Btf {
    data: Vec<u8>,
    strings: usize,
    /// Byte offset of each type; type 0 is `void`.
    types: Vec<u32>,
    structs: HashMap<Box<str>, u32>,
    /// Made when it is first asked for: there are tens of thousands.
    functions: OnceLock<HashMap<Box<str>, u32>>,
}

impl Btf {
    /// Where the kernel offers it.
    pub const PATH: &str = "/sys/kernel/btf/vmlinux";

    /// Reads the running kernel's.
    pub fn running() -> Result<Self, BtfError> {
        let path = Path::new(Self::PATH);
        let data = std::fs::read(path).map_err(|source| BtfError::Read { path: Self::PATH.into(), source })?;
        Self::parse(data)
    }

    /// Indexes a raw BTF blob.
    pub fn parse(data: Vec<u8>) -> Result<Self, BtfError> {
        if data.len() < 24 || u16::from_le_bytes([data[0], data[1]]) != MAGIC {
            return Err(BtfError::Malformed("wrong magic number"));
        }
        let word = |at: usize| read_u32(&data, at).ok_or(BtfError::Malformed("truncated header"));
        let header = word(4)? as usize;
        let (type_start, type_length) = (header + word(8)? as usize, word(12)? as usize);
        let strings = header + word(16)? as usize;
        let end = type_start + type_length;
        if end > data.len() || strings > data.len() {
            return Err(BtfError::Malformed("sections reach beyond the end"));
        }
        let mut btf = Self { data, strings, types: vec![0], ..Self::default() };
        let mut at = type_start;
        while at + 12 <= end {
            let id = u32::try_from(btf.types.len()).map_err(|_| BtfError::Malformed("too many types"))?;
            btf.types.push(u32::try_from(at).map_err(|_| BtfError::Malformed("too long"))?);
            let (kind, count) = btf.info(at);
            if kind == kind::STRUCT {
                let name: Box<str> = btf.name(btf.word(at)).into();
                btf.structs.entry(name).or_insert(id);
            }
            at += 12 + extra(kind, count).ok_or(BtfError::Malformed("unknown kind of type"))?;
        }
        Ok(btf)
    }

    /// Offset in bytes of a member, given as a path through named members (`ffd.file`); anonymous structures and unions on
    /// the way are looked into.
    pub fn offset(&self, structure: &str, member: &str) -> Result<u32, BtfError> {
        let mut id = *self.structs.get(structure).ok_or_else(|| BtfError::NoStruct(structure.into()))?;
        let mut bits = 0;
        for name in member.split('.') {
            let (offset, found) = self
                .member(id, name)
                .ok_or_else(|| BtfError::NoMember { structure: structure.into(), member: member.into() })?;
            bits += offset;
            id = found;
        }
        Ok(bits / 8)
    }

    /// The members of a structure with the names of their types, those of anonymous members among them.
    pub fn members(&self, structure: &str) -> Result<Vec<(&str, String)>, BtfError> {
        let id = *self.structs.get(structure).ok_or_else(|| BtfError::NoStruct(structure.into()))?;
        let mut members = Vec::new();
        self.gather(id, &mut members);
        Ok(members)
    }

    fn gather<'a>(&'a self, id: u32, members: &mut Vec<(&'a str, String)>) {
        let Some(at) = self.at(self.plain(id)) else { return };
        let (kind, count) = self.info(at);
        if kind != kind::STRUCT && kind != kind::UNION {
            return;
        }
        for index in 0..count as usize {
            let member = at + 12 + index * 12;
            let (name, of) = (self.name(self.word(member)), self.word(member + 4));
            if name.is_empty() {
                self.gather(of, members);
            } else {
                members.push((name, self.type_name(of)));
            }
        }
    }

    /// A type as C would write it, as far as names go.
    fn type_name(&self, id: u32) -> String {
        let Some(at) = self.at(id) else { return "void".into() };
        let name = self.name(self.word(at));
        match self.info(at).0 {
            kind::PTR => format!("{} *", self.type_name(self.word(at + 8))),
            kind::STRUCT => format!("struct {name}"),
            kind::UNION => format!("union {name}"),
            kind::ARRAY => format!("{}[{}]", self.type_name(self.word(at + 12)), self.word(at + 20)),
            kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => self.type_name(self.word(at + 8)),
            kind::FUNC_PROTO => "function".into(),
            _ => name.to_owned(),
        }
    }

    /// Whether there is a function of this name.
    pub fn has_function(&self, function: &str) -> bool {
        self.functions().contains_key(function)
    }

    /// As [`Btf::has_function`], for one look that is not worth an index.
    pub fn declares(&self, function: &str) -> bool {
        let mut types = self.types.iter().skip(1).map(|&at| at as usize);
        let named = |at| {
            let name = self.data.get(self.strings + self.word(at) as usize..).unwrap_or_default();
            name.strip_prefix(function.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
        };
        types.any(|at| self.info(at).0 == kind::FUNC && named(at))
    }

    /// For each parameter of a function the structure it points to, if it points to one.
    pub fn parameters(&self, function: &str) -> Option<Vec<Option<&str>>> {
        let id = *self.functions().get(function)?;
        let proto = self.at(self.word(self.at(id)? + 8))?;
        let (kind, count) = self.info(proto);
        if kind != kind::FUNC_PROTO {
            return None;
        }
        Some((0..count).map(|index| self.pointee(self.word(proto + 12 + index as usize * 8 + 4))).collect())
    }

    /// Of functions of one name the first, as the kernel's own lookup finds it.
    fn functions(&self) -> &HashMap<Box<str>, u32> {
        self.functions.get_or_init(|| {
            let mut functions = HashMap::default();
            for (&at, id) in self.types.iter().zip(0..).skip(1) {
                let at = at as usize;
                if self.info(at).0 == kind::FUNC {
                    functions.entry(self.name(self.word(at)).into()).or_insert(id);
                }
            }
            functions
        })
    }

    /// The same with nothing in it but what programs can be attached to: functions and tracepoints. All keep their numbers;
    /// forward declarations of nothing stand in the places of the others.
    pub fn targets(&self) -> Vec<u8> {
        const HEADER: u32 = 24;
        let types: Vec<u8> = self
            .types
            .iter()
            .skip(1)
            .flat_map(|&at| {
                let at = at as usize;
                let kept = match self.info(at).0 {
                    kind::FUNC => true,
                    kind::TYPEDEF => self.name(self.word(at)).starts_with("btf_trace_"),
                    _ => false,
                };
                if kept { [0, 4, 8].map(|word| self.word(at + word)) } else { [0, kind::FORWARD << 24, 0] }
            })
            .flat_map(u32::to_le_bytes)
            .collect();
        let strings = self.data.get(self.strings..self.strings + self.word(20) as usize).unwrap_or_default();
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(0);
        let mut blob = Vec::with_capacity(HEADER as usize + types.len() + strings.len());
        blob.extend(MAGIC.to_le_bytes());
        blob.extend([1, 0]);
        for word in [HEADER, 0, length(&types), length(&types), length(strings)] {
            blob.extend(word.to_le_bytes());
        }
        blob.extend(types);
        blob.extend(strings);
        blob
    }

    /// The structure that a pointer type leads to.
    fn pointee(&self, id: u32) -> Option<&str> {
        let at = self.at(self.plain(id))?;
        let (kind, _) = self.info(at);
        if kind != kind::PTR {
            return None;
        }
        let target = self.at(self.plain(self.word(at + 8)))?;
        (self.info(target).0 == kind::STRUCT).then(|| self.name(self.word(target)))
    }

    /// Offset in bits and type of a member.
    fn member(&self, id: u32, wanted: &str) -> Option<(u32, u32)> {
        let at = self.at(self.plain(id))?;
        let (kind, count) = self.info(at);
        if kind != kind::STRUCT && kind != kind::UNION {
            return None;
        }
        let bitfields = self.word(at + 4) >> 31 == 1;
        for index in 0..count as usize {
            let member = at + 12 + index * 12;
            let name = self.name(self.word(member));
            let offset = if bitfields { self.word(member + 8) & 0xff_ffff } else { self.word(member + 8) };
            let of = self.word(member + 4);
            if name == wanted {
                return Some((offset, of));
            }
            if name.is_empty()
                && let Some((inner, found)) = self.member(of, wanted)
            {
                return Some((offset + inner, found));
            }
        }
        None
    }

    /// Without typedefs and qualifiers.
    fn plain(&self, mut id: u32) -> u32 {
        while let Some(at) = self.at(id) {
            match self.info(at).0 {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = self.word(at + 8);
                }
                _ => break,
            }
        }
        id
    }

    fn at(&self, id: u32) -> Option<usize> {
        self.types.get(id as usize).map(|&at| at as usize).filter(|&at| at != 0)
    }

    fn info(&self, at: usize) -> (u32, u32) {
        let info = self.word(at + 4);
        (info >> 24 & 0x1f, info & 0xffff)
    }

    fn word(&self, at: usize) -> u32 {
        read_u32(&self.data, at).unwrap_or(0)
    }

    fn name(&self, offset: u32) -> &str {
        let bytes = self.data.get(self.strings + offset as usize..).unwrap_or_default();
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(0);
        std::str::from_utf8(&bytes[..end]).unwrap_or_default()
    }
}

fn read_u32(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// How many bytes follow the twelve that every type has.
fn extra(kind: u32, count: u32) -> Option<usize> {
    let count = count as usize;
    Some(match kind {
        1 | 14 | 17 => 4,
        2 | 7..=12 | 16 | 18 => 0,
        3 => 12,
        4 | 5 | 15 | 19 => count * 12,
        6 | 13 => count * 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_that_is_no_btf_is_refused() {
        assert!(matches!(Btf::parse(vec![0; 64]), Err(BtfError::Malformed("wrong magic number"))));
        assert!(matches!(Btf::parse(Vec::new()), Err(BtfError::Malformed(_))));
    }

    #[test]
    fn what_programs_are_attached_to_keeps_its_numbers() {
        let Ok(btf) = Btf::running() else { return };
        let targets = Btf::parse(btf.targets()).expect("well formed");
        assert_eq!(targets.types.len(), btf.types.len());
        assert_eq!(targets.functions().get("tcp_v4_rcv"), btf.functions().get("tcp_v4_rcv"));
        assert!(targets.structs.is_empty() && targets.functions().len() == btf.functions().len());
    }

    #[test]
    fn members_are_found_by_name_where_the_kernel_tells() {
        let Ok(btf) = Btf::running() else { return };
        assert_eq!(btf.offset("list_head", "prev").expect("every kernel has it"), 8);
        assert!(btf.offset("eventpoll", "rdllist").expect("every kernel has it") > 0);
        assert!(matches!(btf.offset("eventpoll", "rdlist"), Err(BtfError::NoMember { .. })));
        assert!(matches!(btf.offset("eventpol", "rdllist"), Err(BtfError::NoStruct(_))));
        let members = btf.members("eventpoll").expect("every kernel has it");
        assert!(members.contains(&("rdllist", "struct list_head".into())), "{members:?}");
        assert!(btf.declares("tcp_poll") && !btf.declares("tcp_pol"));
        assert_eq!(btf.parameters("tcp_poll").expect("a function")[0], Some("file"));
    }
}
