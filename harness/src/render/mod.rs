//! What came out, for people and for programs. Everything is rendered from one value, [`Results`]; a reporter is a file.
pub mod doctor;
mod excerpt;
pub mod json;
pub(crate) mod paint;
mod results;
pub mod screen;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod text;

pub use excerpt::{Excerpt, Shown};
pub use results::{Counts, Exhibit, Results, VERSION};
