//! What every healthy server gets right, whatever its I/O model.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::thread;

use crate::process::{MODELS, Server, exchange, expect_answer, heard_nothing, reset, until};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

/// Different bytes at every offset up to 251, so that a lost or doubled piece shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

#[test]
fn echoes_and_closes_after_half_close() {
    for model in MODELS {
        let server = Server::start(model);
        let sent = pattern(10_000);
        assert!(exchange(&server.connect(), &sent) == sent, "{model}");
    }
}

#[test]
fn echoes_to_twenty_clients() {
    for model in MODELS {
        let server = Server::start(model);
        thread::scope(|scope| {
            for number in 0..20 {
                let server = &server;
                scope.spawn(move || {
                    let sent = pattern(1000 * number + 1);
                    assert!(exchange(&server.connect(), &sent) == sent, "{model}");
                });
            }
        });
    }
}

#[test]
fn all_but_those_with_blocking_workers_serve_any_number_at_once() {
    let blocking = ["blocking", "pool", "pool-lazy", "pool-each", "pool-lock-free", "prefork"];
    for model in MODELS.into_iter().filter(|model| !blocking.contains(model)) {
        let server = Server::start(model);
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in clients.iter_mut().rev() {
            client.write_all(b"hello").unwrap();
            expect_answer(client, "hello");
        }
    }
}

#[test]
fn reading_once_per_readiness_is_enough_when_level_triggered() {
    for model in ["select", "poll", "spin", "epoll-lt", "epoll-shared", "epoll-oneshot", "epoll-each", "reuseport"] {
        let server = Server::start(&format!("{model} --read once --buffer 10"));
        let sent = pattern(1000);
        assert!(exchange(&server.connect(), &sent) == sent, "{model}");
    }
}

#[test]
fn one_event_per_wait_starves_nobody() {
    for model in ["epoll-lt", "epoll-et", "epoll-shared", "epoll-oneshot", "epoll-each --exclusive", "reuseport"] {
        let server = Server::start(&format!("{model} --max-events 1"));
        let mut clients: Vec<_> = (0..20).map(|_| server.connect_and_send("hello")).collect();
        for client in &mut clients {
            expect_answer(client, "hello");
        }
    }
}

#[test]
fn a_silent_server_reads_and_says_nothing() {
    for model in MODELS {
        let server = Server::start(&format!("{model} --reply none"));
        assert!(exchange(&server.connect(), b"hello").is_empty(), "{model}");
    }
}

#[test]
fn loses_nothing_when_a_client_reads_late() {
    for model in MODELS {
        let server = Server::start(model);
        let sent = pattern(16 << 20);
        let client = server.connect();
        let answer = thread::scope(|scope| {
            let rest = fill(&client, &sent);
            scope.spawn(|| {
                (&client).write_all(rest).unwrap();
                client.shutdown(Shutdown::Write).unwrap();
            });
            let mut answer = Vec::new();
            (&client).read_to_end(&mut answer).unwrap();
            answer
        });
        assert!(answer == sent, "{model}: {} of {} bytes came back", answer.len(), sent.len());
    }
}

/// Sends until every buffer between here and the server is full. Returns what is left.
fn fill<'a>(mut client: &TcpStream, mut bytes: &'a [u8]) -> &'a [u8] {
    client.set_nonblocking(true).unwrap();
    loop {
        match client.write(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut fds = [PollFd::new(client.as_fd(), PollFlags::POLLOUT)];
                if poll(&mut fds, PollTimeout::from(100_u8)).unwrap() == 0 {
                    client.set_nonblocking(false).unwrap();
                    return bytes;
                }
            }
            Err(error) => panic!("failed to send: {error}"),
        }
    }
}

#[test]
fn survives_resets_and_gives_descriptors_back() {
    for model in MODELS {
        let server = Server::start(model);
        let at_first = server.descriptors();
        for _ in 0..5 {
            let mut client = server.connect_and_send("hello");
            expect_answer(&mut client, "hello");
            reset(client);
            reset(server.connect_and_send("nobody reads the answer"));
        }
        assert_eq!(exchange(&server.connect(), b"hello"), b"hello", "{model}");
        until(model, || server.descriptors() == at_first);
    }
}

