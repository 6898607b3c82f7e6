//! Servers with one deliberate mistake each. They use everything else of the healthy ones, so that a
//! file here shows the mistake and nothing more.

use std::convert::Infallible;

use crate::{Defect, Error, Options};

/// Serves clients with the given mistake.
pub(crate) fn serve(defect: Defect, options: &Options) -> Result<Infallible, Error> {
    let _ = (defect, options);
    todo!()
}
