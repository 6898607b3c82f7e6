//! Losing segments: a classic BPF filter on the receiving socket, which TCP asks before it does anything with a segment.
//!
//! A segment that the filter refuses is neither queued nor acknowledged (`tcp_v4_rcv`
//! calls `tcp_filter`, net/ipv4), so the sender keeps it, as it would one that was lost on the way. The filter sees the segment from the
//! TCP header on.
use nix::errno::Errno;

use super::failure::Failure;
use super::run::Run;
use crate::case::AttachFilter;

/// Where the TCP header has its own length: the upper four bits, in words of four bytes.
const LENGTH_OF_HEADER: u32 = 12;

/// Attaches the filter to each socket of the name.
pub fn attach(run: &Run, step: &AttachFilter) -> Result<(), Failure> {
    let most = step.up_to.map_or(u32::MAX, |most| u32::try_from(most.0).unwrap_or(u32::MAX));
    let mut program = program(most);
    let length = u16::try_from(program.len()).unwrap_or(0);
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    let program = &raw const program;
    each(run, &step.on, libc::SO_ATTACH_FILTER, (program.cast(), size_of::<libc::sock_fprog>()))
}

/// Takes it off again.
pub fn detach(run: &Run, name: &str) -> Result<(), Failure> {
    let none: libc::c_int = 0;
    each(run, name, libc::SO_DETACH_FILTER, ((&raw const none).cast(), size_of_val(&none)))
}

fn each(run: &Run, name: &str, option: i32, (value, size): (*const libc::c_void, usize)) -> Result<(), Failure> {
    let size = libc::socklen_t::try_from(size).unwrap_or(0);
    for place in run.names.find(name)? {
        // SAFETY: the value is what the option takes, and so long; our callers keep it until we return.
        let done = unsafe { libc::setsockopt(run.names.fd(place), libc::SOL_SOCKET, option, value, size) };
        Errno::result(done)
            .map_err(|errno| Failure::call(format!("set the filter of {}", run.names.label(place)), errno))?;
    }
    Ok(())
}

/// Drops segments with 1 to `most` bytes of data, and lets all others through whole.
fn program(most: u32) -> [libc::sock_filter; 10] {
    let op = |code: u32, k: u32| libc::sock_filter { code: u16::try_from(code).unwrap_or(0), jt: 0, jf: 0, k };
    let jump = |code: u32, k: u32, jt: u8| libc::sock_filter { jt, ..op(libc::BPF_JMP | code | libc::BPF_K, k) };
    [
        // X = the header's length in bytes
        op(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, LENGTH_OF_HEADER),
        op(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0xf0),
        op(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 2),
        op(libc::BPF_MISC | libc::BPF_TAX, 0),
        // A = the data's
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0),
        op(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X, 0),
        jump(libc::BPF_JEQ, 0, 2),
        jump(libc::BPF_JGT, most, 1),
        op(libc::BPF_RET | libc::BPF_K, 0),
        op(libc::BPF_RET | libc::BPF_K, u32::MAX),
    ]
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::UnixDatagram;

    use super::*;

    /// A datagram that looks like a segment with so many bytes of data behind a header with options.
    fn segment(data: usize) -> Vec<u8> {
        let mut segment = vec![0; 32 + data];
        segment[12] = 8 << 4;
        segment
    }

    #[test]
    fn a_filter_drops_by_the_length_of_the_data_alone() {
        let (near, far) = UnixDatagram::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let mut program = program(2);
        let program = libc::sock_fprog { len: 10, filter: program.as_mut_ptr() };
        let size = libc::socklen_t::try_from(size_of_val(&program)).unwrap();
        // SAFETY: the option takes a sock_fprog, whose filter lives until the call has returned.
        let done = unsafe {
            let program = (&raw const program).cast();
            libc::setsockopt(far.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program, size)
        };
        assert_eq!(done, 0);
        let passes = |data| {
            near.send(&segment(data)).unwrap();
            far.recv(&mut [0; 64]).is_ok()
        };
        assert_eq!([0, 1, 2, 3, 20].map(passes), [true, false, false, true, true]);
    }
}