#[test]
fn survives_a_signal_while_it_sleeps() {
    for model in MODELS {
        let server = Server::start(model);
        // Stopping and resuming makes epoll_wait, select and poll return EINTR or restart.
        let mut client = server.connect_and_send("one");
        expect_answer(&mut client, "one");
        until(model, || server.state() == 'S' || model == "spin");
        server.signal(Signal::SIGSTOP);
        until(model, || server.state() == 'T');
        server.signal(Signal::SIGCONT);
        client.write_all(b"two").unwrap();
        expect_answer(&mut client, "two");
    }
}

#[test]
fn refuses_clients_when_the_descriptor_table_is_full() {
    // Not epoll-shared: its threads race for the place that the spare descriptor leaves, and who wins need not complain.
    for model in ["thread", "pool", "pool-lazy", "pool-lock-free", "select", "poll", "epoll-lt", "epoll-et", "tokio"] {
        let mut server = Server::start_with_descriptors(model, 16);
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        assert!(server.complaint().contains("refused a client, the descriptor table is full"), "{model}");
        until("the last client is refused", || clients[19].read(&mut [0]).is_ok_and(|read| read == 0));
        until("the server sleeps", || server.state() == 'S');
        // Those who got in are served, and when they leave there is room again.
        clients[0].write_all(b"hello").unwrap();
        expect_answer(&mut clients[0], "hello");
        let full = server.descriptors();
        drop(clients);
        until("descriptors come back", || server.descriptors() < full);
        assert_eq!(exchange(&server.connect(), b"hello"), b"hello", "{model}");
    }
}

#[test]
fn select_refuses_what_does_not_fit_into_its_set() {
    allow_descriptors(4000);
    let mut server = Server::start("select");
    let mut clients: Vec<_> = (0..1030).map(|_| server.connect()).collect();
    assert!(server.complaint().contains("does not fit into an fd_set of 1024"));
    assert_eq!(clients[1029].read(&mut [0]).unwrap(), 0);
    clients[1000].write_all(b"hello").unwrap();
    expect_answer(&mut clients[1000], "hello");
}

#[test]
fn poll_and_epoll_know_no_fd_setsize() {
    allow_descriptors(4000);
    for model in ["poll", "epoll-lt", "epoll-et"] {
        let server = Server::start(model);
        let mut clients: Vec<_> = (0..1030).map(|_| server.connect()).collect();
        clients[1029].write_all(b"hello").unwrap();
        expect_answer(&mut clients[1029], "hello");
    }
}

fn allow_descriptors(wanted: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert!(hard >= wanted, "this test needs a hard limit of {wanted} descriptors");
    setrlimit(Resource::RLIMIT_NOFILE, wanted.max(20_000).min(hard), hard).unwrap();
}

#[test]
fn fork_leaves_no_zombies() {
    for model in ["fork", "fork-autoreap"] {
        let server = Server::start(model);
        for _ in 0..10 {
            exchange(&server.connect(), b"hello");
        }
        until("all children are reaped", || server.children().is_empty());
    }
}

#[test]
fn blocking_serves_the_second_client_after_the_first() {
    let server = Server::start("blocking");
    let mut first = server.connect_and_send("first");
    expect_answer(&mut first, "first");
    let mut second = server.connect_and_send("second");
    first.write_all(b"again").unwrap();
    expect_answer(&mut first, "again");
    assert!(heard_nothing(&second));
    assert_eq!(server.accept_queue(), 1);
    drop(first);
    expect_answer(&mut second, "second");
}

#[test]
fn spin_burns_a_cpu_without_any_client() {
    let server = Server::start("spin");
    until("it burns 20 clock ticks", || server.ticks() > 20);
}

#[test]
fn io_uring_accepts_again_when_a_descriptor_is_free() {
    let server = Server::start_with_descriptors("io-uring", 16);
    let clients: Vec<_> = (0..20).map(|_| server.connect_and_send("hello")).collect();
    until("the others wait", || server.accept_queue() > 0);
    until("the server sleeps", || server.state() == 'S');
    for mut client in clients {
        expect_answer(&mut client, "hello");
    }
}

#[test]
fn edge_triggered_sleeps_while_it_does_not_read() {
    let server = Server::start("epoll-et --read never");
    let client = server.connect_and_send("hello");
    until("the bytes arrive", || server.unread_from(&client) == 5);
    until("the server sleeps", || server.state() == 'S');
    assert!(heard_nothing(&client));
}
