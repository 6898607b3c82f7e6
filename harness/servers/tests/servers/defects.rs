//! Each defect shows its mistake, and shows it without the kernel's help: to a client or in /proc.
//!
//! That a client hears nothing is shown by another one that is answered later, not by a pause.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use crate::process::{Server, exchange, expect_answer, heard_nothing, reset, until};
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

#[test]
fn not_drained_leaves_the_rest_until_the_next_arrival() {
    let server = Server::start("epoll-et --defect not-drained");
    let mut client = server.connect_and_send(&"x".repeat(100));
    expect_answer(&mut client, &"x".repeat(16));
    let mut later = server.connect_and_send("later");
    expect_answer(&mut later, "later");
    assert!(heard_nothing(&client));
    assert_eq!(server.unread_from(&client), 84);
    client.write_all(b"x").unwrap();
    expect_answer(&mut client, &"x".repeat(16));
    until("the rest stays", || server.unread_from(&client) == 69);
}

#[test]
fn blocking_descriptor_makes_one_client_hold_all() {
    let server = Server::start("epoll-et --defect blocking-descriptor");
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

/// Three clients connect while the server is stopped, so that they share one edge.
fn three_in_one_edge(words: &str) -> (Server, [std::net::TcpStream; 3]) {
    let server = Server::start(words);
    until("the server sleeps", || server.state() == 'S');
    server.signal(Signal::SIGSTOP);
    until("the server stops", || server.state() == 'T');
    let clients = ["one", "two", "three"].map(|text| server.connect_and_send(text));
    until("all are queued", || server.accept_queue() == 3);
    server.signal(Signal::SIGCONT);
    (server, clients)
}

#[test]
fn accept_once_per_edge_leaves_clients_in_the_queue() {
    let (server, [mut one, mut two, three]) = three_in_one_edge("epoll-et --defect accept-once-per-edge");
    expect_answer(&mut one, "one");
    assert_eq!(server.accept_queue(), 2);
    let four = server.connect_and_send("four");
    expect_answer(&mut two, "two");
    assert_eq!(server.accept_queue(), 2);
    assert!(heard_nothing(&three) && heard_nothing(&four));
}

#[test]
fn epoll_et_accepts_all_of_an_edge() {
    let (_server, [mut one, mut two, mut three]) = three_in_one_edge("epoll-et");
    expect_answer(&mut three, "three");
    expect_answer(&mut two, "two");
    expect_answer(&mut one, "one");
}

#[test]
fn never_reads_burns_a_cpu() {
    let server = Server::start("epoll-lt --defect never-reads");
    let client = server.connect_and_send("hello");
    until("it burns 20 clock ticks", || server.ticks() > 20);
    assert!(heard_nothing(&client));
    assert_eq!(server.unread_from(&client), 5);
}

#[test]
fn partial_write_as_whole_loses_bytes() {
    let server = Server::start("epoll-lt --defect partial-write-as-whole");
    // More than the largest send and receive buffers together, and nothing is read meanwhile.
    let sent = vec![0; 32 << 20];
    let answer = exchange(&server.connect(), &sent);
    assert!(answer.len() < sent.len(), "nothing was lost");
}

#[test]
fn ignores_hangup_burns_a_cpu_and_keeps_the_descriptor() {
    let server = Server::start("epoll-lt --defect ignores-hangup");
    assert_eq!(exchange(&server.connect(), b"hello"), b"hello");
    let at_first = server.descriptors();
    let mut client = server.connect_and_send("hello");
    expect_answer(&mut client, "hello");
    // Else the read that follows the answer could meet the reset, and that one is handled.
    until("the server is back in epoll_wait", || server.state() == 'S');
    reset(client);
    until("it burns 20 clock ticks", || server.ticks() > 20);
    assert_eq!(server.descriptors(), at_first + 1);
}

#[test]
fn not_reaped_leaves_zombies() {
    let server = Server::start("fork --defect not-reaped");
    for _ in 0..3 {
        exchange(&server.connect(), b"hello");
    }
    until("three zombies", || server.children() == "ZZZ");
}

#[test]
fn parent_keeps_connection_hides_the_end_from_the_client() {
    let server = Server::start("fork --defect parent-keeps-connection");
    let at_first = server.descriptors();
    let mut client = server.connect_and_send("hello");
    client.shutdown(Shutdown::Write).unwrap();
    expect_answer(&mut client, "hello");
    until("the child is gone", || server.children().is_empty());
    assert!(heard_nothing(&client), "an end of file would be something");
    assert_eq!(server.descriptors(), at_first + 1);
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn forgets_descriptor_serves_every_second_client() {
    let server = Server::start("select --defect forgets-descriptor");
    let mut one = server.connect_and_send("one");
    expect_answer(&mut one, "one");
    let two = server.connect_and_send("two");
    let mut three = server.connect_and_send("three");
    expect_answer(&mut three, "three");
    assert!(heard_nothing(&two));
    assert_eq!((server.unread_from(&two), server.accept_queue()), (3, 0));
}

#[test]
fn reuses_set_stops_accepting() {
    let server = Server::start("select --defect reuses-set");
    let mut one = server.connect_and_send("one");
    expect_answer(&mut one, "one");
    one.write_all(b"the listener is lost").unwrap();
    expect_answer(&mut one, "the listener is lost");
    let two = server.connect_and_send("two");
    one.write_all(b"later").unwrap();
    expect_answer(&mut one, "later");
    assert!(heard_nothing(&two));
    assert_eq!(server.accept_queue(), 1);
}

#[test]
fn beyond_fd_setsize_writes_into_its_neighbour() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert!(hard >= 2000, "this test needs a hard limit of 2000 descriptors");
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(20_000), hard).unwrap();
    let mut server = Server::start("select --defect beyond-fd-setsize");
    let mut clients: Vec<_> = (0..1030).map(|_| server.connect()).collect();
    assert_eq!(server.complaint(), "FD_SET(1024) wrote 0x1 into word 16, but an fd_set ends with word 15\n");
    // It even works, which is why the mistake lives so long.
    clients[1029].write_all(b"hello").unwrap();
    expect_answer(&mut clients[1029], "hello");
}

