//! One event, in 64 bytes: a run has millions. What few events have lies in the run, and the event says where.
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wakeproof_abi::CONTEXT_HARDIRQ;

use super::is_default;
use crate::case::EventName;

/// One event. `pid` and `tid` are the task that ran: in the receive path of loopback that is the sender.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub time: u64,
    /// What happened.
    pub name: EventName,
    /// How it was seen, if not by the probe of that name itself: `stack` or `watchpoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Process of the running task.
    pub pid: u32,
    /// The running task.
    pub tid: u32,
    /// What that process is there for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// The processor.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cpu: u16,
    /// On whose behalf the processor ran.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: Context,
    /// The kernel object it is about, as an address (0: none).
    #[serde(default, skip_serializing_if = "is_default")]
    pub object: u64,
    /// A second kernel object (for `ep_poll_callback` the eventpoll).
    #[serde(default, skip_serializing_if = "is_default")]
    pub peer: u64,
    /// The return value, length, tid or descriptor: see [`crate::matching::field`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub value: i64,
    /// Mask, descriptor, state, error code: as `value`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub detail: u32,
    /// Port on this end of the connection it is about, or 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub local: u16,
    /// Port on the far end, or 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub remote: u16,
    /// The system call's number, or the watch's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub call: u16,
    /// Place in the run's `extras`. In a file what stands there takes its place.
    #[serde(skip)]
    pub extra: Option<Place>,
    /// Place in the run's `stacks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<Place>,
}

const _: () = assert!(size_of::<Event>() == 64);

/// A place in one of the run's lists. `Option<Place>` is as small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u32", into = "u32")]
pub struct Place(NonZeroU32);

impl Place {
    /// As an index.
    pub fn index(self) -> usize {
        u32::from(self) as usize
    }
}

/// The last number but one stands for the last: no list is that long.
impl From<u32> for Place {
    fn from(index: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(index))
    }
}

impl From<Place> for u32 {
    fn from(place: Place) -> Self {
        place.0.get() - 1
    }
}

/// On whose behalf a processor runs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Spelt", into = "Spelt")]
pub struct Context(u8);

/// A context as files have it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Spelt {
    /// A task's, in user space or in a system call.
    Task,
    /// The soft interrupt of this number is being served.
    Softirq(u8),
    /// The handler of a hard interrupt runs.
    Hardirq,
}

impl Context {
    /// As [`wakeproof_abi::Event::context`] has it.
    pub fn new(context: u8) -> Self {
        Self(context)
    }

    /// `task`, `hardirq`, or the soft interrupt's name.
    pub fn name(self) -> &'static str {
        match self.into() {
            Spelt::Task => "task",
            Spelt::Softirq(number) => softirq_name(number.into()),
            Spelt::Hardirq => "hardirq",
        }
    }
}

impl From<Spelt> for Context {
    fn from(spelt: Spelt) -> Self {
        Self(match spelt {
            Spelt::Task => 0,
            Spelt::Softirq(number) => number.saturating_add(1),
            Spelt::Hardirq => CONTEXT_HARDIRQ,
        })
    }
}

impl From<Context> for Spelt {
    fn from(Context(context): Context) -> Self {
        match context {
            0 => Self::Task,
            CONTEXT_HARDIRQ => Self::Hardirq,
            served => Self::Softirq(served - 1),
        }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Spelt::from(*self).fmt(f)
    }
}

/// The name of a soft interrupt (include/linux/interrupt.h, 5.10 to 7.3).
pub fn softirq_name(number: i64) -> &'static str {
    const NAMES: [&str; 10] =
        ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"];
    usize::try_from(number).ok().and_then(|number| NAMES.get(number)).copied().unwrap_or("unknown")
}

/// Another way in which an event was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The function stood on the kernel stack of another event.
    Stack,
    /// The function wrote a watched word.
    Watchpoint,
}

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Drives clients or runs the script.
    Client,
    /// The server under test.
    Server,
}

/// What some events carry beside the fixed fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// Nothing.
    #[default]
    None,
    /// `epoll_wait`: the reported (mask, data) pairs, the first sixteen.
    Pairs(Vec<(u32, u64)>),
    /// `poll`: descriptor, asked and found, the first entries.
    PollFds(Vec<(i32, i16, i16)>),
    /// `select`: the descriptors in the read set after the call.
    Set(Vec<u32>),
    /// Where the data of a packet lies: its buffer, how far in it begins, and how many bytes there are.
    Packet {
        /// `skb->head`.
        head: u64,
        /// `skb->data - skb->head`.
        headroom: u32,
        /// `skb->len`.
        bytes: u32,
    },
    /// `epoll_ctl`.
    Ctl {
        /// 1 add, 2 delete, 3 modify.
        op: u32,
        /// The target descriptor.
        fd: u32,
        /// The mask.
        mask: u32,
        /// The user's data.
        data: u64,
        /// Ports of the target, or 0.
        local: u16,
        /// See `local`.
        remote: u16,
        /// The target's `sock`, or file.
        target: u64,
    },
}

impl Extra {
    /// Stores it behind others, unless there is nothing; where.
    pub fn store(self, extras: &mut Vec<Self>) -> Option<Place> {
        if self == Self::None {
            return None;
        }
        let place = u32::try_from(extras.len()).ok()?;
        extras.push(self);
        Some(place.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_0() {
        assert_eq!(Place::from(0).index(), 0);
        assert_eq!(u32::from(Place::from(7)), 7);
        assert_eq!(size_of::<Option<Place>>(), 4);
        assert_eq!(serde_json::to_string(&Place::from(3)).expect("a number"), "3");
    }

    #[test]
    fn contexts_are_spelt_in_words() {
        for (context, text, name) in
            [(0, "\"task\"", "task"), (4, "{\"softirq\":3}", "NET_RX"), (CONTEXT_HARDIRQ, "\"hardirq\"", "hardirq")]
        {
            let context = Context::new(context);
            assert_eq!((serde_json::to_string(&context).expect("JSON").as_str(), context.name()), (text, name));
            assert_eq!(serde_json::from_str::<Context>(text).expect("a context"), context);
        }
    }

    #[test]
    fn nothing_takes_no_place() {
        let mut extras = Vec::new();
        assert_eq!(Extra::None.store(&mut extras), None);
        assert_eq!(Extra::Set(vec![1]).store(&mut extras), Some(Place::from(0)));
        assert_eq!(extras.len(), 1);
    }
}
