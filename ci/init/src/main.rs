//! The first process of a guest kernel.
fn main() {}
