//! Several threads, each of which serves for ever.

use std::convert::Infallible;
use std::sync::mpsc;
use std::thread::Builder;

use crate::Error;

/// Runs each piece of work in a thread of its own and sleeps until one of them fails.
pub(crate) fn run<W>(works: impl IntoIterator<Item = W>) -> Result<Infallible, Error>
where
    W: FnOnce() -> Result<Infallible, Error> + Send + 'static,
{
    let (failed, failure) = mpsc::channel();
    for (number, work) in works.into_iter().enumerate() {
        let failed = failed.clone();
        Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || {
                let Err(error) = work();
                let _ = failed.send(error);
            })
            .map_err(Error::io("start", format!("worker {number}")))?;
    }
    Err(failure.recv().expect("`failed` lives as long as this call"))
}
