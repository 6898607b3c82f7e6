//! Watchpoints: the processor stops whoever writes a word, after the write.
use core::ffi::c_void;

use aya_ebpf::{EbpfContext as _, macros::perf_event, programs::PerfEventContext};
use wakeproof_abi::{Event, Kind};

use crate::{
    emit::emit,
    epoll::registration,
    kernel::{offset, read},
    scope::ports,
    state::{WATCHED, wanted},
};

/// One program a watchpoint, since a program cannot tell which event it was attached to.
macro_rules! watchpoint {
    ($($name:ident $number:literal),*) => {$(
        #[perf_event]
        fn $name(ctx: PerfEventContext) -> i32 {
            hit(ctx.as_ptr(), $number);
            0
        }
    )*};
}
watchpoint!(watch_0 0, watch_1 1, watch_2 2, watch_3 3);

#[inline(always)]
fn hit(ctx: *mut c_void, number: u32) {
    if !wanted(Kind::Watch) {
        return;
    }
    let Some(watch) = WATCHED.get_ptr_mut(number) else { return };
    // SAFETY: a live value; whoever writes to a list holds its lock.
    let watch = unsafe { &mut *watch };
    if watch.word != 0 {
        // Whatever is done to a list changes its head. An emulated processor stops now and then for a write to another word.
        let Some(now) = read::<u64>(watch.word).filter(|&now| now != watch.last) else { return };
        watch.last = now;
    }
    let mut event = Event { peer: watch.object, ..Event::default() };
    if watch.ready_list != 0 {
        event = last_item(watch.object).unwrap_or(Event { detail: 1, ..event });
        event.peer = watch.object;
    } else if watch.sock != 0 {
        let (local, remote) = ports(watch.sock);
        // A list is empty if its head's `prev` is the head.
        let empty = read::<u64>(watch.object + 8) == Some(watch.object);
        event = Event { object: watch.sock, detail: u32::from(empty), local, remote, ..event };
    }
    event.call = number as u16;
    emit(ctx, Kind::Watch, event);
}

/// The last item of an eventpoll's ready list, which is the one just put there.
#[inline(always)]
fn last_item(eventpoll: u64) -> Option<Event> {
    let head = eventpoll + offset!(eventpoll_rdllist);
    let last: u64 = read(head + 8)?; // list_head.prev
    if last == head {
        return None;
    }
    registration(last - offset!(epitem_rdllink))
}
