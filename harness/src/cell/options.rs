//! Options of sockets.
use std::os::fd::RawFd;

use nix::errno::Errno;

use super::call::{Call, Returned};
use super::failure::Failure;
use super::run::Run;
use crate::case::{GetOption, SetOption, SocketOption};

/// The level and the name of an option.
fn number(option: SocketOption) -> (libc::c_int, libc::c_int) {
    use SocketOption as Is;
    match option {
        Is::IpBindAddressNoPort => (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT),
        Is::SoAcceptconn => (libc::SOL_SOCKET, libc::SO_ACCEPTCONN),
        Is::SoBindtodevice => (libc::SOL_SOCKET, libc::SO_BINDTODEVICE),
        Is::SoCookie => (libc::SOL_SOCKET, libc::SO_COOKIE),
        Is::SoDomain => (libc::SOL_SOCKET, libc::SO_DOMAIN),
        Is::SoError => (libc::SOL_SOCKET, libc::SO_ERROR),
        Is::SoProtocol => (libc::SOL_SOCKET, libc::SO_PROTOCOL),
        Is::SoReuseaddr => (libc::SOL_SOCKET, libc::SO_REUSEADDR),
        Is::SoRcvlowat => (libc::SOL_SOCKET, libc::SO_RCVLOWAT),
        Is::SoReuseport => (libc::SOL_SOCKET, libc::SO_REUSEPORT),
        Is::SoType => (libc::SOL_SOCKET, libc::SO_TYPE),
        Is::TcpDeferAccept => (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT),
        Is::TcpFastopen => (libc::IPPROTO_TCP, libc::TCP_FASTOPEN),
        Is::TcpFastopenConnect => (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT),
        Is::Ipv6V6only => (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    }
}

/// Sets an option.
pub fn set(run: &Run, step: &SetOption) -> Result<(), Failure> {
    let value = libc::c_int::try_from(step.value.0).unwrap_or(libc::c_int::MAX).to_ne_bytes();
    let bytes = step.device.as_ref().map_or(&value[..], |device| device.as_bytes());
    for place in run.names.find(&step.on)? {
        write(run.names.fd(place), number(step.option), bytes)
            .map_err(|errno| Failure::call(format!("set {:?} on {}", step.option, step.on), errno))?;
    }
    Ok(())
}

fn write(fd: RawFd, (level, name): (libc::c_int, libc::c_int), bytes: &[u8]) -> nix::Result<()> {
    let length = libc::socklen_t::try_from(bytes.len()).unwrap_or(0);
    // SAFETY: the memory is readable and so long; a number that is no descriptor gives EBADF.
    Errno::result(unsafe { libc::setsockopt(fd, level, name, bytes.as_ptr().cast(), length) }).map(drop)
}

/// Reads an option that is a number.
pub fn get(run: &Run, step: &GetOption) -> Result<Call, Failure> {
    let place = run.names.one(&step.on)?;
    let (fd, (level, name)) = (run.names.fd(place), number(step.option));
    Ok(Call {
        what: format!("read {:?} of {}", step.option, run.names.label(place)),
        number: libc::SYS_getsockopt,
        result: Some(step.name.clone()),
        sleeps: false,
        make: Box::new(move || read(fd, level, name)),
    })
}

/// An option has four bytes, a cookie eight.
fn read(fd: RawFd, level: libc::c_int, name: libc::c_int) -> Returned {
    let mut value: u64 = 0;
    let mut length: libc::socklen_t = if name == libc::SO_COOKIE { 8 } else { 4 };
    // SAFETY: the value has room for eight bytes.
    let done = unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut length) };
    let mut returned = Returned::take(done);
    if returned.trouble.is_none() {
        returned.result.ret = value.cast_signed();
    }
    returned
}

/// Has the socket drop whatever arrives (net/core/filter.c: `sk_filter_trim_cap`, before TCP sees it).
pub fn drop_incoming(run: &Run, name: &str) -> Result<(), Failure> {
    const TAKE: u16 = 0x06; // BPF_RET | BPF_K: take so many bytes of it
    let place = run.names.one(name)?;
    let mut program = [libc::sock_filter { code: TAKE, jt: 0, jf: 0, k: 0 }];
    let filter = libc::sock_fprog { len: 1, filter: program.as_mut_ptr() };
    let length = libc::socklen_t::try_from(size_of_val(&filter)).unwrap_or(0);
    let (fd, what) = (run.names.fd(place), (&raw const filter).cast());
    // SAFETY: the filter leads to one instruction, which lives until the call returns.
    Errno::result(unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, what, length) })
        .map(drop)
        .map_err(|errno| Failure::call(format!("have {name} drop what arrives"), errno))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn options_are_read_with_their_own_lengths() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let option = |option| {
            let (level, name) = number(option);
            read(listener.as_raw_fd(), level, name).result.ret
        };
        assert_eq!(option(SocketOption::SoDomain), i64::from(libc::AF_INET));
        assert_eq!(option(SocketOption::SoAcceptconn), 1);
        assert_ne!(option(SocketOption::SoCookie), 0);
    }
}
