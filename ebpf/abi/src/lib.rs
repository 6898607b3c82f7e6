//! What the eBPF program and its user side say to each other.
#![no_std]
