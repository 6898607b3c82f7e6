//! Names of kernel addresses.
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// No function is longer: behind the last symbol of the kernel proper lies what has no names.
const LONGEST: u64 = 256 << 10;

/// The kernel's symbol table, sorted by address.
pub struct Symbols {
    addresses: Vec<u64>,
    /// Behind each function at the latest.
    ends: Vec<u64>,
    names: Vec<Arc<str>>,
    /// Functions, and whether they have that very name; made when it is first asked for.
    functions: OnceLock<HashMap<Box<str>, bool>>,
}

impl Symbols {
    /// Reads `/proc/kallsyms`. Where the kernel hides addresses, the table is empty and frames stay numbers.
    pub fn running() -> Self {
        let read = |file| std::fs::read_to_string(file).unwrap_or_default();
        Self::parse(&read("/proc/kallsyms"), &read("/proc/modules"))
    }

    fn parse(symbols: &str, modules: &str) -> Self {
        let ends: HashMap<&str, u64> = modules.lines().filter_map(module_end).collect();
        let mut table: Vec<(u64, u64, &str)> = symbols
            .lines()
            .filter_map(|line| {
                let mut fields = line.split_ascii_whitespace();
                let address = u64::from_str_radix(fields.next()?, 16).ok().filter(|&address| address != 0)?;
                let kind = fields.next()?;
                matches!(kind, "t" | "T" | "w" | "W").then_some(())?;
                let name = fields.next()?;
                let module = fields.next().and_then(|module| ends.get(module.trim_matches(['[', ']'])));
                Some((address, module.copied().unwrap_or(address.saturating_add(LONGEST)), name))
            })
            .collect();
        table.sort_by_key(|&(address, ..)| address);
        Self {
            addresses: table.iter().map(|&(address, ..)| address).collect(),
            ends: table.iter().map(|&(_, end, _)| end).collect(),
            names: table.iter().map(|&(.., name)| name.into()).collect(),
            functions: OnceLock::new(),
        }
    }

    /// The function that an address lies in, or the address in hexadecimal.
    pub fn name(&self, address: u64) -> Arc<str> {
        let after = self.addresses.partition_point(|&start| start <= address);
        match after.checked_sub(1) {
            Some(place) if address < self.ends[place] => Arc::clone(&self.names[place]),
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

/// A module of `/proc/modules` and where it ends. Right behind it may lie what has no names: trampolines, and compiled eBPF
/// programs (without `net.core.bpf_jit_kallsyms`).
fn module_end(line: &str) -> Option<(&str, u64)> {
    // `veth 36864 0 - Live 0xffffffffc0000000`: name, bytes, users, whose they are, state, start.
    let mut fields = line.split_ascii_whitespace();
    let (name, bytes) = (fields.next()?, fields.next()?.parse::<u64>().ok()?);
    let start = u64::from_str_radix(fields.nth(3)?.strip_prefix("0x")?, 16).ok().filter(|&start| start != 0)?;
    Some((name, start.checked_add(bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_the_function_that_starts_before_it() {
        let symbols =
            Symbols::parse("0000000000000200 T second\n0000000000000100 t first\n0000000000000180 d data\n", "");
        assert_eq!(&*symbols.name(0x1ff), "first");
        assert_eq!(&*symbols.name(0x200), "second");
        assert_eq!(&*symbols.name(0x50), "0x50");
        assert_eq!(symbols.address("second"), Some(0x200));
        assert_eq!(&*symbols.name(0x200 + LONGEST), "0x40200", "what is far behind the last symbol has no name");
    }

    #[test]
    fn behind_a_module_nothing_has_a_name() {
        let table = "100 t kernel\n2000 t first\t[veth]\n2800 t cleanup_module\t[veth]\n9000 t prog\t[bpf]\n";
        let symbols = Symbols::parse(table, "veth 4096 0 - Live 0x0000000000002000\nhidden 4096 0 - Live 0x0\n");
        let names = [0x2fff, 0x3000, 0x9fff].map(|address| symbols.name(address));
        assert_eq!(names.each_ref().map(|name| &**name), ["cleanup_module", "0x3000", "prog"]);
    }

    #[test]
    fn clones_of_functions_are_known_by_their_suffix() {
        let symbols = Symbols::parse("100 t whole\n200 t clone.isra.0\n300 t split.cold\n400 t whole.cold\n", "");
        assert_eq!(
            ["whole", "clone", "split", "none"].map(|name| symbols.has(name)),
            [Some(true), Some(false), None, None]
        );
    }

    #[test]
    fn hidden_addresses_leave_numbers() {
        assert_eq!(&*Symbols::parse("0000000000000000 T a\n", "").name(0x10), "0x10");
    }
}
