//! The ways in which each probe can be attached, the best first. Which one wins is found out by attaching.
use crate::case::{Grade, Probe};

/// One way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// What the user is told, such as `fentry tcp_v4_rcv`.
    pub(super) label: &'static str,
    /// The evidence it gives.
    pub(super) grade: Grade,
    /// How it is done.
    pub(super) way: Way,
}

/// How a candidate is attached.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// A trampoline at the function's entry: program, function.
    Fentry(&'static str, &'static str),
    /// A trampoline at the function's way out.
    Fexit(&'static str, &'static str),
    /// A breakpoint instruction at the function's entry.
    Kprobe(&'static str, &'static str),
    /// The same on its way out.
    Kretprobe(&'static str, &'static str),
    /// Raw tracepoints with typed arguments, all of them: program and tracepoint are of one name.
    Tracepoints(&'static [&'static str]),
    /// A raw tracepoint: program and tracepoint are of one name.
    RawTracepoint(&'static str),
    /// The iterators over tasks and their open files.
    Iterators,
    /// A data watchpoint of the processor, tried on memory of our own.
    Watchpoint,
    /// A counter's trampoline, tried on a function and taken off again.
    CountFentry(&'static str),
    /// The same with a kprobe.
    CountKprobe(&'static str),
    /// The same with an execution breakpoint of the processor.
    CountBreakpoint(&'static str),
    /// Nothing of its own: concluded from other probes, all of which must have won.
    From(&'static [Probe]),
}

const fn candidate(label: &'static str, grade: Grade, way: Way) -> Candidate {
    Candidate { label, grade, way }
}

/// Every probe with its candidates; those that others are concluded from come first.
pub(super) const PROBES: &[(Probe, &[Candidate])] = &[
    (
        Probe::SystemCalls,
        &[candidate("tp_btf sys_enter, sys_exit", Grade::Trace, Way::Tracepoints(&["sys_enter", "sys_exit"]))],
    ),
    (
        Probe::Scheduler,
        &[candidate(
            "tp_btf sched_waking, sched_wakeup, sched_switch",
            Grade::Trace,
            Way::Tracepoints(&["sched_waking", "sched_wakeup", "sched_switch"]),
        )],
    ),
    (
        Probe::Packets,
        &[candidate(
            "tp_btf net_dev_queue, net_dev_start_xmit, netif_rx, netif_receive_skb, tcp_probe, skb_copy_datagram_iovec",
            Grade::Trace,
            Way::Tracepoints(&[
                "net_dev_queue",
                "net_dev_start_xmit",
                "netif_rx",
                "netif_receive_skb",
                "tcp_probe",
                "skb_copy_datagram_iovec",
            ]),
        )],
    ),
    (
        Probe::IpQueueXmit,
        &[
            candidate("fentry ip_queue_xmit", Grade::Function, Way::Fentry("ip_queue_xmit", "ip_queue_xmit")),
            candidate("kprobe ip_queue_xmit", Grade::Function, Way::Kprobe("ip_queue_xmit_kprobe", "ip_queue_xmit")),
        ],
    ),
    (
        Probe::IpRcv,
        &[
            candidate("fentry ip_rcv", Grade::Function, Way::Fentry("ip_rcv", "ip_rcv")),
            candidate("kprobe ip_rcv", Grade::Function, Way::Kprobe("ip_rcv_kprobe", "ip_rcv")),
        ],
    ),
    (
        Probe::SoftInterrupts,
        &[candidate(
            "tp_btf softirq_exit, softirq_entry, softirq_raise",
            Grade::Trace,
            Way::Tracepoints(&["softirq_exit", "softirq_entry", "softirq_raise"]),
        )],
    ),
    (
        Probe::HardInterrupts,
        // The ends before the beginnings: a handler that begins in between would never be seen to end.
        &[candidate(
            "tp_btf irq_handler_exit, irq_handler_entry, local_timer_exit, local_timer_entry",
            Grade::Trace,
            Way::Tracepoints(&["irq_handler_exit", "irq_handler_entry", "local_timer_exit", "local_timer_entry"]),
        )],
    ),
    (
        Probe::Processes,
        &[candidate(
            "tp_btf sched_process_fork, sched_process_exit",
            Grade::Trace,
            Way::Tracepoints(&["sched_process_fork", "sched_process_exit"]),
        )],
    ),
    (Probe::TlbFlush, &[candidate("tp_btf tlb_flush", Grade::Trace, Way::Tracepoints(&["tlb_flush"]))]),
    (
        Probe::PageFaultKernel,
        &[candidate("raw_tp page_fault_kernel", Grade::Trace, Way::RawTracepoint("page_fault_kernel"))],
    ),
    (Probe::TaskFileIterator, &[candidate("iter/task_file, iter/task", Grade::Trace, Way::Iterators)]),
    (Probe::Watchpoint, &[candidate("data breakpoint", Grade::Trace, Way::Watchpoint)]),
    (
        Probe::SocketStates,
        &[candidate("tp_btf inet_sock_set_state", Grade::Trace, Way::Tracepoints(&["inet_sock_set_state"]))],
    ),
    (
        Probe::SkDataReady,
        &[
            candidate("tp_btf sk_data_ready", Grade::Trace, Way::Tracepoints(&["sk_data_ready"])),
            candidate(
                "fentry sock_def_readable",
                Grade::Function,
                Way::Fentry("sock_def_readable", "sock_def_readable"),
            ),
            candidate(
                "kprobe sock_def_readable",
                Grade::Function,
                Way::Kprobe("sock_def_readable_kprobe", "sock_def_readable"),
            ),
        ],
    ),
    (
        Probe::TcpV4Rcv,
        &[
            candidate("fentry tcp_v4_rcv", Grade::Function, Way::Fentry("tcp_v4_rcv", "tcp_v4_rcv")),
            candidate("kprobe tcp_v4_rcv", Grade::Function, Way::Kprobe("tcp_v4_rcv_kprobe", "tcp_v4_rcv")),
            candidate("kernel stack of sk_data_ready", Grade::Trace, Way::From(&[Probe::SkDataReady])),
        ],
    ),
    (
        Probe::EpPollCallback,
        &[
            candidate("fentry ep_poll_callback", Grade::Function, Way::Fentry("ep_poll_callback", "ep_poll_callback")),
            candidate(
                "kprobe ep_poll_callback",
                Grade::Function,
                Way::Kprobe("ep_poll_callback_kprobe", "ep_poll_callback"),
            ),
            candidate(
                "watchpoint on the ready list, with kernel stack",
                Grade::Trace,
                Way::From(&[Probe::Watchpoint, Probe::TaskFileIterator]),
            ),
        ],
    ),
    (
        Probe::EpollWaitReturn,
        &[
            candidate("fexit do_epoll_wait", Grade::Function, Way::Fexit("do_epoll_wait", "do_epoll_wait")),
            candidate(
                "kretprobe do_epoll_wait",
                Grade::Function,
                Way::Kretprobe("do_epoll_wait_kretprobe", "do_epoll_wait"),
            ),
            candidate("tp_btf sys_exit", Grade::Trace, Way::From(&[Probe::SystemCalls])),
        ],
    ),
    (
        Probe::FunctionCounter,
        &[
            candidate("fentry", Grade::Function, Way::CountFentry("tcp_poll")),
            candidate("kprobe", Grade::Function, Way::CountKprobe("tcp_poll")),
            candidate("execution breakpoint", Grade::Function, Way::CountBreakpoint("tcp_poll")),
        ],
    ),
];

/// The probes without which there are no events at all.
pub(super) const ESSENTIAL: &[Probe] = &[Probe::SystemCalls, Probe::Scheduler, Probe::Processes];

/// The probes that must be on the function itself for grade `function`.
pub(super) const FUNCTION: &[Probe] = &[Probe::TcpV4Rcv, Probe::EpPollCallback, Probe::FunctionCounter];
