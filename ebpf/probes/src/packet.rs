//! Packets on their way from the device to the protocols, and from the socket to the user.
use core::ffi::c_void;

use aya_ebpf::{EbpfContext as _, macros::btf_tracepoint, programs::BtfTracePointContext};
use wakeproof_abi::{Event, Kind};

use crate::{
    emit::emit,
    kernel::{offset, read},
    scope::{net_inside, ports, sock_inside},
    state::wanted,
};

/// `ETH_P_IP`, as `skb->protocol` has it.
const IPV4: u16 = 0x0800_u16.to_be();

#[btf_tracepoint(function = "netif_rx")]
fn netif_rx(ctx: BtfTracePointContext) -> i32 {
    let _ = packet(&ctx, Kind::NetifRx);
    0
}

#[btf_tracepoint(function = "netif_receive_skb")]
fn netif_receive_skb(ctx: BtfTracePointContext) -> i32 {
    let _ = packet(&ctx, Kind::NetifReceiveSkb);
    0
}

/// `skb->data` is the IP header in both (net/core/dev.c: `netif_rx_internal`, `__netif_receive_skb_core`), as
/// `eth_type_trans` has taken the Ethernet header off.
#[inline(always)]
fn packet(ctx: &BtfTracePointContext, kind: Kind) -> Option<()> {
    if !wanted(kind) {
        return None;
    }
    let skb = ctx.arg::<*const c_void>(0) as u64;
    let dev: u64 = read(skb + offset!(skb_dev))?;
    if !net_inside(read(dev + offset!(dev_net))?) || read::<u16>(skb + offset!(skb_protocol))? != IPV4 {
        return None;
    }
    let header: u64 = read(skb + offset!(skb_data))?;
    let words = read::<u8>(header)? & 0xf;
    let [source, destination]: [u16; 2] = read(header + u64::from(words) * 4)?;
    let event = Event {
        object: skb,
        detail: read::<u32>(dev + offset!(dev_ifindex)).unwrap_or(0),
        value: i64::from(read::<u32>(skb + offset!(skb_len))?),
        local: u16::from_be(destination),
        remote: u16::from_be(source),
        ..Event::default()
    };
    emit(ctx.as_ptr(), kind, event);
    Some(())
}

/// In `tcp_rcv_established` (net/ipv4/tcp_input.c), so after the lookup of the socket.
#[btf_tracepoint(function = "tcp_probe")]
fn tcp_probe(ctx: BtfTracePointContext) -> i32 {
    if wanted(Kind::TcpProbe) {
        let (sock, skb) = (ctx.arg::<*const c_void>(0) as u64, ctx.arg::<*const c_void>(1) as u64);
        about(&ctx, Kind::TcpProbe, sock, Event { peer: skb, ..Event::default() });
    }
    0
}

#[btf_tracepoint(function = "skb_copy_datagram_iovec")]
fn skb_copy_datagram_iovec(ctx: BtfTracePointContext) -> i32 {
    if wanted(Kind::SkbCopyDatagramIovec) {
        let skb = ctx.arg::<*const c_void>(0) as u64;
        let sock = read(skb + offset!(skb_sk)).unwrap_or(0);
        let event = Event { peer: skb, value: i64::from(ctx.arg::<i32>(1)), ..Event::default() };
        about(&ctx, Kind::SkbCopyDatagramIovec, sock, event);
    }
    0
}

#[inline(always)]
fn about(ctx: &BtfTracePointContext, kind: Kind, sock: u64, event: Event) {
    if sock != 0 && sock_inside(sock) {
        let (local, remote) = ports(sock);
        emit(ctx.as_ptr(), kind, Event { object: sock, local, remote, ..event });
    }
}
