//! Thread per connection: the main thread only accepts, and each further thread serves one client.
//!
//! Who sleeps where is as in `fork`: one task in `accept`, and one in the `read` of each connection.
//! But the threads share one address space and one descriptor table (`CLONE_VM`, `CLONE_FILES`), so
//! nothing is copied, nobody closes twice, and no child has to be collected.
//!
//! Cost: a task and two stacks for each connection, even an idle one, and a switch for each turn.

use std::convert::Infallible;
use std::thread::Builder;

use nix::sys::socket::SockFlag;

use crate::blocking::converse;
use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options};

/// Serves each client in a thread of its own.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let listener = Listener::open(options, SockFlag::empty())?;
    listener.announce()?;
    loop {
        match listener.accept(SockFlag::empty()) {
            Ok(connection) => {
                let options = options.clone();
                // clone(2). The thread owns the connection and closes it at its end; it is detached,
                // so the kernel frees it without anybody waiting.
                let spawned = Builder::new().name("connection".into()).spawn(move || converse(&connection, &options));
                if let Err(error) = spawned {
                    // The closure was dropped and the connection closed with it: only this client loses.
                    eprintln!("refused a client: no thread for it: {error}");
                }
            }
            Err(errno) if concerns_one_client(errno) => {}
            Err(errno) => return Err(listener.accept_failed(errno)),
        }
    }
}
