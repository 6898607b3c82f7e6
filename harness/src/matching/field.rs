//! The values behind the names in [`event_fields`](crate::case::event_fields).
use std::sync::Arc;

use cel::Value;
use wakeproof_abi::{SWITCH_ENTERS, SWITCH_OURS, SWITCH_SAME_MEMORY};

use super::{Scene, writer};
use crate::case::{EventName, call_name, tcp_state};
use crate::recording::{By, Event, Extra, softirq_name};

/// A field of an event, or none if this event has no such field.
pub fn field(event: &Event, name: &str, scene: Scene<'_>) -> Option<Value> {
    if let Some(number) = number(event.name, name) {
        return Some(Value::Int(number(event, scene)));
    }
    Some(match (event.name, name) {
        (_, "by") => text(match event.by {
            Some(By::Server) => "server",
            Some(By::Client) => "client",
            None => "",
        }),
        (_, "context") => text(event.context.name()),
        (EventName::SoftirqRaise | EventName::SoftirqEntry | EventName::SoftirqExit, "vec") => {
            text(softirq_name(event.value))
        }
        (_, "call") if event.name.calls().is_some() => text(call_name(event.call.into()).unwrap_or_default()),
        (EventName::EpPollCallback, "bits") => bits(event.detail),
        (EventName::EpollWait, "bits") => bits(match scene.extra(event) {
            Extra::Pairs(pairs) => pairs.iter().fold(0, |all, &(mask, _)| all | mask),
            _ => 0,
        }),
        (EventName::EpollCtl, "bits") => bits(control_mask(event, scene)),
        (EventName::SysEnterFutex, "op") => text(&futex(event.value)),
        (EventName::SchedSwitch, "enters") => Value::Bool(event.peer & SWITCH_ENTERS != 0),
        (EventName::SchedSwitch | EventName::TlbFlush, "ours") => Value::Bool(event.peer & SWITCH_OURS != 0),
        (EventName::SchedSwitch | EventName::TlbFlush, "same_memory") => {
            Value::Bool(event.peer & SWITCH_SAME_MEMORY != 0)
        }
        (EventName::PageFaultKernel, "write") => Value::Bool(is_write(event)),
        (EventName::Watch, "writer") => text(writer(scene.stack(event))),
        (EventName::Watch, "watch") => text(scene.watches.get(usize::from(event.call)).map_or("", String::as_str)),
        (EventName::Watch, "empty") => Value::Bool(event.detail == 1),
        (EventName::InetSockSetState, "sock") => text(&format!("{:#x}", event.object)),
        (EventName::InetSockSetState, "old") => text(tcp_state(event.detail)),
        (EventName::InetSockSetState, "new") => text(u32::try_from(event.value).map_or("", tcp_state)),
        _ => return None,
    })
}

