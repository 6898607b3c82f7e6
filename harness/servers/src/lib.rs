//! The reference servers: one I/O model a file.
