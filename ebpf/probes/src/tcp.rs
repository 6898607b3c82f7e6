//! Segments arriving, sockets becoming readable, and their states.
use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext as _,
    macros::{btf_tracepoint, fentry, kprobe},
    programs::{BtfTracePointContext, FEntryContext, ProbeContext},
};
use wakeproof_abi::{Event, Kind};

use crate::{
    emit::emit,
    kernel::{member, offset, read},
    scope::{ends, ends_of, net_inside, ports, sock_inside},
    state::wanted,
};

#[fentry(function = "tcp_v4_rcv")]
fn tcp_v4_rcv(ctx: FEntryContext) -> i32 {
    let _ = segment(ctx.as_ptr(), ctx.arg::<*const c_void>(0) as u64);
    0
}

#[kprobe]
fn tcp_v4_rcv_kprobe(ctx: ProbeContext) -> u32 {
    if let Some(skb) = ctx.arg::<*const c_void>(0) {
        let _ = segment(ctx.as_ptr(), skb as u64);
    }
    0
}

/// At the entry of `tcp_v4_rcv`, `skb->data` is the TCP header (`net/ipv4/tcp_ipv4.c`).
#[inline(always)]
fn segment(ctx: *mut c_void, skb: u64) -> Option<()> {
    if !wanted(Kind::TcpV4Rcv) {
        return None;
    }
    let dev: u64 = read(skb + offset!(skb_dev))?;
    let net: u64 = read(dev + offset!(dev_net))?;
    if !net_inside(net) {
        return None;
    }
    let header: u64 = read(skb + offset!(skb_data))?;
    let length: u32 = read(skb + offset!(skb_len))?;
    let source: u16 = read(header)?;
    let destination: u16 = read(header + 2)?;
    let offset_and_flags: [u8; 2] = read(header + 12)?;
    let header_bytes = u32::from(offset_and_flags[0] >> 4) * 4;
    emit(
        ctx,
        Kind::TcpV4Rcv,
        Event {
            object: skb,
            value: i64::from(length.wrapping_sub(header_bytes)),
            detail: u32::from(offset_and_flags[1]),
            local: u16::from_be(destination),
            remote: u16::from_be(source),
            ..Event::default()
        },
    );
    Some(())
}

#[btf_tracepoint(function = "sk_data_ready")]
fn sk_data_ready(ctx: BtfTracePointContext) -> i32 {
    // What `readable` reads by helpers, as one of the events that come in greatest number.
    let sock = ctx.arg::<*const c_void>(0);
    if wanted(Kind::SkDataReady) && net_inside(member(sock, offset!(sock_net))) {
        let family = member(sock, offset!(sock_family));
        let ends = ends_of(family, member(sock, offset!(sock_num)), member(sock, offset!(sock_dport)));
        report(ctx.as_ptr(), sock as u64, ends, family);
    }
    0
}

/// The tracepoint came with 6.2; before that, the function that it stands in.
#[fentry(function = "sock_def_readable")]
fn sock_def_readable(ctx: FEntryContext) -> i32 {
    readable(ctx.as_ptr(), ctx.arg::<*const c_void>(0) as u64);
    0
}

#[kprobe]
fn sock_def_readable_kprobe(ctx: ProbeContext) -> u32 {
    if let Some(sock) = ctx.arg::<*const c_void>(0) {
        readable(ctx.as_ptr(), sock as u64);
    }
    0
}

#[inline(always)]
fn readable(ctx: *mut c_void, sock: u64) {
    if !wanted(Kind::SkDataReady) || !sock_inside(sock) {
        return;
    }
    let (local, remote, family) = ends(sock);
    report(ctx, sock, (local, remote), family);
}

#[inline(always)]
fn report(ctx: *mut c_void, sock: u64, (local, remote): (u16, u16), family: u16) {
    emit(ctx, Kind::SkDataReady, Event { object: sock, detail: u32::from(family), local, remote, ..Event::default() });
}

#[btf_tracepoint(function = "inet_sock_set_state")]
fn inet_sock_set_state(ctx: BtfTracePointContext) -> i32 {
    let sock = ctx.arg::<*const c_void>(0) as u64;
    if !wanted(Kind::InetSockSetState) || !sock_inside(sock) {
        return 0;
    }
    let (old, new) = (ctx.arg::<i32>(1), ctx.arg::<i32>(2));
    let (local, remote) = ports(sock);
    let event = Event { object: sock, value: i64::from(new), detail: old as u32, local, remote, ..Event::default() };
    emit(ctx.as_ptr(), Kind::InetSockSetState, event);
    0
}