/// Reads a whole number off an event.
pub(super) type Number = fn(&Event, Scene<'_>) -> i64;

/// How a field of such events is read, if it is a whole number. Addresses beyond 2^63 become negative, as they do in C's
/// `long`.
pub(super) fn number(of: EventName, name: &str) -> Option<Number> {
    let number: Number = match (of, name) {
        (_, "pid") => |event, _| event.pid.into(),
        (_, "tid") => |event, _| event.tid.into(),
        (_, "cpu") => |event, _| event.cpu.into(),
        (_, "local") => |event, _| event.local.into(),
        (_, "remote") => |event, _| event.remote.into(),
        (_, "ns") => |event, _| event.time.cast_signed(),
        (
            EventName::TcpV4Rcv
            | EventName::NetifRx
            | EventName::NetifReceiveSkb
            | EventName::IpRcv
            | EventName::IpQueueXmit
            | EventName::NetDevQueue
            | EventName::NetDevStartXmit
            | EventName::SkbCopyDatagramIovec,
            "len",
        )
        | (EventName::EpPollCallback | EventName::Watch, "fd")
        | (EventName::Fork, "child")
        | (EventName::Exit, "code")
        | (EventName::SchedWaking | EventName::SchedWakeup, "woken")
        | (EventName::TlbFlush, "reason")
        | (EventName::IrqHandlerEntry, "irq")
        | (EventName::LocalTimerEntry, "vector")
        // the second argument of poll; of select it is the first
        | (EventName::SysEnterPoll, "nfds") => |event, _| event.value,
        (name, "skb") if name.is_packet() => |event, _| skb(event).cast_signed(),
        (name, "head") if name.is_packet() => |event, scene| packet(event, scene).0.cast_signed(),
        (name, "headroom") if name.is_packet() => |event, scene| packet(event, scene).1.into(),
        (EventName::Clone, "ip") => |event, _| event.peer.cast_signed(),
        (EventName::TcpV4Rcv, "flags")
        | (EventName::EpPollCallback, "mask")
        | (EventName::SkDataReady, "family")
        | (EventName::Fork | EventName::SchedWaking | EventName::SchedWakeup, "group")
        | (EventName::SchedSwitch, "state")
        | (EventName::SysEnterSelect, "nfds")
        | (EventName::NetifRx | EventName::NetifReceiveSkb | EventName::IpRcv, "dev")
        | (EventName::PageFaultKernel, "code") => |event, _| event.detail.into(),
        (EventName::Fork, "process") => |event, _| i64::from(event.value == i64::from(event.detail)),
        (EventName::PageFaultKernel | EventName::SysEnterFutex, "address")
        | (EventName::NetifRx | EventName::NetifReceiveSkb, "skb")
        | (EventName::SchedSwitch | EventName::TlbFlush, "other")
        | (EventName::Clone, "sp") => |event, _| event.object.cast_signed(),
        (EventName::EpollCtl, "mask") => |event, scene| control_mask(event, scene).into(),
        (EventName::EpollCtl, "op") => |event, scene| control(event, scene).0.into(),
        (EventName::EpollCtl, "target") => |event, scene| control(event, scene).1.into(),
        (call, "ret") if call.calls().is_some_and(|(side, _)| side == crate::case::Side::Exit) => |event, _| event.value,
        (call, "fd") if call.calls().is_some() => |event, _| event.detail.cast_signed().into(),
        _ => return None,
    };
    Some(number)
}

/// Bit 1 of the page-fault error code (`arch/x86/include/asm/trap_pf.h`: `X86_PF_WRITE`).
fn is_write(event: &Event) -> bool {
    event.detail & 2 != 0
}

/// What a `futex` call does (include/uapi/linux/futex.h), whether its word is private or not.
fn futex(operation: i64) -> String {
    const COMMAND: i64 = 0x7f;
    match operation & COMMAND {
        0 => "wait".to_owned(),
        1 => "wake".to_owned(),
        9 => "wait_bitset".to_owned(),
        10 => "wake_bitset".to_owned(),
        other => other.to_string(),
    }
}

/// The packet that an event is about. Behind the lookup, the event is about the socket first.
pub fn skb(event: &Event) -> u64 {
    if matches!(event.name, EventName::TcpProbe | EventName::SkbCopyDatagramIovec) { event.peer } else { event.object }
}

/// Where a packet's data lies: its buffer, how far in it begins, how many bytes there are.
pub fn packet(event: &Event, scene: Scene<'_>) -> (u64, u32, u32) {
    if let Extra::Packet { head, headroom, bytes } = *scene.extra(event) { (head, headroom, bytes) } else { (0, 0, 0) }
}

fn control(event: &Event, scene: Scene<'_>) -> (u32, u32) {
    if let Extra::Ctl { op, fd, .. } = *scene.extra(event) { (op, fd) } else { (0, 0) }
}

fn control_mask(event: &Event, scene: Scene<'_>) -> u32 {
    if let Extra::Ctl { mask, .. } = *scene.extra(event) { mask } else { 0 }
}

fn bits(mask: u32) -> Value {
    Value::List(Arc::new(mask_names(mask).map(text).collect()))
}

fn text(word: &str) -> Value {
    Value::String(Arc::new(word.to_owned()))
}

/// The bits of an epoll mask by the manual's names (include/uapi/linux/eventpoll.h).
pub fn mask_names(mask: u32) -> impl Iterator<Item = &'static str> {
    const NAMES: [(u32, &str); 15] = [
        (0x001, "IN"),
        (0x002, "PRI"),
        (0x004, "OUT"),
        (0x008, "ERR"),
        (0x010, "HUP"),
        (0x020, "NVAL"),
        (0x040, "RDNORM"),
        (0x080, "RDBAND"),
        (0x100, "WRNORM"),
        (0x200, "WRBAND"),
        (0x400, "MSG"),
        (0x2000, "RDHUP"),
        (1 << 28, "EXCLUSIVE"),
        (1 << 30, "ONESHOT"),
        (1 << 31, "ET"),
    ];
    NAMES.into_iter().filter(move |(bit, _)| mask & bit != 0).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{FieldType, event_fields};
    use crate::judge::testing::event;

    #[test]
    fn every_field_that_loading_promises_is_there_with_its_type() {
        for &name in EventName::ALL {
            for (wanted, kind) in event_fields(name) {
                let value = field(&event(0, name), wanted, Scene::default());
                let right = match kind {
                    FieldType::Int => matches!(value, Some(Value::Int(_))),
                    FieldType::Text => matches!(value, Some(Value::String(_))),
                    FieldType::Bool => matches!(value, Some(Value::Bool(_))),
                    FieldType::Ints | FieldType::Texts | FieldType::Entries(_) => matches!(value, Some(Value::List(_))),
                };
                assert!(right, "{name:?}.{wanted}: {kind:?} promised, {value:?} given");
            }
        }
    }

    #[test]
    fn a_futex_call_is_named_by_its_command_alone() {
        const PRIVATE: i64 = 128;
        const CLOCK_REALTIME: i64 = 256;
        assert_eq!(futex(PRIVATE), "wait");
        assert_eq!(futex(9 | PRIVATE | CLOCK_REALTIME), "wait_bitset");
        assert_eq!(futex(6 | PRIVATE), "6");
    }

    #[test]
    fn a_switch_says_whose_the_other_task_is_and_whether_memory_changes() {
        let ours = Event { peer: SWITCH_ENTERS | SWITCH_OURS, object: 7, ..event(0, EventName::SchedSwitch) };
        let is = |event: &Event, name| field(event, name, Scene::default()) == Some(Value::Bool(true));
        assert!(is(&ours, "enters") && is(&ours, "ours") && !is(&ours, "same_memory"));
        assert_eq!(field(&ours, "other", Scene::default()), Some(Value::Int(7)));
        let flush = Event { peer: SWITCH_SAME_MEMORY, ..event(0, EventName::TlbFlush) };
        assert!(!is(&flush, "ours") && is(&flush, "same_memory"));
    }
}
