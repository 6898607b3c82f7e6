//! Checks what documents say about sockets, `select`, `poll` and `epoll` against the running kernel.
