//! Set-up, building the eBPF object, kernels and guests.
fn main() {}
