//! The catalogue of the suite itself.
