//! Packets on their way from the socket to the device, from the device to the protocols, and from the socket to the user.
use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext as _,
    macros::{btf_tracepoint, fentry, kprobe},
    programs::{BtfTracePointContext, FEntryContext, ProbeContext},
};
use wakeproof_abi::{Event, Kind, Packet};

use crate::{
    emit::emit_with,
    kernel::{offset, read},
    scope::{net_inside, ports, sock_inside},
    state::wanted,
};

/// `ETH_P_IP`, as `skb->protocol` has it.
const IPV4: u16 = 0x0800_u16.to_be();

#[btf_tracepoint(function = "netif_rx")]
fn netif_rx(ctx: BtfTracePointContext) -> i32 {
    let _ = packet(ctx.as_ptr(), Kind::NetifRx, ctx.arg::<*const c_void>(0) as u64);
    0
}

#[btf_tracepoint(function = "netif_receive_skb")]
fn netif_receive_skb(ctx: BtfTracePointContext) -> i32 {
    let _ = packet(ctx.as_ptr(), Kind::NetifReceiveSkb, ctx.arg::<*const c_void>(0) as u64);
    0
}

#[fentry(function = "ip_rcv")]
fn ip_rcv(ctx: FEntryContext) -> i32 {
    let _ = packet(ctx.as_ptr(), Kind::IpRcv, ctx.arg::<*const c_void>(0) as u64);
    0
}

#[kprobe]
fn ip_rcv_kprobe(ctx: ProbeContext) -> u32 {
    if let Some(skb) = ctx.arg::<*const c_void>(0) {
        let _ = packet(ctx.as_ptr(), Kind::IpRcv, skb as u64);
    }
    0
}

/// `skb->data` is the IP header in all of them (net/core/dev.c: `netif_rx_internal`, `__netif_receive_skb_core`), as
/// `eth_type_trans` has taken the Ethernet header off.
#[inline(always)]
fn packet(ctx: *mut c_void, kind: Kind, skb: u64) -> Option<()> {
    if !wanted(kind) {
        return None;
    }
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
    report(ctx, kind, skb, event);
    Some(())
}

/// Reports an event with where the packet's data lies.
#[inline(always)]
fn report(ctx: *mut c_void, kind: Kind, skb: u64, event: Event) {
    emit_with::<{ size_of::<Packet>() }>(ctx, kind, event, |to| {
        let head = read::<u64>(skb + offset!(skb_head)).unwrap_or(0);
        let data = read::<u64>(skb + offset!(skb_data)).unwrap_or(0);
        let bytes = read::<u32>(skb + offset!(skb_len)).unwrap_or(0);
        let packet = Packet { head, headroom: data.wrapping_sub(head) as u32, bytes };
        // SAFETY: `to` has room for one.
        unsafe { to.cast::<Packet>().write_unaligned(packet) };
    });
}

#[fentry(function = "ip_queue_xmit")]
fn ip_queue_xmit(ctx: FEntryContext) -> i32 {
    let (sock, skb) = (ctx.arg::<*const c_void>(0) as u64, ctx.arg::<*const c_void>(1) as u64);
    sent(ctx.as_ptr(), Kind::IpQueueXmit, sock, skb);
    0
}

#[kprobe]
fn ip_queue_xmit_kprobe(ctx: ProbeContext) -> u32 {
    if let (Some(sock), Some(skb)) = (ctx.arg::<*const c_void>(0), ctx.arg::<*const c_void>(1)) {
        sent(ctx.as_ptr(), Kind::IpQueueXmit, sock as u64, skb as u64);
    }
    0
}

#[btf_tracepoint(function = "net_dev_queue")]
fn net_dev_queue(ctx: BtfTracePointContext) -> i32 {
    of_its_socket(&ctx, Kind::NetDevQueue);
    0
}

#[btf_tracepoint(function = "net_dev_start_xmit")]
fn net_dev_start_xmit(ctx: BtfTracePointContext) -> i32 {
    of_its_socket(&ctx, Kind::NetDevStartXmit);
    0
}

/// On the way down a packet belongs to the socket that has sent it, until the driver gives it up.
#[inline(always)]
fn of_its_socket(ctx: &BtfTracePointContext, kind: Kind) {
    let skb = ctx.arg::<*const c_void>(0) as u64;
    if wanted(kind) {
        sent(ctx.as_ptr(), kind, read(skb + offset!(skb_sk)).unwrap_or(0), skb);
    }
}

#[inline(always)]
fn sent(ctx: *mut c_void, kind: Kind, sock: u64, skb: u64) {
    if wanted(kind) && sock != 0 && sock_inside(sock) {
        let (local, remote) = ports(sock);
        let value = i64::from(read::<u32>(skb + offset!(skb_len)).unwrap_or(0));
        report(ctx, kind, skb, Event { object: skb, value, local, remote, ..Event::default() });
    }
}

/// In `tcp_rcv_established` (`net/ipv4/tcp_input.c`), so after the lookup of the socket.
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
        report(ctx.as_ptr(), kind, event.peer, Event { object: sock, local, remote, ..event });
    }
}