#[test]
fn racy_queue_gives_two_workers_to_one_client() {
    let server = Server::start("pool --defect racy-queue --workers 2");
    let mut one = server.connect();
    let mut two = server.connect();
    until("both workers have come for the first client", || server.threads_in(libc::SYS_recvfrom) == 2);
    one.write_all(b"one").unwrap();
    expect_answer(&mut one, "one");
    two.write_all(b"two").unwrap();
    one.write_all(b"again").unwrap();
    expect_answer(&mut one, "again");
    assert!(heard_nothing(&two));
    assert_eq!(server.unread_from(&two), 3);
}

#[test]
fn fork_failure_as_child_leaves_the_client_waiting() {
    let server = Server::start_without_children("fork --defect fork-failure-as-child");
    let at_first = server.descriptors();
    let client = server.connect();
    until("the server has accepted the client", || server.descriptors() == at_first + 1);
    until("the server sleeps", || server.state() == 'S');
    assert!(heard_nothing(&client), "an end of file would be something");

    let mut server = Server::start_without_children("fork");
    let mut client = server.connect();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert!(server.complaint().contains("refused a client: fork failed with EAGAIN"));
}

#[test]
fn closes_one_copy_burns_a_cpu_and_keeps_the_connection() {
    let server = Server::start("epoll-lt --defect closes-one-copy");
    let at_first = server.descriptors();
    let mut client = server.connect_and_send("hello");
    expect_answer(&mut client, "hello");
    assert_eq!(server.descriptors(), at_first + 2);
    client.shutdown(Shutdown::Write).unwrap();
    until("it burns 20 clock ticks", || server.ticks() > 20);
    assert_eq!(server.descriptors(), at_first + 1);
    assert!(heard_nothing(&client), "an end of file would be something");
}

#[test]
fn lists_anew_hears_the_first_two_alone() {
    let server = Server::start("epoll-lt --defect lists-anew --buffer 1");
    until("the server sleeps", || server.state() == 'S');
    server.signal(Signal::SIGSTOP);
    until("the server stops", || server.state() == 'T');
    let [mut one, two] = [(); 2].map(|()| server.connect_and_send(&"x".repeat(60_000)));
    let three = server.connect_and_send("three");
    until("all are queued", || server.accept_queue() == 3);
    server.signal(Signal::SIGCONT);
    // The third is accepted early, and heard when the first two have nothing left.
    until("the third is accepted", || server.accept_queue() == 0);
    expect_answer(&mut one, &"x".repeat(1000));
    assert!(heard_nothing(&three) && server.unread_from(&three) == 5);
    drop(two);
}
