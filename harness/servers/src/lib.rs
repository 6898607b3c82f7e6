//! The reference servers: one I/O model a file.
//!
//! All of them speak the same protocol, so that only the I/O model differs: what arrives is sent
//! back, and end of file closes the connection. Each file says first who sleeps where in the
//! kernel and what that costs, and then follows the life of a connection: listen, accept, wait,
//! read, write, close. `defects/` holds servers with one deliberate mistake each.
//!
//! [`serve`] announces its address on standard output as one line, `listening on 127.0.0.1:43210`,
//! and then serves until a signal ends the process: SIGTERM keeps its default action.
//!
//! A client that goes away never raises SIGPIPE here, since every write is `send` with
//! `MSG_NOSIGNAL`: the error comes back as EPIPE, where it can be handled.

mod blocking;
mod defects;
mod epoll_each;
mod epoll_et;
mod epoll_lt;
mod epoll_oneshot;
mod epoll_shared;
mod error;
mod fork;
mod fork_autoreap;
mod io_uring;
mod listen;
mod model;
mod options;
mod poll;
mod pool;
mod pool_each;
mod pool_lazy;
mod pool_lock_free;
mod prefork;
mod reuseport;
mod select;
mod spin;
mod thread;
mod tokio;
mod workers;

use std::convert::Infallible;

pub use error::Error;
pub use model::{Defect, Model};
pub use options::{Options, Read, Reply};

/// Serves clients with the given I/O model until a signal ends the process.
///
/// `fork`, `fork-autoreap` and `prefork` fork the calling process, so call it from a process with one thread.
pub fn serve(model: Model, options: &Options) -> Result<Infallible, Error> {
    options.check(model)?;
    if let Some(defect) = options.defect {
        return defects::serve(defect, options);
    }
    match model {
        Model::Blocking => blocking::serve(options),
        Model::Fork => fork::serve(options),
        Model::ForkAutoreap => fork_autoreap::serve(options),
        Model::Thread => thread::serve(options),
        Model::Pool => pool::serve(options),
        Model::PoolLazy => pool_lazy::serve(options),
        Model::PoolEach => pool_each::serve(options),
        Model::PoolLockFree => pool_lock_free::serve(options),
        Model::Select => select::serve(options),
        Model::Poll => poll::serve(options),
        Model::EpollLt => epoll_lt::serve(options),
        Model::EpollEt => epoll_et::serve(options),
        Model::Spin => spin::serve(options),
        Model::Prefork => prefork::serve(options),
        Model::EpollShared => epoll_shared::serve(options),
        Model::EpollOneshot => epoll_oneshot::serve(options),
        Model::EpollEach => epoll_each::serve(options),
        Model::Reuseport => reuseport::serve(options),
        Model::IoUring => io_uring::serve(options),
        Model::Tokio => tokio::serve(options),
    }
}
