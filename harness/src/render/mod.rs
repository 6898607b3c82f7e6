//! What came out, for people and for programs. Everything is rendered from one value, [`Results`]; a reporter is a file.
pub mod doctor;
mod excerpt;
pub mod json;
mod paint;
mod results;
pub mod screen;
#[cfg(test)]
pub(crate) mod testing;
mod text;

pub use excerpt::{Excerpt, Shown};
pub use results::{Counts, Exhibit, Results, VERSION};
