//! What one recorded event costs, by paired loops: the same calls with and without a record of them.
use std::hint::black_box;
use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use serde::Serialize;
use wakeproof::case::EventName;
use wakeproof::plan::Wants;
use wakeproof::record::Tap;
use wakeproof_abi::{BURST, Role};

use crate::cpu;
use crate::stats::Spread;

/// Calls in a loop.
const CALLS: u32 = 100_000;
/// Calls in the loops in which each makes many events; all of them must find room in the ring, and in the receiver's buffer
/// the datagrams of one.
const BURSTS: u32 = 1_000;
/// Datagrams that one call sends.
const DATAGRAMS: usize = BURST as usize;

/// Nanoseconds for an event.
#[derive(Clone, Debug, Serialize)]
pub struct Loops {
    /// One event for each system call.
    pub single: Spread,
    /// Sixty-four for each, of one run of the program: the record alone.
    pub amortised: Spread,
    /// Sixty-four for each, with a soft interrupt and a run of the program for every one.
    pub interrupts: Spread,
    /// The reader's, from the ring to a stored event.
    pub consumer: Spread,
    /// The bare loop against the bare loop, in nanoseconds for a call.
    pub bare: Spread,
}

/// Measures so many pairs of each.
pub fn run(pairs: u32) -> Result<Loops> {
    let mut tap = Tap::attach(&[EventName::Close, EventName::SkDataReady])?;
    let token = 0x0062_656e_6368;
    tap.attach_bursts().map_err(|why| anyhow!(why))?;
    let (mut single, mut amortised, mut interrupts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut consumer, mut bare) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..pairs {
        let without = calls();
        if let Some(last) = last.replace(without) {
            bare.push(without - last);
        }
        let wants = Wants::seeing(&[EventName::Close], &tap.capabilities());
        tap.begin(&wants, token).map_err(|why| anyhow!(why))?;
        Tap::join(Role::Client, token);
        single.push(calls() - without);
        let started = cpu::of_thread();
        let events = tap.drain();
        consumer.push(nanos(started) / f64::from(u32::try_from(events)?));
        ensure!(events >= CALLS as usize, "{events} of {CALLS} events were seen");
        tap.end().map_err(|why| anyhow!(why))?;

        let without = bursts(token);
        tap.begin(&wants, token).map_err(|why| anyhow!(why))?;
        Tap::join(Role::Client, token);
        amortised.push((bursts(token) - without) / f64::from(BURST));
        let events = tap.drain();
        ensure!(events >= BURST as usize * BURSTS as usize, "{events} events of {BURSTS} bursts were seen");
        tap.end().map_err(|why| anyhow!(why))?;

        let (from, to) = datagrams()?;
        let without = sends(&from, &to)?;
        let wants = Wants::seeing(&[EventName::SkDataReady], &tap.capabilities());
        tap.begin(&wants, token).map_err(|why| anyhow!(why))?;
        Tap::join(Role::Client, token);
        interrupts.push(sends(&from, &to)? - without);
        let events = tap.drain();
        ensure!(events >= DATAGRAMS * BURSTS as usize, "{events} events of {BURSTS} times {DATAGRAMS} were seen");
        tap.end().map_err(|why| anyhow!(why))?;
    }
    Ok(Loops {
        single: Spread::of(single),
        amortised: Spread::of(amortised),
        interrupts: Spread::of(interrupts),
        consumer: Spread::of(consumer),
        bare: Spread::of(bare),
    })
}

/// Processor time, since others may run meanwhile; soft interrupts on loopback are the sender's.
fn nanos(since: Duration) -> f64 {
    cpu::of_thread().saturating_sub(since).as_secs_f64() * 1e9
}

/// Nanoseconds for a call that does nothing but fail.
fn calls() -> f64 {
    let started = cpu::of_thread();
    for _ in 0..CALLS {
        // SAFETY: no descriptor has this number.
        black_box(unsafe { libc::close(-1) });
    }
    nanos(started) / f64::from(CALLS)
}

/// Nanoseconds for a call that asks for a burst, which it gets if this token's run is recorded.
fn bursts(token: u64) -> f64 {
    let started = cpu::of_thread();
    for _ in 0..BURSTS {
        Tap::burst(libc::SYS_close, token);
    }
    nanos(started) / f64::from(BURSTS)
}

fn datagrams() -> Result<(UdpSocket, UdpSocket)> {
    let to = UdpSocket::bind("127.0.0.1:0")?;
    let from = UdpSocket::bind("127.0.0.1:0")?;
    from.connect(to.local_addr()?)?;
    to.set_nonblocking(true)?;
    nix::sys::socket::setsockopt(&to, nix::sys::socket::sockopt::RcvBufForce, &(4 << 20))?;
    Ok((from, to))
}

/// Nanoseconds for a datagram, of those that one `sendmmsg` sends; only the sending is timed.
fn sends(from: &UdpSocket, to: &UdpSocket) -> Result<f64> {
    use std::os::fd::AsRawFd as _;
    let mut byte = [1_u8];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // SAFETY: plain numbers and pointers, for which zeros are values.
    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
    message.msg_hdr.msg_iov = &raw mut part;
    message.msg_hdr.msg_iovlen = 1;
    let mut messages = [message; DATAGRAMS];
    let mut took = 0.0;
    for _ in 0..BURSTS {
        let started = cpu::of_thread();
        // SAFETY: so many messages stand there, each with one part of one byte.
        let sent = unsafe { libc::sendmmsg(from.as_raw_fd(), messages.as_mut_ptr(), BURST, 0) };
        took += nanos(started);
        ensure!(usize::try_from(sent) == Ok(DATAGRAMS), "sendmmsg has sent {sent} of {DATAGRAMS} datagrams");
        let mut buffer = [0; 8];
        while to.recv(&mut buffer).is_ok() {}
    }
    Ok(took / f64::from(BURSTS) / f64::from(BURST))
}
