//! The states of TCP, by the kernel's numbers.

/// The name of a state (`include/net/tcp_states.h`; the last since 6.8), or empty.
pub fn tcp_state(number: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "",
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "LISTEN",
        "CLOSING",
        "NEW_SYN_RECV",
        "BOUND_INACTIVE",
    ];
    usize::try_from(number).ok().and_then(|number| NAMES.get(number)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_names_of_the_header() {
        assert_eq!([1, 10, 12].map(tcp_state), ["ESTABLISHED", "LISTEN", "NEW_SYN_RECV"]);
        assert_eq!([0, 14, u32::MAX].map(tcp_state), [""; 3]);
    }
}
