//! The cell: a process in namespaces of its own, in which one run happens.
pub mod protocol;
