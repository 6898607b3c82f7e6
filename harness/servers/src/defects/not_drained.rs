//! Edge-triggered without draining.
//!
//! One read per edge, into a small buffer. If a request is larger, its rest lies in the receive
//! queue, and as it arrived before the report it never causes another one. The server waits for the
//! next segment, the client for its answer: both for ever.

use std::convert::Infallible;
use std::num::NonZeroUsize;

use crate::{Error, Options, Read, epoll_et};

const AT_MOST: NonZeroUsize = NonZeroUsize::new(16).unwrap();

pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    // Mistake: reads once where only EAGAIN or a short read would prove that nothing is left.
    let once = Options { read: Some(Read::Once), buffer: options.buffer.min(AT_MOST), ..options.clone() };
    epoll_et::serve(&once)
}
