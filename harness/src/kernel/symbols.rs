//! Names of kernel addresses.
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// No function is longer: behind the last symbol of a section lies what has no names, such as compiled eBPF programs
/// (without `net.core.bpf_jit_kallsyms`) and trampolines.
const LONGEST: u64 = 256 << 10;

/// The kernel's symbol table, sorted by address.
pub struct Symbols {
    addresses: Vec<u64>,
    names: Vec<Arc<str>>,
    /// Functions, and whether they have that very name; made when it is first asked for.
    functions: OnceLock<HashMap<Box<str>, bool>>,
}

impl Symbols {
    /// Reads `/proc/kallsyms`. Where the kernel hides addresses, the table is empty and frames stay numbers.
    pub fn running() -> Self {
        Self::parse(&std::fs::read_to_string("/proc/kallsyms").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut table: Vec<(u64, &str)> = text
            .lines()
            .filter_map(|line| {
                let mut fields = line.split_ascii_whitespace();
                let address = u64::from_str_radix(fields.next()?, 16).ok().filter(|&address| address != 0)?;
                let kind = fields.next()?;
                matches!(kind, "t" | "T" | "w" | "W").then_some(())?;
                Some((address, fields.next()?))
            })
            .collect();
        table.sort_by_key(|&(address, _)| address);
        Self {
            addresses: table.iter().map(|&(address, _)| address).collect(),
            names: table.iter().map(|&(_, name)| name.into()).collect(),
            functions: OnceLock::new(),
        }
    }

    /// The function that an address lies in, or the address in hexadecimal.
    pub fn name(&self, address: u64) -> Arc<str> {
        let after = self.addresses.partition_point(|&start| start <= address);
        match after.checked_sub(1) {
            Some(place) if address - self.addresses[place] < LONGEST => Arc::clone(&self.names[place]),
            _ => format!("{address:#x}").into(),
        }
    }

    /// Whether the kernel hides its addresses.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Whether there is a function of this name, and whether the compiler has left the name alone: a clone of it has a
    /// suffix (`.isra.0`, `.constprop.0`), the unlikely part (`.cold`) is no function.
    pub fn has(&self, wanted: &str) -> Option<bool> {
        let functions = self.functions.get_or_init(|| {
            let mut functions = HashMap::new();
            for name in &self.names {
                match name.split_once('.') {
                    None => _ = functions.insert(name.as_ref().into(), true),
                    Some((_, suffix)) if suffix.ends_with("cold") => {}
                    Some((base, _)) => _ = functions.entry(base.into()).or_insert(false),
                }
            }
            functions
        });
        functions.get(wanted).copied()
    }

    /// The address of a function.
    pub fn address(&self, wanted: &str) -> Option<u64> {
        self.names.iter().position(|name| **name == *wanted).map(|index| self.addresses[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_the_function_that_starts_before_it() {
        let symbols = Symbols::parse("0000000000000200 T second\n0000000000000100 t first\n0000000000000180 d data\n");
        assert_eq!(&*symbols.name(0x1ff), "first");
        assert_eq!(&*symbols.name(0x200), "second");
        assert_eq!(&*symbols.name(0x50), "0x50");
        assert_eq!(symbols.address("second"), Some(0x200));
        assert_eq!(&*symbols.name(0x200 + LONGEST), "0x40200", "what is far behind the last symbol has no name");
    }

    #[test]
    fn clones_of_functions_are_known_by_their_suffix() {
        let symbols = Symbols::parse("100 t whole\n200 t clone.isra.0\n300 t split.cold\n400 t whole.cold\n");
        assert_eq!(
            ["whole", "clone", "split", "none"].map(|name| symbols.has(name)),
            [Some(true), Some(false), None, None]
        );
    }

    #[test]
    fn hidden_addresses_leave_numbers() {
        assert_eq!(&*Symbols::parse("0000000000000000 T a\n").name(0x10), "0x10");
    }
}
