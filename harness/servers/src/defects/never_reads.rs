//! Level-triggered without reading.
//!
//! What isn't taken is reported again: every `epoll_wait` returns at once, and the server burns a CPU
//! while its client waits for an answer.

use std::convert::Infallible;

use crate::{Error, Options, Read, epoll_lt};

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    // Mistake: answers the report with no read at all.
    let never = Options { read: Some(Read::Never), ..options.clone() };
    epoll_lt::serve(&never)
}
