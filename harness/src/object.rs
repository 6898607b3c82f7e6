//! The eBPF object inside the binary.

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/probes.o"));

/// The eBPF program, aligned for parsing; none if this binary was built without (`cargo xtask build` puts it in).
pub fn object() -> Option<&'static [u8]> {
    Some(OBJECT).filter(|object| !object.is_empty())
}
