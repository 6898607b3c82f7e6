//! A recording becomes a verdict: pure, without a clock, a process or a privilege.
#[cfg(test)]
pub(crate) mod testing;
