//! What came out, for people and for programs. Everything about one kernel is rendered from one value,
//! [`Results`], and everything about several from another, [`matrix::Matrix`]; a reporter is a file.
pub mod difference;
pub mod doctor;
mod excerpt;
pub mod html;
pub mod json;
pub mod live;
mod machine;
pub mod matrix;
pub(crate) mod paint;
pub mod picture;
pub mod reporter;
mod results;
pub mod screen;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod text;

pub use excerpt::{Excerpt, Shown};
pub use machine::{MACHINE_VERSION, Machine};
pub use results::{Counts, Exhibit, Results, VERSION};
