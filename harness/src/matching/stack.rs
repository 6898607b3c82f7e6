//! Functions on a kernel stack.
use std::sync::Arc;

/// A frame's function as the source has it. The compiler names the pieces that it splits off a function
/// `name.isra.0`, `name.constprop.0`, `name.part.0`, `name.cold` or `name.llvm.123`; no C function has a dot in its name.
pub fn function(frame: &str) -> &str {
    frame.split_once(['.', '+']).map_or(frame, |(name, _)| name)
}

/// Whether these functions stand on the stack in this order, innermost first, not necessarily as neighbours.
pub fn passes<S: AsRef<str>>(stack: &[Arc<str>], through: &[S]) -> bool {
    let mut frames = stack.iter();
    through.iter().all(|wanted| frames.any(|frame| function(frame) == wanted.as_ref()))
}

/// The innermost kernel function that did something itself: not the debug exception that reported it, nor the
/// performance-event code that the exception ran, nor the program attached to that. Empty if there is none.
pub fn writer(stack: &[Arc<str>]) -> &str {
    stack.iter().map(|frame| function(frame)).find(|name| !is_machinery(name)).unwrap_or_default()
}

/// `arch/x86/kernel/traps.c`, `arch/x86/kernel/hw_breakpoint.c`, `kernel/events/core.c` and `kernel/notifier.c`, 5.10 to 7.3.
fn is_machinery(name: &str) -> bool {
    const STARTS: &[&str] = &[
        "bpf_",
        "__bpf",
        "___bpf",
        "perf_",
        "__perf_",
        "asm_exc_",
        "exc_debug",
        "asm_",
        "hw_breakpoint",
        "notifier_",
        "notify_",
        "atomic_notifier",
        "noist_exc_debug",
        "do_debug",
        "arch_stack_walk",
        "stack_trace_",
        "get_perf_callchain",
    ];
    STARTS.iter().any(|start| name.starts_with(start)) || name == "debug" || name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(frames: &[&str]) -> Vec<Arc<str>> {
        frames.iter().map(|frame| Arc::from(*frame)).collect()
    }

    #[test]
    fn functions_are_found_in_order_with_gaps_and_without_the_compilers_suffixes() {
        let stack = stack(&[
            "try_to_wake_up",
            "ep_poll_callback.isra.0",
            "__wake_up_common",
            "sock_def_readable",
            "tcp_v4_rcv.cold",
        ]);
        assert!(passes(&stack, &["ep_poll_callback", "tcp_v4_rcv"]));
        assert!(!passes(&stack, &["tcp_v4_rcv", "ep_poll_callback"]), "outermost first is another order");
        assert!(!passes(&stack, &["tcp_v4"]), "part of a name is another name");
        assert!(passes::<&str>(&stack, &[]));
        assert!(!passes(&[], &["tcp_v4_rcv"]));
    }

    #[test]
    fn the_writer_is_not_the_machinery_that_caught_it() {
        let caught =
            stack(&["bpf_overflow_handler", "perf_bp_event", "hw_breakpoint_exceptions_notify", "notifier_call_chain"]);
        let mut frames = caught;
        frames.extend(stack(&[
            "notify_die",
            "exc_debug_kernel",
            "asm_exc_debug",
            "ep_poll_callback",
            "__wake_up_common",
        ]));
        assert_eq!(writer(&frames), "ep_poll_callback");
        assert_eq!(writer(&[]), "");
    }
}
