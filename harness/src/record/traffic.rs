//! Traffic that has nothing to do with the experiment: it goes on outside the cell while the cell does nothing, and
//! whoever attributes well does not see it.
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::select::{FdSet, select};

/// One exchange over loopback, waited for with each of select, poll and `epoll_wait`.
pub(super) fn unrelated() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&server, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0))?;
    let mut byte = [0];
    for wait in [with_select, with_poll, with_epoll] {
        client.write_all(&[1])?;
        wait(&server, &epoll)?;
        server.read_exact(&mut byte)?;
    }
    Ok(())
}

fn with_select(server: &TcpStream, _: &Epoll) -> io::Result<()> {
    let mut set = FdSet::new();
    set.insert(server.as_fd());
    select(None, &mut set, None, None, None)?;
    Ok(())
}

fn with_poll(server: &TcpStream, _: &Epoll) -> io::Result<()> {
    poll(&mut [PollFd::new(server.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
    Ok(())
}

fn with_epoll(_: &TcpStream, epoll: &Epoll) -> io::Result<()> {
    epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::NONE)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn traffic_comes_to_its_end() {
        super::unrelated().expect("loopback works");
    }
}
