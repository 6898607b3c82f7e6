//! One thread that runs the tasks of the tokio runtime.
//!
//! Underneath it is one loop around an edge-triggered epoll: the thread sleeps in `epoll_wait`, and an
//! `.await` that would have to wait gives the thread to the next task that is ready. The code reads
//! like `thread`; the kernel sees something like `epoll-et`, plus an eventfd that wakes the loop.
//!
//! Cost: some hundred bytes for each task instead of a stack.

use std::convert::Infallible;
use std::io;

use ::tokio::io::unix::AsyncFd;
use ::tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use ::tokio::net::TcpStream;
use ::tokio::runtime;
use nix::errno::Errno;
use nix::sys::socket::SockFlag;

use crate::listen::{Listener, concerns_one_client};
use crate::{Error, Options, Reply};

/// Serves each client in a task of its own.
pub(crate) fn serve(options: &Options) -> Result<Infallible, Error> {
    let runtime =
        runtime::Builder::new_current_thread().enable_io().build().map_err(Error::io("build", "the tokio runtime"))?;
    runtime.block_on(accept(options))
}

async fn accept(options: &Options) -> Result<Infallible, Error> {
    let listener = Listener::open(options, SockFlag::SOCK_NONBLOCK)?;
    // SAFETY: the listener keeps one descriptor open for as long as it exists.
    let listener = unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE) }
        .map_err(io::Error::from)
        .map_err(Error::io("add to tokio's epoll", "the listener"))?;
    listener.get_ref().announce()?;
    loop {
        let mut ready = listener.readable().await.map_err(Error::io("wait for", "the listener"))?;
        match listener.get_ref().accept(SockFlag::SOCK_NONBLOCK) {
            Ok(fd) => match TcpStream::from_std(fd.into()) {
                Ok(connection) => drop(::tokio::spawn(converse(connection, options.clone()))),
                Err(error) => eprintln!("refused a client: tokio has no room for it: {error}"),
            },
            Err(Errno::EAGAIN) => ready.clear_ready(), // drained: from here on an edge is needed
            Err(errno) if concerns_one_client(errno) => {}
            Err(errno) => return Err(listener.get_ref().accept_failed(errno)),
        }
    }
}

/// Echoes until end of file. Ends with an error when the client is gone, which concerns nobody else.
async fn converse(mut connection: TcpStream, options: Options) -> io::Result<()> {
    let mut buffer = options.read_buffer();
    loop {
        let received = connection.read(&mut buffer).await?;
        if received == 0 {
            return Ok(()); // close(2) as it is dropped
        }
        if options.reply == Reply::Echo {
            connection.write_all(&buffer[..received]).await?;
        }
    }
}
